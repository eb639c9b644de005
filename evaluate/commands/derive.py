"""``flrdt derive``."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Callable

from .common import check_words, latex_options, notation_option, output_option, problem_options, show_formulas

WHAT = ("objective", "relations", "gradient", "innermost", "plain")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=WHAT, help="what to derive")
    parser.add_argument("--level", metavar="R", help="1, 2p, 2, 3, ... (default 2; plain is level 1)")
    parser.add_argument("--depth", default="1", metavar="L", help="number of layers (default 1)")
    parser.add_argument(
        "--form",
        choices=("psi", "energy"),
        help="form of the objective (default psi; deep networks have the energy form only)",
    )
    parser.add_argument("--gate", default="relu", metavar="NAME", help="gate (default relu)")
    problem_options(parser, order=False)
    parser.add_argument("--budget", default="1", metavar="B", help="required active outputs per input (default 1)")
    parser.add_argument(
        "--format", default="text", metavar="F", help="text, latex, markdown, sympy or json (default text)"
    )
    notation_option(parser)
    latex_options(parser)
    parser.add_argument("--steps", action="store_true", help="show the derivation, every step with its check")
    output_option(parser)
    parser.epilog = "example: flrdt derive relations --level 3 --format latex --steps"


def run(options: argparse.Namespace) -> int:
    if options.problem is not None:
        from .family import derive

        return derive(options)
    from flrdt.derive import Level, Network, Verdict, gate
    from flrdt.derive.core.exact_numbers import parse_count

    from ..arithmetic.decimals import parse_number

    check_words(options.format, options.notation, options.paper, options.document)
    level = Level.parse(options.level if options.level is not None else ("1" if options.what == "plain" else "2"))
    depth = parse_count(options.depth, "depth", 1, 1000)
    budget = parse_number(options.budget, "budget", positive=True)
    network = Network(gate(options.gate), depth, budget)
    items = selected(options.what, network, level, options.form)
    show_formulas(items, options, options.steps)
    if options.steps and any(i.verdict() in (Verdict.FAILED, Verdict.UNKNOWN) for i in items if i.derivation.steps):
        import sys

        print("flrdt: not every step could be proved, see the checks above", file=sys.stderr)
        return 1
    return 0


def command_of(formula) -> str | None:
    """The ``flrdt derive`` command whose output contains a formula, or ``None`` if no command of this verb has it.

    The words are guessed from the id; they count only if deriving with them gives this very statement.

    >>> from flrdt.derive import relations
    >>> command_of(relations(4).formulas[0])
    'flrdt derive relations --level 4 --steps'
    """
    from flrdt.derive import Level, Network, gate
    from flrdt.derive.core.formulas import InputError

    family, _, rest = formula.id.partition(".")
    what = {"stationarity": "gradient"}.get(family, family)
    if what not in WHAT:
        return None
    parts = rest.split(".")
    depth = next((int(p[5:]) for p in parts if re.fullmatch(r"depth\d+", p)), 1)
    level = next((p for p in parts if re.fullmatch(r"\d+p?", p)), "1" if what == "plain" else "2")
    level = "3" if rest == "recursion" else level
    form = next((p for p in parts if p in ("psi", "energy")), None)
    name = next((p for p in parts if re.match(r"[a-z]", p) and p not in ("psi", "energy", f"depth{depth}")), "relu")
    budgets = (level, "1") if what == "plain" else ("1",)
    for budget in budgets:
        try:
            network = Network(gate(name if what in ("objective", "innermost", "plain") else "relu"), depth, int(budget))
            items = selected(what, network, Level.parse("1" if what == "plain" else level), form)
        except (InputError, ValueError):
            continue
        if any(item.statement == formula.statement for item in items):
            words = ["flrdt", "derive", what]
            words += [] if what in ("plain", "innermost") and depth == 1 else ["--level", level]
            words += ["--form", form] if form else []
            words += ["--gate", str(network.gate)] if str(network.gate) != "relu" else []
            words += ["--depth", str(depth)] if depth > 1 else []
            words += ["--budget", budget] if budget != "1" else []
            return shlex.join([*words, "--steps"])
    return None


def selected(what: str, network, level, form: str | None) -> list:
    """The formulas that were asked for."""
    from flrdt.derive import innermost, objective, plain_level, recursion, relations, stationarity
    from flrdt.derive.core.formulas import InputError

    if network.depth > 1:
        return selected_deep(what, network, level, form or "energy")
    if what == "objective":
        return [objective(network, level).formula(form or "psi")]
    if what == "relations":
        found = list(relations(level).formulas)
        return [*found, recursion()] if level.r > 2 else found
    if what == "gradient":
        if level.r == 1:
            raise InputError("level 1 has no overlaps or lifting parameters: use derive plain, or a level from 2p on")
        return list(stationarity(level))
    if what == "innermost":
        return [innermost(network.gate).formula]
    if level.r != 1:
        raise InputError(f"the plain closed form is level 1, not {level}: leave out --level")
    return [plain_level(network).formula]


def selected_deep(what: str, network, level, form: str) -> list:
    """The formulas of a deep network."""
    from flrdt.derive import hidden_exponential, hidden_mean, inner_maximum, layer_recursion, lifted_hidden, objective
    from flrdt.derive.core.formulas import Formula, InputError
    from flrdt.derive.objectives.deep import DeepObjective

    closed: dict[str, Callable[[], Formula]] = {
        "1": hidden_mean,
        "2p": hidden_exponential,
        "2": lambda: lifted_hidden().formula,
    }
    if what == "objective":
        return [objective(network, level).formula(form)]
    if what == "gradient":
        return list(DeepObjective(network, level).stationarity_formulas())
    if what == "innermost":
        return [inner_maximum().formula, closed["2" if level.r > 2 else str(level)]()]
    if what == "plain":
        return [layer_recursion().formula]
    raise InputError("derive relations is about one layer: leave out --depth")
