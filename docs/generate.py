"""Fragments of the documentation, written from the toolkit's own objects."""

from pathlib import Path

from flrdt.derive import (
    energy_map,
    innermost,
    mixture_form,
    monotonicity,
    objective,
    plain_level,
    recursion,
    relations,
    relu,
    render,
    scaling,
    stationarity,
    zero_free_strip,
)
from flrdt.derive.notation import Level
from flrdt.evaluate.tables import single_layer


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
