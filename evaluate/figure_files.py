"""Figures in files: the formats, and writing one whole or not at all."""

from __future__ import annotations

from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

from .decimals import InputError

__all__ = ["figure_format", "new_figure", "save_figure"]


def figure_format(path: str) -> str:
    """The format that a file name asks for; raises ``InputError`` for others, or without matplotlib."""
    if Path(path).suffix not in (".png", ".svg", ".pdf"):
        raise InputError(f"figure {path}: use a name that ends in .png, .svg or .pdf")
    if find_spec("matplotlib") is None:
        raise InputError("figures need matplotlib: pip install 'flrdt[plot]'")
    return Path(path).suffix[1:]


def new_figure(path: str) -> tuple[Any, Any]:
    """An empty figure and its axes; raises as :func:`figure_format`."""
    figure_format(path)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    return figure, figure.add_subplot()


def save_figure(figure: Any, path: str) -> None:
    """Write the figure, or leave what was there."""
    from .commands.common import write_atomically

    picture = BytesIO()
    figure.savefig(picture, format=figure_format(path))
    write_atomically(path, picture.getvalue())
