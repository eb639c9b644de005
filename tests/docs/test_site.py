"""The built site in a real browser without a network: formulas have size, no raw TeX, no console errors, light pages.

The site is taken from the folder that the environment variable FLRDT_SITE names, or is built first.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium found: install the package chromium"),
    pytest.mark.skipif(shutil.which("chromedriver") is None, reason="no chromedriver: install chromium-driver"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    if "FLRDT_SITE" in os.environ:
        return Path(os.environ["FLRDT_SITE"])
    pytest.importorskip("sphinx", reason="no Sphinx: python -m pip install '.[docs]'")
    target = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", str(ROOT / "docs"), str(target)]
    subprocess.run(words, check=True)
    return target


@pytest.fixture(scope="module")
def pages(site):
    found = sorted(p for p in site.rglob("*.html") if "_static" not in p.parts)
    assert len(found) > 15
    return found


@pytest.fixture(scope="module")
def browser():
    webdriver = pytest.importorskip("selenium.webdriver", reason="no selenium: python -m pip install selenium")
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    blocked = "--host-resolver-rules=MAP * ~NOTFOUND"  # no host but local files can be reached
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", blocked):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    yield driver
    driver.quit()


STATE = """
const done = arguments[0];
document.querySelectorAll('details').forEach(d => d.open = true);
document.fonts.ready.then(() => requestAnimationFrame(() => requestAnimationFrame(() => done(state()))));
function state() {
const formulas = [...document.querySelectorAll('math')];
const boxes = formulas.map(m => m.getBoundingClientRect());
const text = [...document.querySelectorAll('p, li, td, h1, h2, h3, div.math-display, div.display')]
  .map(e => e.innerText).join(' ');
return {
  formulas: boxes.length,
  empty: formulas.filter((m, i) => boxes[i].width < 2 || boxes[i].height < 2).map(m => m.parentElement.outerHTML),
  broken: [...document.images].filter(i => !i.naturalWidth).length,
  wide: document.documentElement.scrollWidth - window.innerWidth,
  remote: performance.getEntriesByType('resource').map(e => e.name).filter(n => !/^(file|data):/.test(n)),
  text: text,
  origins: [...document.querySelectorAll('math[display=block]')].filter(m => !m.closest('.cell_output')).map(m => m.closest('[data-formula]')?.dataset.formula ?? ''),
  unnamed: [...document.querySelectorAll('div.formula')].filter(f => !f.querySelector('.formula-id code')).length,
};
}
"""


@pytest.fixture(scope="module")
def known(site):
    """Ids in the formula index."""
    index = (site / "_generated" / "formulas" / "index.html").read_text()
    return {*re.findall(r'<code[^>]*><span class="pre">([^<]+)</span></code>', index)}


@pytest.fixture(params=[390, 1280])
def width(browser, request):
    """The width of a phone and of a desktop."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": request.param, "height": 900, "deviceScaleFactor": 1, "mobile": request.param < 800},
    )
    return request.param


def read(browser, page, name, width):
    """Open a page, unfold everything on it, and look for what a reader would trip over."""
    browser.get(page.as_uri())
    state = browser.execute_async_script(STATE)
    assert state["empty"] == [] and state["broken"] == 0 and state["unnamed"] == 0, (name, state)
    assert state["remote"] == [] and state["wide"] <= 1, (name, state["wide"], state["remote"])
    assert not re.search(r"\\(frac|left|mathbb|sqrt|alpha|begin)\b|\$\$", state["text"]), name
    errors = [e for e in browser.get_log("browser") if e["level"] == "SEVERE"]
    assert errors == [], (name, errors)
    folder = os.environ.get("FLRDT_SCREENSHOTS")
    if folder:
        browser.save_screenshot(str(Path(folder) / f"{width}-{'-'.join(name.with_suffix('').parts)}.png"))
    return state


def typical(pages):
    """Every page, but one in five of the many that a template makes of a module: its reference and its source."""
    alike = [p for p in pages if {"_modules", "api"} & {*p.parts}]
    return [p for p in pages if p not in alike] + alike[::5]


def test_pages_in_the_browser(browser, pages, site, known, width):
    formulas = 0
    for page in typical(pages):
        name = page.relative_to(site)
        state = read(browser, page, name, width)
        formulas += state["formulas"]
        # every displayed formula names the formula of the index that it was rendered from
        assert {*state["origins"]} <= known, (name, {*state["origins"]} - known)
    assert formulas > 300


FILTER = """
const form = document.querySelector('.formula-filter');
for (const [name, value] of Object.entries(arguments[0])) form[name].value = value;
form.dispatchEvent(new Event('input'));
const shown = [...document.querySelectorAll('.formula-card')].filter(c => c.checkVisibility());
return shown.map(c => [c.querySelector('code').textContent, c.querySelectorAll('math').length]);
"""


