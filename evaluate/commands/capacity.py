"""``flrdt capacity``."""

from __future__ import annotations

import argparse

from .common import (
    admissible,
    columns,
    emit,
    level_options,
    network_options,
    network_words,
    output_option,
    problem_options,
    progress,
    proof_asked,
    proof_options,
    refuse_given,
    refuse_without_problem,
    the_gate,
)

ALPHA = {
    "network": "outputs of the last layer/inputs of the first: from the capacity on a large random network is injective, not below",
    "problem": "constraints per variable: up to the capacity a large random instance has a solution; energies are at a given alpha",
}
LEVEL = {
    "finite": "replica symmetry breaking taken in: 1 none (RS), 2p partly, 2 one step (1RSB), 3 two, ..., inf all (FRSB)",
    "inf": "inf: all steps of replica symmetry breaking (FRSB), extrapolated from the values of levels 2, 3, ...",
}
NOTION = {
    "network": "weak: every input keeps enough active outputs; strong: so do any two inputs together, which needs twice as many",
    "problem": "belongs to networks: a problem of the family asks for one thing only",
}
BUDGET = {
    "network": "active outputs that every input must keep, per input dimension: 1, and 2 for strong behind the first layer",
    "problem": "belongs to networks: here the constraints or the cost say what is required",
}
STATUS = "what theory says of the value: a theorem, a (fully) lifted random duality value, or an extrapolation; not of its digits"


def explanation(options: argparse.Namespace) -> str:
    """What alpha, level, notion, budget and status mean for what the options ask for, a line each."""
    from flrdt.derive.core.symbols import is_limit

    of = "network" if options.problem is None else "problem"
    lines = {
        "alpha": ALPHA[of],
        "level": LEVEL["inf" if is_limit(options.level) else "finite"],
        "notion": NOTION[of],
        "budget": BUDGET[of],
        "status": STATUS,
    }
    return "\n".join(f"{word:<7} {text}." for word, text in lines.items())


def arguments(parser: argparse.ArgumentParser) -> None:
    level_options(parser)
    problem_options(parser)
    network_options(parser)
    parser.add_argument("--backend", default="arb", choices=("arb", "mpmath"), help="arithmetic (default arb)")
    proof_options(parser)
    parser.add_argument(
        "--both-sides",
        action="store_true",
        help="one layer: an interval whose two ends are theorems, with what proves each",
    )
    parser.add_argument("--explain", action="store_true", help="say what the words of the page mean, and stop")
    output_option(parser)
    parser.set_defaults(digits=None)  # 30, and 10 in the limit
    parser.epilog = (
        "examples: flrdt capacity relu --level 1RSB\n"
        "          flrdt capacity --level 3 --digits 50 --json\n"
        "          flrdt capacity --depth 4 --level 2p --notion strong\n"
        "          flrdt capacity --widths 7.7,7.6 --level 1\n"
        "          flrdt capacity --depth 3 --level 2p --certified\n"
        "          flrdt capacity --both-sides --gate relu-bias:1/2"
    )


def run(options: argparse.Namespace) -> int:
    from flrdt.derive.core.symbols import is_limit

    if options.explain:
        emit(explanation(options), options.output)
        return 0
    options.gate = the_gate(options)
    if options.problem is not None:
        from .family import capacity

        return capacity(options)
    refuse_without_problem(options)
    if options.both_sides:
        return _both_sides(options)
    if is_limit(options.level):
        return _limit(options)
    options.digits = "30" if options.digits is None else options.digits
    shown = _solved(options).to_json()
    emit(shown if options.json else text(shown, columns(options.output)), options.output)
    return admissible(shown)


def _solved(options: argparse.Namespace):
    from ..limits.store import Store, cache_folder
    from ..results.door import capacity

    return capacity(
        level=options.level,
        digits=options.digits,
        backend=options.backend,
        certified=proof_asked(options),
        store=Store(cache_folder()),
        report=progress(),
        **network_words(options),
    )


