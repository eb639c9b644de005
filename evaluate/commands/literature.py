"""``flrdt literature``."""

from __future__ import annotations

import argparse

from .common import emit, output_option, progress


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="also compute the values that take minutes")
    parser.add_argument("--problem", metavar="WORD", help="only the values of one problem, for example sk")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    output_option(parser)
    parser.epilog = "example: flrdt literature --problem perceptron:kappa=-3/2"


def run(options: argparse.Namespace) -> int:
    from ..arithmetic.decimals import InputError
    from ..results.literature import compare

    rows = compare(options.all, progress(), options.problem)
    if not rows:
        raise InputError(f"no published value of {options.problem} is listed: leave out --problem to see all of them")
    shown = [row.to_json() for row in rows]
    if options.json:
        agree = sum(row.agrees is True for row in rows)
        differ = sum(row.agrees is False for row in rows)
        emit(
            {
                "results": shown,
                "summary": {"agree": agree, "differ": differ, "not compared": len(rows) - agree - differ},
            },
            options.output,
        )
    else:
        head = ("problem", "level", "printed", "ours", "source", "read", "verdict")
        table = [head, *(tuple(str(row[k]) for k in head) for row in shown)]
        widths = [max(len(r[i]) for r in table) for i in range(len(head))]
        emit(
            "\n".join("  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in table),
            options.output,
        )
    return 1 if any(row.agrees is False for row in rows) else 0