def test_the_formula_index(browser, site, known, width):
    """Short at first; the filter leaves what was asked for, each formula with its picture."""
    browser.get((site / "_generated" / "formulas" / "index.html").as_uri())
    assert browser.execute_script("return document.documentElement.scrollHeight") < 5000
    assert browser.execute_script(FILTER, {}) == []  # the families are closed
    found = browser.execute_script(FILTER, {"family": "relations", "text": "c_2"})
    assert "relations.2.c_2" in dict(found) and all(pictures for _, pictures in found)
    assert {name for name, _ in found} == {k for k in known if k.startswith("relations.") and "c_2" in k}
    assert browser.execute_script(FILTER, {"family": "", "text": "no such formula"}) == []


@pytest.mark.parametrize("id", ["relations.2.c_2", "gaussian.heat", "envelope.relu"])
def test_the_search_finds_an_id_first(browser, site, id):
    browser.get(f"{(site / 'search.html').as_uri()}?q={id}")
    script = "return document.querySelector('#search-results li a')?.getAttribute('href')"
    first = next(filter(None, (time.sleep(0.1) or browser.execute_script(script) for _ in range(300))), None)
    page, _, anchor = (first or "").partition("#")
    assert anchor and f'id="{anchor}"' in (site / page).read_text()
    assert first.startswith(f"_generated/formulas/{id.partition('.')[0]}")
    assert anchor == re.sub(r"[^a-z0-9]+", "-", id)


def test_other_projects_can_refer_to_formulas(site, known):
    inventory = zlib.decompress((site / "objects.inv").read_bytes().split(b"zlib.\n", 1)[1]).decode()
    listed = {line.split(" formula:entry ")[0] for line in inventory.splitlines() if " formula:entry " in line}
    assert len(listed) > 100 and listed <= known


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """The reports of one layer (level 3, 30 digits) and of a deep network."""
    from flrdt.evaluate.output import reports
    from flrdt.evaluate.output.report_folder import store

    folder = tmp_path_factory.mktemp("reports")
    store(reports.build(3, 30), folder / "one")
    store(reports.build("2p", 20, depth=3, notion="strong"), folder / "deep")
    return folder


@pytest.mark.parametrize("network", ["one", "deep"])
def test_reports_in_the_browser(browser, reports, network, width):
    browser.get_log("browser")  # what other pages have said, such as a search that cannot fetch from a disk
    page = reports / network / "report.html"
    state = read(browser, page, Path(f"report-{network}.html"), width)
    derived = json.loads((page.parent / "provenance.json").read_text())["derivations"]
    assert state["formulas"] > 60 and {*derived} <= {*state["origins"]} and "" not in state["origins"]
    assert page.stat().st_size < 4_000_000


COLOURS = """
const luminance = colour => (c => (c[0] + c[1] + c[2]) / 3)(colour.match(/[0-9.]+/g).map(Number));
const formula = document.querySelector('math'), figure = document.querySelector('article img');
return {
  page: luminance(getComputedStyle(document.body).backgroundColor),
  text: luminance(getComputedStyle(document.querySelector('article p')).color),
  formula: formula ? luminance(getComputedStyle(formula).color) : null,
  figure: figure ? getComputedStyle(figure).filter : null,
};
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_formulas_and_figures_follow_the_colours_of_the_page(browser, site, scheme):
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    try:
        for name in ("course/relations.html", "course/problem.html", "deep.html"):
            browser.get((site / name).as_uri())
            found = browser.execute_script(COLOURS)
            front, back = (min, max) if scheme == "light" else (max, min)
            assert back(found["page"], 128) == found["page"], (name, found)
            assert front(found["text"], 128) == found["text"] and front(found["formula"], 128) == found["formula"], name
            if found["figure"] is not None:
                assert ("invert" in found["figure"]) == (scheme == "dark"), (name, found)
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_pages_are_light_and_local(pages, site):
    for page in pages:
        assert page.stat().st_size < 4_000_000, page  # whole derivations as MathML
        text = page.read_text()
        for tag in re.findall(r"<(?:script|link|img|iframe|source)\b[^>]*>", text):
            assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", tag), (page, tag)
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(?:https?:)?//|@import", sheet.read_text()), sheet


def test_internal_links_lead_somewhere(pages):
    anchors = {p.resolve(): set(re.findall(r'\bid="([^"]+)"', p.read_text())) for p in pages}
    for page in pages:
        for target in re.findall(r'<a\b[^>]*href="([^"]+)"', page.read_text()):
            # source pages lead back by the name where a thing is made, not where it is shown, and list built-in modules
            if re.match(r"[a-z]+:", target) or "_modules" in page.parts:
                continue
            path, _, anchor = target.partition("#")
            there = (page.parent / path).resolve() if path else page.resolve()
            assert there.exists(), (page, target)
            assert not anchor or there not in anchors or anchor in anchors[there], (page, target)
