"""What the commands do for another problem of the family than injectivity: the option ``--problem WORD``."""

from __future__ import annotations

import argparse
from typing import Any

from .common import check_words, columns, emit, progress, refuse_given, show_formulas

NETWORK = ("gate", "word", "radius", "depth", "widths", "notion", "budget", "first_level")
HERE = "to networks, not to --problem"


def capacity(options: argparse.Namespace, alpha: str | None = None) -> int:
    """``flrdt capacity --problem WORD`` and ``flrdt energy --problem WORD --alpha A``."""
    from flrdt.derive.core.symbols import is_limit

    from ..results.family import family_value

    refuse_given(options, HERE, *NETWORK, "certified", "estimate", "both_sides", "backend")
    if is_limit(options.level):
        return limit(options)
    value = family_value(
        options.problem,
        options.level,
        "30" if options.digits is None else options.digits,
        alpha=alpha,
        free_order=getattr(options, "order", "falling") == "free",
        branch=getattr(options, "branch", None),
        report=progress(),
    )
    shown = value.to_json()
    emit(shown if options.json else text(shown, columns(options.output)), options.output)
    return 0


OPENINGS = {
    "capacity": "Capacity of the problem {problem} {where}: the number alpha of constraints per variable up to which a large "
    "random instance has a solution.",
    "energy": "Ground-state energy of the problem {problem} {where}: the least cost per variable, with alpha constraints per "
    "variable, as the size grows.",
    "ground state": "Ground state of the problem {problem} {where}: the extreme value of its random energy over all inputs, "
    "as the size grows.",
}


def opening(shown: dict, where: str, width: int) -> list[str]:
    """One sentence that says what was computed."""
    from ..output.pages import sentence

    return sentence(OPENINGS[shown["quantity"]].format(problem=shown["problem"], where=where), width)


def text(shown: dict, width: int) -> str:
    """A readable page of one value, opening with what was computed."""
    from flrdt.derive import Level

    from ..output.pages import entry

    name = {"capacity": "alpha", "energy": "e", "ground state": "value"}[shown["quantity"]]
    lines = [
        *opening(shown, f"at level {shown['level']} ({Level.parse(shown['level']).name})", width),
        *entry(name, shown["value"], width),
        *entry("error", f"{shown['value_error']} ({shown['error_kind']})", width, sign="<"),
        *entry("problem", f"{shown['problem']} ({shown['quantity']}), level {shown['level']}", width),
    ]
    if shown["quantity"] != "capacity" and "alpha" in shown:
        lines += entry("at alpha", shown["alpha"], width)
    if shown["reached_level"] != shown["level"] or shown["reason"]:
        lines += entry("reached", f"level {shown['reached_level']}: {shown['reason']}", width)
    lines += entry("status", shown["status"], width)
    if shown["warning"]:
        lines += entry("warning", shown["warning"], width)
    return "\n".join([*lines, *(line for n, v in shown["parameters"].items() for line in entry(n, v, width))])


def limit(options: argparse.Namespace) -> int:
    """``flrdt limit --problem WORD``."""
    from ..limits.family import family_limit
    from ..output.pages import entry

    unused = ("certified", "one_route", "checkpoint", "resume", "no_cache", "order", "branch")
    refuse_given(options, "to levels or to networks, not to the limit of a problem", *NETWORK, *unused)
    found = family_limit(
        options.problem,
        "10" if options.digits is None else options.digits,
        max_level=getattr(options, "max_level", None),
        report=progress(),
    )
    shown = found.to_json()
    width = columns(options.output)
    lines = [
        *opening(shown, "in the limit of the levels (full replica symmetry breaking)", width),
        *entry("limit", shown["value"], width),
        *entry("error", f"{shown['value_error']} ({shown['error_kind']})", width, sign="<"),
        *entry("problem", f"{shown['problem']} ({shown['quantity']})", width),
        *entry("status", shown["status"], width),
        *(line for row in shown["levels"] for line in entry(f"level {row['level']}", row["value"], width)),
        *(entry("reason", shown["reason"], width) if shown["reason"] else ()),
    ]
    emit(shown if options.json else "\n".join(lines), options.output)
    return 0


def table(options: argparse.Namespace) -> int:
    """``flrdt table single --problem WORD``: the levels of a problem."""
    from ..arithmetic.decimals import InputError
    from ..results.family import family_value

    if options.kind != "single":
        raise InputError("problems of the family have one layer: use flrdt table single --problem WORD")
    refuse_given(options, HERE, "gate", "depths")
    rows = []
    for level in (options.levels or "1,2p,2").split(","):
        value = family_value(options.problem, level.strip(), options.digits, report=progress())
        shown = value.to_json()
        rows.append((level.strip(), shown["value"], shown["reached_level"], shown["error_kind"], shown["status"]))
    head = ("level", "value", "reached", "digits are", "status")
    emit(_table(head, rows, options.format), options.output)
    return 0


