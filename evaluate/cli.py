"""The ``flrdt`` command: dispatch, exit codes, interruption.

A command is a module of :mod:`flrdt.evaluate.commands` with ``arguments(parser)`` and ``run(options)``; only
the module of the command at hand is imported, so that ``flrdt --help`` stays light.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any

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
    "literature": "published values beside those computed here, each with a verdict",
    "sweep": "capacities over a grid of gates, levels and other settings",
    "formulas": "list the formula registry, or show an entry with its derivation",
    "verify": "check the formulas of the registry, each by a route other than its derivation",
    "docs": "write a self-contained report: derivations, values, figures (Markdown, LaTeX, HTML)",
}

DONE, FAILED, BAD_INPUT = 0, 1, 2


#: Spellings of one option that every command understands if it has one of them; they are not shown in its help.
SPELLINGS = (("--level", "--levels", "-L"), ("--depth", "--depths"), ("--output", "--out", "-o"), ("--digits", "-d"))

SHELLS = ("bash", "zsh", "tcsh")


def one_line(message: object) -> str:
    """A message as one line that a terminal shows as it is: long words cut in the middle, control characters escaped.

    >>> one_line("level " + "9" * 5000 + " is too high")
    'level 9999999999999999999999999999999999999999...9999999999 is too high'
    >>> one_line("no file a\\nb")
    'no file a\\\\nb'
    """
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(message))
    return re.sub(r"\S{300,}", lambda word: f"{word[0][:40]}...{word[0][-10:]}", text)


class _Parser(argparse.ArgumentParser):
    """Reports bad usage in one line: what is wrong and what was probably meant, and no wall of choices."""

    def error(self, message: str):
        where = "" if "--help" in message else f" (see {self.prog} --help)"
        self.exit(BAD_INPUT, f"flrdt: {one_line(message)}{where}\n")

    def _print_message(self, message: str, file=None) -> None:
        if file is sys.stdout:  # argparse would pass over a full disk
            streams.put(message.removesuffix("\n"))
        else:
            super()._print_message(message, file)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        names = [str(name) for name in action.choices]
        if action.dest == "command":
            self.error(f"there is no command {value!r}: {_meant(str(value), names) or 'flrdt --help lists them'}")
        hint = _meant(str(value), names) or "use " + ", ".join(names)
        raise argparse.ArgumentError(action, f"{value!r} is unknown: {hint}")

    def options(self) -> dict[str, argparse.Action]:
        """What may be written for each option of this command."""
        return self._option_string_actions

    def given(self, words: Sequence[str]) -> dict[str, str]:
        """What was written on the command line, defaults left out: the name of the attribute, and that of the option."""
        names: dict[str, list[str]] = {}
        for action in self._actions:
            names.setdefault(action.dest, []).append((action.option_strings or [str(action.metavar)])[0])
        found, _ = self.parse_known_args(words, argparse.Namespace(**dict.fromkeys(names)))
        return {name: " or ".join(names[name]) for name in names if getattr(found, name) is not None}

    def add_spellings(self) -> None:
        """Take every spelling of an option that the command has."""
        for names in SPELLINGS:
            found = [self.options()[name] for name in names if name in self.options()]
            for name in names if len({*map(id, found)}) == 1 else ():
                self.options().setdefault(name, found[0])

    def check_options(self, words: Sequence[str]) -> None:
        """End with what was probably meant if one of the words is an option that the command does not have."""
        for word in words:
            if word == "--":
                return
            name = word.partition("=")[0]
            if word[:1] != "-" or not name.lstrip("-")[:1].isalpha() or " " in word:
                continue
            if not any(known.startswith(name) or known == name[:2] != "--" for known in self.options()):
                others = {
                    known.lstrip("-"): known for known in self.options() if known[:2] == "--" and known != "--help"
                }
                close = get_close_matches(name.lstrip("-").lower(), others, 1, 0.6)
                hint = f"did you mean {others[close[0]]}?" if close else f"{self.prog} --help lists them"
                self.exit(
                    BAD_INPUT, f"flrdt: {self.prog.removeprefix('flrdt ')} has no option {one_line(name)}: {hint}\n"
                )


def _meant(word: str, names: Sequence[str]) -> str | None:
    close = get_close_matches(word.lower(), names, 1, 0.6)
    return f"did you mean {close[0]}?" if close else None


def parser(chosen: str | None, every: bool = False) -> _Parser:
    """The parser; the arguments of a command are added only for the chosen one, or for ``every`` one."""
    top = _Parser(
        prog="flrdt",
        description="Lifted random duality objectives for the injectivity capacity of ReLU networks: derive, evaluate, verify.",
        epilog="example: flrdt capacity --level 2 --digits 50",
    )
    top.add_argument("--version", action="store_true", help="print the version and stop")
    top.add_argument(
        "--print-completion",
        choices=SHELLS,
        metavar="SHELL",
        help=f"print completions for {', '.join(SHELLS)} and stop",
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for name, summary in COMMANDS.items():
        sub = commands.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if every or name == chosen:
            from importlib import import_module

            import_module(f"flrdt.evaluate.commands.{name}").arguments(sub)
            sub.add_spellings()
            for action in sub._actions:  # a message names the choices, not the attribute that keeps them
                if not action.option_strings and action.choices and action.metavar is None:
                    action.metavar = f"{{{','.join(map(str, action.choices))}}}"
    return top


def command_parser(top: _Parser, name: str) -> _Parser:
    """The parser of one command."""
    return next(action for action in top._actions if action.dest == "command").choices[name]  # type: ignore[index, return-value]


def completion(shell: str) -> str:
    """A script that completes the command line in a shell; raises ``InputError`` without the optional package."""
    try:
        import shtab
    except ImportError:
        from .arithmetic.decimals import InputError

        raise InputError("--print-completion needs the package shtab: pip install 'flrdt[completion]'") from None
    return shtab.complete(parser(None, every=True), shell=shell)


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
        verb = next((i for i, word in enumerate(words) if not word.startswith("-")), len(words))
        top.check_options(words[:verb])
        if words[verb : verb + 1] == [chosen]:
            command_parser(top, chosen).check_options(words[verb:])  # type: ignore[arg-type]
        options, rest = top.parse_known_args(words)
        if rest:
            top.error(f"nothing is known of {rest[0]!r} here" + (f" (see flrdt {chosen} --help)" * bool(chosen)))
        if options.version:
            from importlib.metadata import version

            streams.put(f"flrdt {version('flrdt')}")
            return DONE
        if options.print_completion:
            return _reported(lambda: streams.put(completion(options.print_completion)))
        if options.command is None:
            top.print_help()
            return DONE
        options.given = command_parser(top, options.command).given(words[verb + 1 :])
        return _run(options)
    except SystemExit as stop:
        return int(stop.code or 0)


def _run(options: argparse.Namespace) -> int:
    from importlib import import_module

    return _reported(lambda: import_module(f"flrdt.evaluate.commands.{options.command}").run(options))


def _reported(work: Callable[[], int | None]) -> int:
    """The exit code of some work; bad input and failures are one line."""
    try:
        return work() or DONE
    except streams.OutputError:
        raise
    except (ValueError, TypeError) as problem:
        if not getattr(problem, "bad_input", False):
            raise
        print("flrdt:", one_line(problem), file=sys.stderr)
        return BAD_INPUT
    except ArithmeticError as problem:
        print("flrdt:", one_line(problem), file=sys.stderr)
        return FAILED


if __name__ == "__main__":
    from flrdt.evaluate.machine.program import program

    sys.exit(program())