def _limit(options: argparse.Namespace) -> int:
    from ..arithmetic.decimals import InputError
    from .limit import show_limit

    if options.backend != "arb":
        raise InputError("level inf is offered with the arb backend")
    refuse_given(options, "to finite levels, not to the limit", "first_level")
    words = network_words(options)
    del words["first_level"]
    return show_limit(options, **words)


def _both_sides(options: argparse.Namespace) -> int:
    from flrdt.derive import Level

    from ..arithmetic.decimals import InputError
    from ..proofs.bracket import bracket

    if options.backend != "arb":
        raise InputError("--both-sides is offered with the arb backend")
    if Level.parse(options.level) != Level.parse("2p"):  # what the upper end is
        refuse_given(options, "to one level, not to the two sides, whose upper end has level 2p", "level")
    refuse_given(options, "to one level, not to the two sides", "estimate")
    digits = 30 if options.digits is None else options.digits
    found = bracket(digits, report=progress(), **network_words(options))
    shown = found.to_json()
    emit(shown if options.json else both_sides_text(shown, columns(options.output)), options.output)
    return 0


def both_sides_text(shown: dict, width: int) -> str:
    """A readable page of a bracket, opening with what was computed."""
    from ..output.pages import entry, sentence

    low, high = shown["interval"]
    lines = [
        *sentence(
            f"Interval that contains the injectivity capacity of one layer, gate {shown['lower']['gate']}, budget "
            f"{shown['lower']['budget']}: both ends are theorems.",
            width,
        ),
        *entry("capacity", f"in [{low}, {high}]", width),
    ]
    for side in ("lower", "upper"):
        end = shown[side]
        lines += [
            *entry(f"{side} end", end["alpha"], width),
            *entry("error", f"{end['alpha_error']} ({end['error_kind']})", width, sign="<"),
            *entry("proof", end["proved_by"], width),
            *(line for name, value in end["parameters"].items() for line in entry(name, value, width)),
        ]
    return "\n".join(lines)


def text(shown: dict, width: int) -> str:
    """A readable page of one capacity, opening with what was computed."""
    from flrdt.derive import Level

    from ..output.pages import entry, parameter_lines, sentence

    level = f"level {shown['level']} ({Level.parse(shown['level']).name})"
    layers = "one layer" if shown["depth"] == 1 else f"the last of {shown['depth']} layers"
    lines = [
        *sentence(
            f"Injectivity capacity of {layers} at {level}: the ratio alpha = outputs/inputs from which every input of a large "
            f"random layer keeps {shown['budget']} active output{'s' * (shown['budget'] != '1')} per input dimension"
            + (", so that it is injective." if shown["budget"] == "1" else "."),
            width,
        ),
        *entry("alpha", shown["alpha"], width),
        *entry("error", f"{shown['alpha_error']} ({shown['error_kind']})", width, sign="<"),
        *entry("level", f"{shown['level']}, gate {shown['gate']}, budget {shown['budget']}", width),
        *_chain(shown, width),
        *entry("status", shown["status"], width),
        *parameter_lines(shown["parameters"], width),
        *entry("residual", shown["residual"], width),
    ]
    return "\n".join(lines)


def _chain(shown: dict, width: int) -> list[str]:
    """The lines that only a deep network has."""
    from ..output.pages import entry

    if "chain" not in shown:
        return []
    lines = entry("depth", f"{shown['depth']}, notion {shown['notion']}", width)
    for i, (alpha, expansion) in enumerate(zip(shown["chain"], shown["expansions"], strict=True), start=1):
        if len(alpha) + len(expansion) + 30 <= width:
            lines += entry(f"alpha_{i}", f"{alpha}   expansion {expansion}", width)
        else:
            lines += [*entry(f"alpha_{i}", alpha, width), *entry("expansion", expansion, width)]
    if shown["unlifted_layers"]:
        layers = ", ".join(map(str, shown["unlifted_layers"]))
        note = f"lifting no longer helps at layer {layers}: its best y is 0, the value is the plain one"
        lines += entry("note", note, width)
    return lines
