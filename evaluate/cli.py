"""The ``flrdt`` command: dispatch, exit codes, interruption.

A command is a module of :mod:`flrdt.evaluate.commands` with ``arguments(parser)`` and ``run(options)``; only
the module of the command at hand is imported, so that ``flrdt --help`` stays light.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from .machine import streams
from .machine.signals import farewell, stopped

COMMANDS = {
    "capacity": "injectivity capacity at a lifting level, to any number of digits",
    "energy": "ground-state energy e_r(alpha)",
    "table": "table of capacities",
    "network": "verdict for concrete layer sizes",
    "plot": "figures",
    "stability": "replicon eigenvalues at levels 1 and 2, and the thermal instability of the plain level",
    "limit": "capacity in the limit r -> infinity, by acceleration of the levels and by the Parisi flow",
    "certify": "prove an upper bound on a level's capacity and write a certificate",
    "check": "re-check certificates without the solver",
    "derive": "derive an objective, relations, gradient, innermost expectation or the plain closed form",
    "finite": "exact injectivity of random layers at small sizes, and of given weights",
    "sweep": "capacities over a grid of gates, levels and other settings",
    "formulas": "list the formula registry, or show an entry with its derivation",
    "verify": "check the formulas of the registry, each by a route other than its derivation",
    "docs": "write a self-contained report: derivations, values, figures (Markdown, LaTeX, HTML)",
}

DONE, FAILED, BAD_INPUT = 0, 1, 2


class _Parser(argparse.ArgumentParser):
    """Reports bad usage in one line."""

    def error(self, message: str):
        self.exit(BAD_INPUT, f"flrdt: {message} (see {self.prog} --help)\n")

    def _print_message(self, message: str, file=None) -> None:
        if file is sys.stdout:  # argparse would pass over a full disk
            streams.put(message.removesuffix("\n"))
        else:
            super()._print_message(message, file)


def parser(chosen: str | None) -> _Parser:
    """The parser; the arguments of a command are added only for the chosen one."""
    top = _Parser(
        prog="flrdt",
        description="Lifted random duality objectives for the injectivity capacity of ReLU networks: derive, evaluate, verify.",
        epilog="example: flrdt capacity --level 2 --digits 50",
    )
    top.add_argument("--version", action="store_true", help="print the version and stop")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for name, summary in COMMANDS.items():
        sub = commands.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == chosen:
            from importlib import import_module

            import_module(f"flrdt.evaluate.commands.{name}").arguments(sub)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    if arguments is None:
        streams.prepare()
    try:
        code = _answered(arguments)
        streams.finish()
        return farewell() if stopped() else code
    except KeyboardInterrupt:
        return farewell()
    except BrokenPipeError:  # the reader of the output has seen enough
        streams.silence()
        return DONE
    except streams.OutputError as problem:
        streams.silence()
        print(f"flrdt: {problem}", file=sys.stderr)
        return BAD_INPUT
    except BaseException:
        if stopped():  # what became of an interrupt on its way through a library
            return farewell()
        raise


def _answered(arguments: Sequence[str] | None) -> int:
    words = list(sys.argv[1:] if arguments is None else arguments)
    chosen = next((w for w in words if w in COMMANDS), None)
    top = parser(chosen)
    try:
        options = top.parse_args(words)
        if options.version:
            from importlib.metadata import version

            streams.put(f"flrdt {version('flrdt')}")
            return DONE
        if options.command is None:
            top.print_help()
            return DONE
        return _run(options)
    except SystemExit as stop:
        return int(stop.code or 0)


def _run(options: argparse.Namespace) -> int:
    from importlib import import_module

    try:
        return import_module(f"flrdt.evaluate.commands.{options.command}").run(options)
    except streams.OutputError:
        raise
    except (ValueError, TypeError) as problem:
        if not getattr(problem, "bad_input", False):
            raise
        print(f"flrdt: {problem}", file=sys.stderr)
        return BAD_INPUT
    except ArithmeticError as problem:
        print(f"flrdt: {problem}", file=sys.stderr)
        return FAILED


if __name__ == "__main__":
    from flrdt.evaluate.machine.program import program

    sys.exit(program())
