"""Figures in files, without a display: made through matplotlib's object interface, written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

from ..arithmetic.decimals import InputError
from ..machine.files import check_place, write_file

__all__ = [
    "check_figure",
    "empty_figure",
    "house_style",
    "look",
    "new_figure",
    "rendered",
    "require_matplotlib",
    "save_figure",
]

SUFFIXES = (".png", ".svg", ".pdf")
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""The palette of Okabe and Ito, which people with any colour vision tell apart; without its yellow, too light for a line."""
LINES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v")


def look(number: int) -> dict[str, str]:
    """Colour, line style and marker of the curve of a number: no two of the first 140 share all three.

    >>> look(0), look(8)["color"] == look(1)["color"]
    ({'color': '#0072B2', 'linestyle': '-', 'marker': 'o'}, True)
    """
    kinds = {"color": COLOURS, "linestyle": LINES, "marker": MARKERS}
    return {name: values[number % len(values)] for name, values in kinds.items()}


@contextmanager
def house_style() -> Iterator[None]:
    """Matplotlib's own settings and ours, whatever the user's ``matplotlibrc`` says; a context, or a decorator of drawing."""
    require_matplotlib()
    from cycler import cycler
    from matplotlib import rc_context, rcdefaults, rcParams

    with rc_context():
        rcdefaults()
        rcParams["axes.prop_cycle"] = cycler(color=COLOURS)
        rcParams["svg.hashsalt"] = "flrdt"
        yield


def require_matplotlib() -> None:
    """Raise ``InputError`` with what to install where figures cannot be drawn."""
    if find_spec("matplotlib") is None:
        raise InputError("figures need matplotlib: python -m pip install 'flrdt[plot]'")


def check_figure(output: str) -> str:
    """The format a file name asks for; raises ``InputError`` for a file that could not be written, before any work."""
    suffix = Path(output).suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"figure {output}: use a file name that ends in {', '.join(SUFFIXES)}")
    check_place(output)
    require_matplotlib()
    return suffix[1:]


def new_figure(output: str, width: float = 6.4, height: float = 4.2) -> Any:
    """An empty figure; raises as :func:`check_figure`."""
    check_figure(output)
    return empty_figure(width, height)


def empty_figure(width: float, height: float) -> Any:
    """A figure without axes, of a size in inches."""
    require_matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def rendered(figure: Any, kind: str, background: bool = True) -> bytes:
    """The figure as ``svg``, ``pdf`` or ``png``; the same figure gives the same bytes (no dates, fixed identifiers).

    Without ``background`` it takes that of the page.
    """
    dated = {"svg": "Date", "pdf": "CreationDate"}.get(kind)
    picture = BytesIO()
    with house_style():
        figure.savefig(picture, format=kind, metadata={dated: None} if dated else None, transparent=not background)
    return picture.getvalue()


def save_figure(figure: Any, output: str) -> None:
    """Write the figure, or leave what was there."""
    write_file(output, rendered(figure, check_figure(output)))
