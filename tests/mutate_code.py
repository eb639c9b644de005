"""Mutants of the code: arithmetic of ``derive`` and ``evaluate`` changed at sites drawn by a seed, and the tests that notice.

``python tests/mutate_code.py record`` runs every test file once in a copy of the package whose functions report that they
run: what a test calls is what it can notice.  ``python tests/mutate_code.py run`` changes one site after the other in a copy
and runs the tests that call the changed function, the fastest first, until one fails.  Both continue where they were stopped.
Results are kept in ``tests/code_mutants.json``, with the reason for those that are left alive; ``docs/evidence.md`` shows them.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib.util
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "tests/code_mutants.json"
SEED, SITES = 17, 420
SECONDS = 60.0  # of processor time that a batch of tests of one mutant may take by itself
NEAREST = 4  # files of tests that are tried first
BROKEN = 70  # exit code of a child in which pytest itself did not run
ALLOWED = 3  # times that; a mutant that takes longer is stopped
PACKAGES = ("derive", "evaluate")
NO_ARITHMETIC = {"report", "add_argument", "TypeVar", "getLogger"}  # calls whose arguments are text or progress
OPERATORS: dict[type, type] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.MatMult: ast.Mult,
}  # fmt: skip
COMPARISONS: dict[type, tuple[type, ...]] = {
    ast.Lt: (ast.GtE, ast.LtE), ast.LtE: (ast.Gt, ast.Lt), ast.Gt: (ast.LtE, ast.GtE), ast.GtE: (ast.Lt, ast.Gt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,),
}  # fmt: skip

KNOWN = [
    ("evaluate/solve/newton.py", "value_error=left_out + here.radius + beyond", "value_error=here.radius + beyond"),
    ("evaluate/solve/newton.py", "value_error=left_out + here.radius + beyond", "value_error=left_out + here.radius"),
    ("evaluate/solve/newton.py", "noise = slope_out + here.radius", "noise = here.radius"),
    ("evaluate/solve/newton.py", "spread = [a + noise", "spread = [0 * a + noise"),
    (
        "evaluate/solve/enclosure.py",
        "return image if all(b.contains_interior(k) for b, k in zip(box, image, strict=True)) else None",
        "return image",
    ),
    ("evaluate/solve/newton.py", "if not system.inside(values):", "if False:"),
    ("evaluate/solve/newton.py", "if system.negative is not None and signs[1] != system.negative:", "if False:"),
    ("evaluate/solve/deep_closed.py", "if reached < value:", "if True:"),
    ("evaluate/solve/starts.py", "best = min(ends, key=lambda m: m.value)", "best = ends[0]"),
    ("evaluate/solve/starts.py", "for a, p, y in seeds]", "for a, p, y in seeds[:1]]"),
    ("evaluate/results/capacity.py", "if level.r > 1 and not the_gate.convex_complement:", "if False:"),
    ("evaluate/results/chain.py", "errors.append(own + carried)", "errors.append(own)"),
]
"""Changes that no test noticed once: module, text, changed text.  ``tests/evaluate/test_error_figures.py`` notices all."""


@dataclass(frozen=True)
class Site:
    """A node of a module and what it is changed to; ``key`` says both, and which of several equal ones it is."""

    module: str
    function: str
    before: str
    after: str
    count: int
    line: int
    source: str = ""

    @property
    def key(self) -> str:
        return f"{self.module}::{self.function}::{self.before} -> {self.after}" + (
            f" #{self.count}" if self.count else ""
        )


def changed_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """The mutants of one node."""

    def using(**fields: object) -> ast.AST:
        other = copy.copy(node)
        for name, value in fields.items():
            setattr(other, name, value)
        return other

    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS and not _joins(node):
        yield using(op=OPERATORS[type(node.op)]())
        if isinstance(node.op, (ast.Add, ast.Sub)):
            yield node.left  # the term dropped
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node.operand
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for other in COMPARISONS.get(type(node.ops[0]), ()):
            yield using(ops=[other()])
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield ast.Constant(node.value + 1 if isinstance(node.value, int) else 2 * node.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("max", "min", "any", "all"):
        swap = {"max": "min", "min": "max", "any": "all", "all": "any"}[node.func.id]
        yield using(func=ast.Name(swap, ast.Load()))


def _joins(node: ast.BinOp) -> bool:
    """Whether texts or lists are put together, which is no arithmetic."""
    kinds = (ast.JoinedStr, ast.List, ast.Tuple)
    texts = (isinstance(s, ast.Constant) and isinstance(s.value, str) for s in (node.left, node.right))
    return any(texts) or any(isinstance(s, kinds) for s in (node.left, node.right))


class _Walk(ast.NodeVisitor):
    """Collects the sites of a module, or replaces one of them."""

    def __init__(self, module: str) -> None:
        self.module, self.names, self.found, self.seen = module, [], [], Counter()  # type: ignore[var-annotated]

    def visit(self, node: ast.AST) -> None:
        for changed in changed_nodes(node):
            before, after = (" ".join(ast.unparse(n).split()) for n in (node, changed))
            where = ".".join(self.names)
            place = (where, before, after)
            self.found.append((Site(self.module, where, before, after, self.seen[place], node.lineno), node, changed))
            self.seen[place] += 1
        self.generic_visit(node)

    def generic_visit(self, node: ast.AST) -> None:
        named = isinstance(node, (ast.FunctionDef, ast.ClassDef))
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in NO_ARITHMETIC:
            return
        if named:
            self.names.append(node.name)
        for name, value in ast.iter_fields(node):
            if name not in ("annotation", "returns", "decorator_list"):
                for item in value if isinstance(value, list) else [value]:
                    if isinstance(item, ast.AST) and not isinstance(item, (ast.JoinedStr, ast.operator, ast.cmpop)):
                        self.visit(item)
        if named:
            self.names.pop()


def sites(module: str) -> list[tuple[Site, ast.AST, ast.AST, ast.Module]]:
    """All sites of a module, with the tree they belong to."""
    tree = ast.parse((ROOT / module).read_text())
    walk = _Walk(module)
    walk.visit(tree)
    return [(site, node, changed, tree) for site, node, changed in walk.found]


def mutated(site: Site) -> str | None:
    """The source of the module with the site changed, ``None`` if it is not there any more."""
    for other, node, changed, tree in sites(site.module):
        if other.key == site.key:

            class Replace(ast.NodeTransformer):
                def visit(self, seen: ast.AST, node: ast.AST = node, changed: ast.AST = changed) -> ast.AST:
                    return changed if seen is node else self.generic_visit(seen)

            return ast.unparse(ast.fix_missing_locations(Replace().visit(tree)))
    return None


def modules() -> list[str]:
    """Paths of the modules."""
    found = (p.relative_to(ROOT) for package in PACKAGES for p in (ROOT / package).rglob("*.py"))
    return sorted(str(p) for p in found)


def drawn(seed: int = SEED, count: int = SITES) -> list[Site]:
    """Sites in the order they are drawn: one of every module first, then any."""
    everything = [site for module in modules() for site, *_ in sites(module)]
    random.Random(seed).shuffle(everything)
    first: dict[str, Site] = {}
    for site in everything:
        first.setdefault(site.module, site)
    chosen = list(dict.fromkeys([*first.values(), *everything]))
    return chosen[:count]


def package_copy(folder: Path) -> Path:
    """A copy of the package as it is when installed, to be put on the path."""
    target = folder / "flrdt"
    shutil.rmtree(target, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "evaluate/entry", target, ignore=ignored)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, target / package, ignore=ignored)
    return target


class _Report(ast.NodeTransformer):
    """Every function says that it runs."""

    def __init__(self, module: str) -> None:
        self.module, self.names = module, []  # type: ignore[var-annotated]

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.names.append(node.name)
        self.generic_visit(node)
        self.names.pop()
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.names.append(node.name)
        self.generic_visit(node)
        here = f"{self.module}::{'.'.join(self.names)}"
        self.names.pop()
        place = int(ast.get_docstring(node) is not None)
        node.body.insert(
            place, ast.parse(f"__import__('builtins').__dict__.setdefault('_ran', set()).add({here!r})").body[0]
        )
        return node


class _Recorder:
    """Pytest plugin: which functions every test calls, and its processor time."""

    def __init__(self) -> None:
        self.tests: dict[str, list] = {}

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        _ran().clear()
        self.started = time.process_time()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.tests[nodeid] = [round(time.process_time() - self.started, 3), sorted(_ran())]


def _ran() -> set:
    import builtins

    return builtins.__dict__.setdefault("_ran", set())


def in_child(package: Path, call, seconds: float, output: Path) -> int | None:
    """The exit code of a call in a forked process that imports the copy; ``None`` if it takes more processor time."""
    child = os.fork()
    if child == 0:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 5))
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
        handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        sys.path[:0] = [str(package.parent), str(ROOT)]
        os.environ["PYTHONPATH"] = f"{package.parent}{os.pathsep}{ROOT}"
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        code = BROKEN
        try:
            code = call()
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    ends = time.monotonic() + 20 * seconds + 60
    try:
        while time.monotonic() < ends:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else None
            time.sleep(0.05)
    except BaseException:
        _end(child)
        raise
    _end(child)
    return None


def _end(child: int) -> None:
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)


def pytest_call(arguments: list[str], plugins: list | None = None) -> int:
    """pytest in this process, as quick as it can be."""
    import pytest

    os.chdir(ROOT)
    return int(pytest.main(["-q", "-x", "--tb=line", "-p", "no:cacheprovider", "-p", "no:xdist", *arguments], plugins))


def test_files() -> list[str]:
    """The files of tests whose verdict depends on the code, not on text beside it."""
    found = sorted((ROOT / "tests").rglob("test_*.py"))
    return [str(p.relative_to(ROOT)) for p in found if "docs" not in p.parts and p.name != "test_interruption.py"]


def record(work: Path, wanted: list[str]) -> None:
    """Record what the tests of every file call; files that are recorded already are left alone."""
    instrumented = package_copy(work / "recorded")
    for path in instrumented.rglob("*.py"):
        module = str(path.relative_to(instrumented))
        if module.split("/")[0] in PACKAGES:
            tree = _Report(module).visit(ast.parse(path.read_text()))
            path.write_text(ast.unparse(ast.fix_missing_locations(tree)))
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(instrumented)], check=True)
    (work / "calls").mkdir(exist_ok=True)
    for file in [f for f in test_files() if not wanted or any(w in f for w in wanted)]:
        target = work / "calls" / (file.replace("/", ".") + ".json")
        if target.exists():
            continue

        def call(file: str = file, target: Path = target) -> int:
            recorder = _Recorder()
            code = pytest_call(["--maxfail=1000", file], [recorder])
            target.write_text(json.dumps({"code": code, "tests": recorder.tests}))
            return code

        code = in_child(instrumented, call, 900, work / "record.txt")
        print(file, "ended with", code, flush=True)


def calls(work: Path) -> dict[str, tuple[float, frozenset[str]]]:
    """Processor time and called functions of every recorded test that passes."""
    found = {}
    for path in sorted((work / "calls").glob("*.json")):
        for name, (seconds, ran) in json.loads(path.read_text())["tests"].items():
            found[name] = (seconds, frozenset(ran))
    return found


def relevant(site: Site, known: dict[str, tuple[float, frozenset[str]]], seconds: float) -> list[list[str]]:
    """Batches of tests: first those of the few files that call the changed function most, then all others.

    Within a batch the fastest come first; the rest of a file is tried too, since a result may be kept between its tests.
    """
    here = f"{site.module}::{site.function}"
    hits = {n for n, (_, ran) in known.items() if here in ran}
    if not hits:  # run when the module is imported: whatever uses the module
        hits = {n for n, (_, ran) in known.items() if any(r.startswith(f"{site.module}::") for r in ran)}
    dotted = "flrdt." + site.module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    doctest = f"tests/test_layout.py::test_doctests[{dotted}]"
    hits |= {doctest} & set(known)
    files = Counter(n.split("::")[0] for n in hits)
    nearest = {f for f, _ in files.most_common(NEAREST)}
    first = [n for n in hits if n.split("::")[0] in nearest]
    others = [n for n in known if n.split("::")[0] in files and "test_layout" not in n and n not in set(first)]
    others += [n for n in hits if n not in set(first) and "test_layout" in n]
    batches: list[list[str]] = []
    for names in (first, others):
        chosen, total = [], 0.0
        for name in sorted(names, key=lambda n: (n not in hits, known[n][0])):
            total += known[name][0]
            if total > seconds and chosen:
                break
            chosen.append(name)
        batches.append(chosen)
    return [b for b in batches if b]


def run(work: Path, first: list[str], again: list[str], most: int, seconds: float) -> None:
    """Try the drawn sites that have no result yet; ``first`` names parts of modules to begin with."""
    tests = calls(work)
    package = package_copy(work / "mutated")
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(package)], check=True)
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    for name in ("pytest", "sympy", "mpmath", "numpy", "flint"):
        __import__(name)
    results, sound = load(), {}  # type: ignore[var-annotated]
    waiting = [s for s in drawn() if s.key not in results or results[s.key]["outcome"] in again]
    waiting.sort(key=lambda s: not any(part in s.module for part in first))
    for site in waiting[:most]:
        batches = relevant(site, tests, seconds)
        entry = {"line": site.line, "outcome": "not run"}
        for chosen in batches:
            entry |= outcome(site, package, chosen, sum(tests[n][0] for n in chosen), work, sound)
            if entry["outcome"] != "survived":
                break
        if entry["outcome"] == "survived":
            entry["tests"] = sum(map(len, batches))
        old = results.get(site.key, {})
        results[site.key] = entry | {k: old[k] for k in ("reason",) if k in old}
        save(results)
        print(f"{entry['outcome']:10} {site.key}", flush=True)
    print(dict(Counter(e["outcome"] for e in results.values())))


def outcome(site: Site, package: Path, chosen: list[str], seconds: float, work: Path, sound: dict[str, bool]) -> dict:
    """``killed`` (and by which test), ``survived``, or ``timed out``, which counts as noticed.

    ``sound`` remembers which of the tests that failed pass without the change; one that does not has no say.
    """
    path = package / site.module
    original = path.read_text()
    source = mutated(site)
    if source is None:
        return {"outcome": "gone"}
    compiled = Path(importlib.util.cache_from_source(str(path)))
    compiled.unlink(missing_ok=True)
    shown = work / "run.txt"
    allowed = ALLOWED * (seconds + 20)
    while True:
        try:
            path.write_text(source)
            code = in_child(package, partial(pytest_call, chosen), allowed, shown)
        finally:
            path.write_text(original)
        if code is None:
            return {"outcome": "timed out"}
        if code == 0:
            return {"outcome": "survived"}
        said = shown.read_text(errors="replace")
        named = [
            line.split(" ", 1)[1].split(" - ")[0] for line in said.splitlines() if line.startswith(("FAILED", "ERROR"))
        ]
        by = next((n for n in chosen if named and n.startswith(named[0])), None)
        if code not in (1, 2) or by is None:  # 1: a test failed, 2: a module of tests could not be imported
            raise RuntimeError(f"pytest ended with {code} at {site.key}: {said[-2000:]}")
        if by not in sound:
            sound[by] = in_child(package, partial(pytest_call, [by]), allowed, shown) == 0
        if sound[by]:
            return {"outcome": "killed", "by": by}
        chosen = [n for n in chosen if n != by]
        if not chosen:
            return {"outcome": "not run"}


def known(work: Path) -> None:
    """Try the changes of :data:`KNOWN`."""
    package = package_copy(work / "mutated")
    for module, before, after in KNOWN:
        path = package / module
        original = path.read_text()
        if before not in original:
            print(f"gone       {module}: {before}")
            continue
        path.write_text(original.replace(before, after))
        arguments = ["tests/evaluate/test_error_figures.py"]
        code = in_child(package, partial(pytest_call, arguments), ALLOWED * SECONDS, work / "run.txt")
        path.write_text(original)
        print(f"{'killed' if code == 1 else 'survived':10} {module}: {before} -> {after}", flush=True)


def load() -> dict[str, dict]:
    """The results so far, by the key of the site."""
    return json.loads(RESULTS.read_text())["mutants"] if RESULTS.exists() else {}


def save(results: dict[str, dict]) -> None:
    """Write the results at once or not at all."""
    shown = {"seed": SEED, "drawn": SITES, "mutants": dict(sorted(results.items()))}
    new = RESULTS.with_suffix(".new")
    new.write_text(json.dumps(shown, indent=1, ensure_ascii=False) + "\n")
    os.replace(new, RESULTS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("list", "record", "run", "known", "summary"))
    parser.add_argument(
        "names", nargs="*", help="parts of names of test files (record), or of modules to begin with (run)"
    )
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "flrdt-mutants")
    parser.add_argument("--again", action="append", default=[], help="an outcome whose mutants are tried again")
    parser.add_argument("--most", type=int, default=SITES, help="mutants to try now")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="processor time of a batch of tests")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    if options.what == "list":
        for site in drawn():
            print(site.key)
    elif options.what == "record":
        record(options.work, options.names)
    elif options.what == "known":
        known(options.work)
    elif options.what == "run":
        run(options.work, options.names, options.again, options.most, options.seconds)
    else:
        print(dict(Counter(e["outcome"] for e in load().values())))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
