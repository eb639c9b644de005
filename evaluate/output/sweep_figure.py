"""Figure of a sweep: the value over the setting with the most values, one curve per combination of the others."""

from __future__ import annotations

from collections.abc import Sequence

from ..sweeps.grids import GRIDS, NETWORKS, Row
from ..sweeps.neighbours import number_of
from .figures import house_style, look, new_figure, save_figure

__all__ = ["draw"]


@house_style()
def draw(rows: Sequence[Row], path: str) -> None:
    """Draw the rows that have a value.  Raises as :func:`~flrdt.evaluate.output.figures.check_figure`."""
    figure = new_figure(path)
    axes = figure.add_subplot()
    grid = next(grid for grid in GRIDS if not rows or set(grid.columns) == set(rows[0]))
    solved = [row for row in rows if row[grid.value]]
    values = {key: list(dict.fromkeys(row[key] for row in solved)) for key in grid.settings}
    along = max(grid.settings, key=lambda key: len(values[key]))
    others = [key for key in grid.settings if key != along and len(values[key]) > 1]
    positions = _positions(values[along])
    curves: dict[tuple[str, ...], list[tuple[float, float]]] = {}
    for row in solved:
        curves.setdefault(tuple(row[key] for key in others), []).append((positions[row[along]], float(row[grid.value])))
    for number, (labels, points) in enumerate(curves.items()):
        name = ", ".join(f"{key} {label}" for key, label in zip(others, labels, strict=True))
        axes.plot(*zip(*sorted(points), strict=True), label=name or None, markersize=4, **look(number))
    if others:
        axes.legend()
    if any(positions[value] != number_of(value) for value in values[along]):
        axes.set_xticks(range(len(values[along])), values[along], rotation=30, ha="right")
    axes.set(xlabel=along, ylabel="injectivity capacity" if grid is NETWORKS else "value")
    save_figure(figure, path)


def _positions(values: Sequence[str]) -> dict[str, float]:
    numbers = [number_of(value) for value in values]
    families = {value.rpartition(":")[0] for value in values}
    if None in numbers or len(families) > 1:
        return {value: float(index) for index, value in enumerate(values)}
    return {value: float(number) for value, number in zip(values, numbers, strict=True) if number is not None}
