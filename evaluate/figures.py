"""Figures without a display: made through matplotlib's object interface, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from .decimals import InputError

__all__ = ["save", "wide_figure"]

SUFFIXES = (".png", ".svg", ".pdf")


def wide_figure(output: str) -> Any:
    """An empty figure with room for two panels; raises ``InputError`` for a file it could not be saved to."""
    target = Path(output)
    if target.suffix not in SUFFIXES:
        raise InputError(f"output {output}: use a file name that ends in {', '.join(SUFFIXES)}")
    if not target.parent.is_dir():
        raise InputError(f"output {output}: the folder {target.parent} does not exist")
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("figures need matplotlib: python -m pip install 'flrdt[plot]'") from None
    return Figure(figsize=(9, 3.6), layout="constrained")


def save(figure: Any, output: str) -> None:
    """Write the figure under a temporary name and rename it; the same figure gives the same bytes."""
    from matplotlib import rc_context

    target = Path(output)
    dated = {".svg": "Date", ".pdf": "CreationDate"}.get(target.suffix)
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, suffix=target.suffix)
        os.close(handle)
        try:
            with rc_context({"svg.hashsalt": "flrdt"}):
                figure.savefig(name, metadata={dated: None} if dated else None)
            os.replace(name, target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as problem:
        raise InputError(f"cannot write {output}: {problem.strerror or problem}") from None
