"""What the commands share: options, progress on stderr, output of results."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..machine.streams import overwrites, put

if TYPE_CHECKING:
    from flrdt.derive.core.formulas import Formula

__all__ = [
    "admissible",
    "check_words",
    "columns",
    "emit",
    "formulas_page",
    "latex_options",
    "level_options",
    "network_options",
    "network_words",
    "notation_option",
    "output_option",
    "paper_option",
    "place",
    "problem_options",
    "progress",
    "proof_asked",
    "proof_options",
    "refuse_given",
    "refuse_without_problem",
    "refused_problem",
    "show_formulas",
    "terminal_width",
    "the_gate",
]


PERIOD = 10  # seconds between messages where they do not overwrite each other

LEVELS = "1, 2p, 2, 3, ..., or a replica name: RS, 1RSB, 2RSB, ... are 1, 2, 3, ... (default 2)"
GATES = (
    "relu, relu-bias:B, relu6, hardsigmoid, hardtanh, softshrink:LAMBDA, hardshrink:LAMBDA, threshold:B, or an active set "
    "like '(-1,1)'; injective ones, with capacity 1: leaky-relu:SLOPE, arctan, asinh, celu, elu, erf, identity, linear, "
    "logsigmoid, selu, sigmoid, sinh, softplus, softsign, tanh"
)


def level_options(parser: argparse.ArgumentParser, level: bool = True) -> None:
    """``--level``, ``--gate``, ``--digits``, ``--json``."""
    if level:
        parser.add_argument("--level", default="2", metavar="R", help=LEVELS)
    parser.add_argument("--gate", metavar="GATE", help=f"{GATES} (default relu)")
    parser.add_argument("word", nargs="?", metavar="GATE", help="the gate, without --gate")
    parser.add_argument(
        "--radius",
        default="1",
        metavar="R",
        help="norm of the inputs, for gates that are not positively homogeneous (default 1)",
    )
    parser.add_argument("--digits", default="30", metavar="D", help="digits asked for (default 30)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def network_options(parser: argparse.ArgumentParser, first_level: bool = True) -> None:
    """``--depth`` or ``--widths``, ``--notion`` or ``--budget``, ``--first-level``: the network behind gate and radius."""
    deep = parser.add_mutually_exclusive_group()
    deep.add_argument("--depth", metavar="L", help="layers, each hidden one at its own capacity (default 1)")
    deep.add_argument(
        "--widths", metavar="A1,A2,...", help="hidden widths relative to the input: the value behind them"
    )
    required = parser.add_mutually_exclusive_group()
    required.add_argument(
        "--notion", default="weak", metavar="NAME", help="weak (local recoverability, default) or strong (global)"
    )
    required.add_argument(
        "--budget",
        metavar="B",
        help="required active outputs per input (default 1; 2 for strong with 2 layers or more)",
    )
    if first_level:
        parser.add_argument("--first-level", metavar="R", help="level at which the first width of a chain is taken")


def network_words(options: argparse.Namespace) -> dict[str, Any]:
    """The keywords of the Python functions for the network that the options describe."""
    return {
        "gate": options.gate,
        "radius": options.radius,
        "depth": options.depth,
        "widths": () if options.widths is None else options.widths.split(","),
        "notion": options.notion,
        "budget": options.budget,
        "first_level": options.first_level,
    }


def admissible(shown: dict[str, Any]) -> int:
    """The exit code of a value: 1, with a line on stderr, where given hidden widths are below their capacities."""
    if shown.get("admissible", True):
        return 0
    from ..results.chain import shortfall

    short = "; ".join(map(shortfall, shown["short_layers"]))
    print(f"flrdt: hidden architecture not admissible: {short}", file=sys.stderr)
    return 1


def the_gate(options: argparse.Namespace) -> str:
    """The gate that was asked for, with ``--gate`` or as a word; raises ``InputError``."""
    from flrdt.derive import GateError, Level, LevelError
    from flrdt.derive.networks.gates import read_gate

    if options.gate is not None and options.word is not None:
        raise GateError(f"two gates, {options.word} and {options.gate}: give one")
    gate = next((g for g in (options.gate, options.word) if g is not None), "relu")
    if options.word is not None:
        try:
            read_gate(gate)
        except GateError:
            try:
                level = Level.parse(gate)
            except LevelError:
                pass
            else:
                raise GateError(f"{gate!r} is a level, not a gate: write --level {level}") from None
            raise
    return gate


def columns(output: str | None) -> int:
    """Width for formulas in text: that of the terminal, and otherwise one that does not depend on where it runs."""
    from flrdt.derive.render.unicode_text import COLUMNS

    return terminal_width(output) or COLUMNS


def terminal_width(output: str | None) -> int | None:
    """The columns of the terminal that a result goes to; ``None`` if it goes elsewhere."""
    if output is not None or sys.stdout is None or not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size().columns


def check_words(style: str, notation: str, paper: str = "page", document: bool = False) -> None:
    """Raise ``InputError`` for a format of formulas, ``json`` included, a notation or a paper that there is not."""
    from flrdt.derive import render
    from flrdt.derive.core.formulas import InputError
    from flrdt.derive.render.replica import check_convention

    if style not in (*render.FORMATS, "json"):
        raise InputError(f"unknown format {style!r}: use {', '.join(render.FORMATS)} or json")
    check_convention(notation)
    if style == "json" and document:
        raise InputError("a document is written in LaTeX, not json: use the format latex")
    if style != "json":
        render.formulas([], style, paper=paper, document=document)


def notation_option(parser: argparse.ArgumentParser) -> None:
    """``--notation NAME``."""
    parser.add_argument("--notation", default="toolkit", metavar="N", help="toolkit or replica (default toolkit)")


def paper_option(parser: argparse.ArgumentParser) -> None:
    """``--paper WORD``."""
    text = "LaTeX lines that fit a page, or a column of two-column paper (default page)"
    parser.add_argument("--paper", default="page", metavar="P", help=f"page or column: {text}")


def latex_options(parser: argparse.ArgumentParser) -> None:
    """``--paper WORD`` and ``--document``."""
    paper_option(parser)
    parser.add_argument("--document", action="store_true", help="a whole LaTeX document, with macros for E and H")


def place(path: str) -> str:
    """The type of an option that names a file to write: refused at once if it cannot be written."""
    from ..machine.files import FileError, check_place

    try:
        return check_place(path)
    except FileError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def proof_options(parser: argparse.ArgumentParser) -> None:
    """``--certified`` and ``--estimate``."""
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument(
        "--certified",
        action="store_true",
        help="insist on a proof of the digits: the error is an enclosure, or the command fails. Without it values of one "
        "layer at levels 1 to 4, and of several at levels 1 and 2p, are enclosed where a proof is found",
    )
    asked.add_argument("--estimate", action="store_true", help="digits without a proof, which is faster")


def proof_asked(options: argparse.Namespace) -> bool | None:
    """Whether a proof is insisted on, unwanted, or (``None``) taken where it is usual."""
    return True if options.certified else False if options.estimate else None


def output_option(parser: argparse.ArgumentParser) -> None:
    """``--output FILE``."""
    parser.add_argument("--output", metavar="FILE", type=place, help="write to a file instead of standard output")


def progress() -> Callable[[str], None]:
    """Messages on stderr once a computation has taken two seconds.

    On a terminal they overwrite each other; elsewhere there is one in ten seconds, the latest.
    """
    started = time.perf_counter()
    overwriting = overwrites()
    shown = started + 2 - PERIOD

    def report(message: str) -> None:
        nonlocal shown
        now = time.perf_counter()
        if overwriting and now - started >= 2:
            width = shutil.get_terminal_size().columns - 1  # a line that wraps could not be overwritten
            print(f"\r\033[K{f'[{now - started:6.1f} s] {message}'[:width]}", end="", file=sys.stderr, flush=True)
        elif not overwriting and now - shown >= PERIOD:
            shown = now
            print(f"[{now - started:6.1f} s] {message}", file=sys.stderr, flush=True)

    return report


def finish_progress() -> None:
    """Clear the progress line of a terminal."""
    if overwrites():
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


def show_formulas(items: Sequence[Formula], options: argparse.Namespace, steps: bool) -> None:
    """Formulas in the format, the notation and the file that the options name."""
    from ..output.formula_dump import dump

    if options.format == "json":
        emit(dump(items, options.notation), options.output)
    else:
        emit(formulas_page(items, options, steps), options.output)


def formulas_page(items: Sequence[Formula], options: argparse.Namespace, steps: bool) -> str:
    """Formulas in the format, the notation and the layout that the options name."""
    from flrdt.derive import render

    width = columns(options.output)
    return render.formulas(items, options.format, steps, options.notation, width, options.paper, options.document)


def refuse_given(options: argparse.Namespace, why: str, *names: str) -> None:
    """Raise ``InputError`` if one of the options was written, with its default value or another: it would do nothing."""
    from ..arithmetic.decimals import InputError

    found = [options.given[name] for name in names if name in options.given]
    if found:
        one = len(found) == 1
        raise InputError(
            f"{', '.join(found)} {'belongs' if one else 'belong'} {why}: leave {'it' if one else 'them'} out"
        )


def refuse_without_problem(options: argparse.Namespace) -> None:
    """Options of ``--problem`` are refused where it is not given."""
    from ..arithmetic.decimals import InputError

    given = [f"--{n}" for n, usual in (("order", "falling"), ("branch", None)) if getattr(options, n, usual) != usual]
    if given:
        raise InputError(
            f"{' and '.join(given)} need --problem WORD: the injectivity of a layer has one order and one branch"
        )


def refused_problem(parser: argparse.ArgumentParser, reason: str) -> None:
    """``--problem`` where another problem than injectivity has no answer: the word is known, and the reason is given."""

    class Refuse(argparse.Action):
        def __call__(self, parser, namespace, values, option_string=None):  # type: ignore[no-untyped-def]
            parser.error(f"--problem {values}: {reason}")

    parser.add_argument("--problem", metavar="WORD", action=Refuse, help=f"not offered here: {reason}")


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
        parser.add_argument(
            "--branch",
            choices=("symmetric", "full"),
            help="of an even problem from level 3 on: outermost overlap 0 (symmetric) or positive (full); default: for a set with "
            "a gap around 0 the lower of both, or the symmetric one with --order free",
        )
