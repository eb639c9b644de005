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
    refuse_without_problem,
    the_gate,
)

EXPLANATION = """\
alpha   outputs/inputs of the layer: from the capacity on, a large random layer is injective, and below it is not.
level   how much replica symmetry breaking the value takes in: 1 none (RS), 2 one step (1RSB), ..., inf all (FRSB); 2p between 1 and 2.
notion  weak: every input keeps enough active outputs for itself; strong: for any two inputs, which needs twice as many.
budget  active outputs that every input must keep, per input dimension: 1, and 2 for strong behind the first layer.
status  what the theory says of the value: a proved bound, or the value of the (fully) lifted random duality theory."""


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
        emit(EXPLANATION, options.output)
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


def _is_deep(options: argparse.Namespace) -> bool:
    return options.widths is not None or options.first_level is not None or options.depth not in (None, "1")


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
    from ..limits.limits import limit
    from ..limits.store import Store, cache_folder
    from ..results.chain import Requirement
    from .limit import deep as deep_limit
    from .limit import text as limit_text

    if options.gate != "relu" or options.backend != "arb":
        raise InputError("level inf is offered for the relu gate with the arb backend")
    if options.first_level is not None:
        raise InputError("level inf takes every width in the limit: leave out --first-level")
    if _is_deep(options):
        return deep_limit(options)
    found = limit(
        10 if options.digits is None else options.digits,
        budget=Requirement.parse(options.notion, options.budget).of(1, 1),
        store=Store(cache_folder()),
        report=progress(),
    )
    shown = found.to_json()
    emit(shown if options.json else limit_text(shown, columns(options.output)), options.output)
    return 0


def _both_sides(options: argparse.Namespace) -> int:
    from ..arithmetic.decimals import InputError
    from ..proofs.bracket import bracket
    from ..results.chain import Requirement

    if _is_deep(options) or options.backend != "arb":
        raise InputError(
            "--both-sides is offered for one layer with the arb backend: leave out --depth, --widths, --first-level"
        )
    required = Requirement.parse(options.notion, options.budget)
    found = bracket(
        30 if options.digits is None else options.digits,
        gate=options.gate,
        radius=options.radius,
        budget=required.of(1, 1),
        report=progress(),
    )
    shown = found.to_json()
    emit(shown if options.json else both_sides_text(shown), options.output)
    return 0


def both_sides_text(shown: dict) -> str:
    """A readable page of a bracket."""
    low, high = shown["interval"]
    lines = [f"capacity in [{low}, {high}], gate {shown['lower']['gate']}, budget {shown['lower']['budget']}"]
    for side in ("lower", "upper"):
        end = shown[side]
        lines += [
            f"{side} end  = {end['alpha']}, error < {end['alpha_error']} ({end['error_kind']})",
            f"proof      = {end['proved_by']}",
            *(f"{name:<10} = {value}" for name, value in end["parameters"].items()),
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