def _table(head: tuple, rows: list[tuple], form: str) -> str | dict:
    if form == "json":
        return {"rows": [dict(zip(head, row, strict=True)) for row in rows]}
    if form == "csv":
        import csv
        import io

        stream = io.StringIO()
        csv.writer(stream, lineterminator="\n").writerows([head, *rows])
        return stream.getvalue().rstrip("\n")
    if form == "latex":
        body = "\n".join(" & ".join(row) + r" \\" for row in (head, *rows))
        return f"\\begin{{tabular}}{{{'l' * len(head)}}}\n{body}\n\\end{{tabular}}"
    if form == "markdown":
        lines = [head, tuple("---" for _ in head), *rows]
        return "\n".join("| " + " | ".join(row) + " |" for row in lines)
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in (head, *rows))


def derive(options: argparse.Namespace) -> int:
    """``flrdt derive objective|innermost|plain --problem WORD``."""
    from flrdt.derive.registry.family import problem_formulas

    check_words(options.format, options.notation, options.paper, options.document)
    refuse_given(options, HERE, "gate", "budget", "depth", "form")
    level = options.level if options.level is not None else ("1" if options.what == "plain" else "2")
    show_formulas(problem_formulas(options.problem, options.what, level), options, options.steps)
    return 0


def formulas(options: argparse.Namespace) -> int:
    """``flrdt formulas --problem WORD``: what is derived for a problem, with the derivations."""
    from flrdt.derive.registry.family import problem_formulas

    from ..arithmetic.decimals import InputError

    check_words(options.format, options.notation, options.paper, options.document)
    if options.id is not None:
        raise InputError("give either an id or --problem")
    if options.verify:
        raise InputError("--verify is for formulas of the registry: leave it out with --problem")
    items = [f for what in ("plain", "innermost") for f in problem_formulas(options.problem, what, "2")]
    show_formulas(items, options, True)
    return 0


def certificate(options: argparse.Namespace) -> dict[str, Any]:
    """``flrdt certify --problem WORD``."""
    from ..arithmetic.decimals import InputError
    from ..proofs.set_certificates import certify_set

    refuse_given(options, HERE, *NETWORK, "side", "format")
    if options.level is None:
        raise InputError("a certificate needs --level: 1 or 2p for a problem of the family")
    return certify_set(options.problem, options.level, options.alpha, digits=options.digits, report=progress())


def stability(options: argparse.Namespace) -> int:
    """``flrdt stability --problem WORD``: whether lifting helps, and for a margin where partial lifting begins to."""
    from mpmath import nstr, workdps

    from ..arithmetic.decimals import error_text, known_digits, parse_digits
    from ..results.family import lifting_verdict, partial_threshold

    digits = parse_digits(options.digits)
    found = lifting_verdict(options.problem, digits)
    with workdps(digits + 20):
        shown: dict[str, Any] = {
            "problem": str(found.problem),
            "plain": known_digits(*found.plain, digits),
            "stability": nstr(found.stability[0], digits),
            "stable": found.stable,
            "partial": nstr(found.partial[0], digits),
            "partial_lifting_helps": found.partial_helps,
            "digits": digits,
        }
        if found.problem.output.half_line is not None:  # type: ignore[union-attr]
            root, error, plain = partial_threshold(digits)
            shown["threshold"] = {
                "kappa": known_digits(root, error, digits),
                "kappa_error": error_text(error),
                "alpha": nstr(plain, max(digits - 2, 5)),
                "error_kind": "enclosure",
            }
    emit(shown if options.json else _stability_text(shown), options.output)
    return 0


def _stability_text(shown: dict) -> str:
    lines = [
        f"plain value  = {shown['plain']}",
        f"full lifting : 1 - alpha_1 E (M'')^2 = {shown['stability']}, the plain level is {'stable' if shown['stable'] else 'lowered by level 2'}",
        f"partial      : Var M - E M = {shown['partial']}, level 2p {'lowers' if shown['partial_lifting_helps'] else 'does not lower'} it",
    ]
    if "threshold" in shown:
        at = shown["threshold"]
        lines.append(
            f"half-lines   : partial lifting helps iff kappa < {at['kappa']} (enclosed), where alpha_1 = {at['alpha']}"
        )
    return "\n".join(lines)


def plot(options: argparse.Namespace, levels: list[str]) -> Any:
    """``flrdt plot capacity --problem WORD``: the value against the level; ``plot energy``: that of a cost against alpha."""
    from ..arithmetic.decimals import InputError
    from ..output.curves import cost_curve, value_curve
    from ..results.family import family_value

    if options.kind not in ("capacity", "energy"):
        raise InputError(
            f"the figure {options.kind} is one of networks: use flrdt plot capacity --problem WORD, or energy for a cost"
        )
    refuse_given(options, HERE, "gate")
    if options.kind == "energy":
        return cost_curve(levels, options.problem, progress())
    values = [family_value(options.problem, level.strip(), 8, report=progress()) for level in levels]
    name = {"capacity": r"$\alpha$", "energy": "$e$"}.get(values[0].problem.quantity, "value")
    shown = [float(v.value) for v in values]
    return value_curve([str(v.level) for v in values], shown, name, str(values[0].problem))
