"""What the commands share: options, progress on stderr, output of results."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable
from typing import Any

from ..machine.streams import put

__all__ = [
    "columns",
    "emit",
    "level_options",
    "notation_option",
    "output_option",
    "place",
    "problem_options",
    "progress",
]


def level_options(parser: argparse.ArgumentParser, level: bool = True) -> None:
    """``--level``, ``--gate``, ``--digits``, ``--json``."""
    if level:
        parser.add_argument("--level", default="2", metavar="R", help="1, 2p, 2, 3, ... (default 2)")
    parser.add_argument(
        "--gate",
        default="relu",
        metavar="GATE",
        help="relu, relu-bias:B, relu6, hardsigmoid, hardtanh, softshrink:LAMBDA, hardshrink:LAMBDA, threshold:B, "
        "leaky-relu:SLOPE, or an active set like '(-1,1)' (default relu)",
    )
    parser.add_argument(
        "--radius",
        default="1",
        metavar="R",
        help="norm of the inputs, for gates that are not positively homogeneous (default 1)",
    )
    parser.add_argument("--digits", default="30", metavar="D", help="digits asked for (default 30)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def columns(output: str | None) -> int:
    """Width for formulas in text: that of the terminal, and otherwise one that does not depend on where it runs."""
    from flrdt.derive.render.unicode_text import COLUMNS

    if output is not None or not sys.stdout.isatty():
        return COLUMNS
    return shutil.get_terminal_size((COLUMNS, 24)).columns


def notation_option(parser: argparse.ArgumentParser) -> None:
    """``--notation NAME``."""
    parser.add_argument("--notation", default="toolkit", metavar="N", help="toolkit or replica (default toolkit)")


def place(path: str) -> str:
    """The type of an option that names a file to write: refused at once if it cannot be written."""
    from ..machine.files import FileError, check_place

    try:
        return check_place(path)
    except FileError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def output_option(parser: argparse.ArgumentParser) -> None:
    """``--output FILE``."""
    parser.add_argument("--output", metavar="FILE", type=place, help="write to a file instead of standard output")


def progress() -> Callable[[str], None]:
    """Messages on stderr once a computation has taken two seconds; on a terminal they overwrite each other."""
    started = time.perf_counter()
    terminal = sys.stderr.isatty()

    def report(message: str) -> None:
        elapsed = time.perf_counter() - started
        if elapsed < 2:
            return
        if terminal:
            print(f"\r\033[K[{elapsed:6.1f} s] {message}", end="", file=sys.stderr, flush=True)
        else:
            print(f"[{elapsed:6.1f} s] {message}", file=sys.stderr, flush=True)

    return report


def finish_progress() -> None:
    """Clear the progress line of a terminal."""
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def emit(text: str | dict[str, Any], output: str | None = None) -> None:
    """Print a result, or write it to a file; dictionaries become JSON."""
    finish_progress()
    body = json.dumps(text, indent=2) if isinstance(text, dict) else text
    if output is None:
        put(body)
    else:
        from ..machine.files import write_file

        write_file(output, body + "\n")


def problem_options(parser: argparse.ArgumentParser, order: bool = True) -> None:
    """``--problem`` and ``--order``: the word that every command accepts."""
    parser.add_argument(
        "--problem",
        metavar="WORD",
        help="another problem of the family: perceptron:kappa=-3/2, strip:1, outside:1, set:'[-2,-1] U [1,2]', committee:relu, "
        "hinge:kappa=1, quadratic:kappa=1, l0:kappa=0, sk, hopfield:+, ising:kappa=0, ising-strip:1, ising-outside:1 "
        "(default: injectivity of a ReLU layer)",
    )
    if order:
        parser.add_argument(
            "--order",
            default="falling",
            choices=("falling", "free"),
            help="order of the lifting parameters: falling (default), or free, which is no bound and says so",
        )
