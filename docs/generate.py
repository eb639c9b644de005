"""Fragments of the documentation, written from the toolkit's own objects."""

from pathlib import Path

from flrdt.derive import (
    energy_map,
    hidden_exponential,
    hidden_mean,
    inner_maximum,
    innermost,
    layer_recursion,
    lifted_hidden,
    mixture_form,
    monotonicity,
    objective,
    plain_level,
    recursion,
    relations,
    relu,
    relu_network,
    render,
    scaling,
    stationarity,
    zero_free_strip,
)
from flrdt.derive.notation import Level
from flrdt.derive.stability import replicon
from flrdt.evaluate.decimals import known_digits
from flrdt.evaluate.stability import replicon as unstable
from flrdt.evaluate.stability import thermal_instability
from flrdt.evaluate.tables import deep_networks, single_layer


def stability_sentence() -> str:
    """The outer replicon of level 2 and the thermal point, as numbers."""
    outer, thermal = unstable(2, 6), thermal_instability(8)
    eigenvalue = known_digits(outer.eigenvalue, outer.error, 6)
    alpha = known_digits(thermal.alpha, thermal.error, 8)
    return f"Outer replicon of level 2: {eigenvalue}. Thermal instability of the plain level: alpha = {alpha}."


def fragments() -> dict[str, str]:
    """Name and Markdown of every fragment."""

    def show(*formulas, steps=True):
        return render.formulas(formulas, "markdown", steps=steps)

    return {
        "objective-psi": show(objective(level=2).formula("psi"), steps=False),
        "objective-energy": show(objective(level=2).formula("energy"), steps=False),
        "energy-map": show(energy_map(Level(2))),
        "innermost": show(innermost(relu()).formula),
        "analyticity": show(mixture_form(), monotonicity(), zero_free_strip()),
        "plain": show(plain_level().formula),
        "relations": show(*relations(2).formulas),
        "recursion": show(recursion()),
        "scaling": show(scaling(2)),
        "stationarity": show(*stationarity(2)),
        "deep-objective": show(objective(relu_network(depth=3), "2p").formula(), steps=False),
        "deep-inner": show(inner_maximum().formula),
        "deep-closed-forms": show(hidden_mean(), hidden_exponential(), steps=False),
        "deep-recursion": show(layer_recursion().formula, steps=False),
        "deep-lifted": show(lifted_hidden().formula, steps=False),
        "table-deep": deep_networks(["1", "2p"], range(1, 7), 20).render("markdown"),
        "replicon": show(replicon(2, 2)),
        "stability": stability_sentence(),
        "table-single": single_layer(["1", "2p", "2", "3"], 30).render("markdown"),
    }


def write(folder: Path) -> None:
    """Write the fragments; unchanged files are left alone."""
    folder.mkdir(exist_ok=True)
    for name, text in fragments().items():
        target = folder / f"{name}.md"
        # fragments are included into pages: headings become plain bold lines there
        lines = [f"**{line.lstrip('#').strip()}**" if line.startswith("#") else line for line in text.splitlines()]
        body = "\n".join(lines) + "\n"
        if not target.exists() or target.read_text() != body:
            target.write_text(body)
