"""``flrdt verify``."""

from __future__ import annotations

import argparse

from .common import emit, output_option, problem_options, progress


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="*", metavar="ID", help="formula ids or prefixes of them (default: all)")
    parser.add_argument(
        "--file", metavar="FILE", help="verify the claims of a TOML or JSON file instead of the registry"
    )
    problem_options(parser, order=False)
    parser.add_argument("--digits", default="30", metavar="D", help="digits to agree to (default 30)")
    parser.add_argument("--samples", default="20", metavar="N", help="sample points per entry (default 20)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    output_option(parser)
    parser.epilog = "example: flrdt verify relations.3 --digits 50 --samples 10"


def run(options: argparse.Namespace) -> int:
    from ..arithmetic.decimals import InputError
    from ..verification.runner import verify

    if options.problem is not None:
        if options.ids or options.file is not None:
            raise InputError("give either ids, --file or --problem")
        from flrdt.derive.registry.family import problem_entries

        entries = problem_entries(options.problem)
        return _answer(verify(None, options.digits, options.samples, extra=entries, report=progress()), options)
    if options.file is not None and options.ids:
        raise InputError("give either ids or --file, not both")
    if options.file is None:
        summary = verify(options.ids, options.digits, options.samples, report=progress())
    else:
        from ..verification.claims import LIMIT, read_claims

        claims = read_claims(options.file)
        summary = verify(None, options.digits, options.samples, extra=claims, limit=LIMIT, report=progress())
    return _answer(summary, options)


def _answer(summary, options: argparse.Namespace) -> int:
    shown = summary.to_json()
    emit(shown if options.json else text(shown), options.output)
    return 0 if summary.passed else 1


def text(shown: dict) -> str:
    """A table of verdicts and the totals."""
    width = max(len(r["id"]) for r in shown["results"])
    lines = [f"{r['id']:<{width}}  {r['verdict']:<8}  {r['samples']:>4}  {r['detail']}" for r in shown["results"]]
    totals = ", ".join(f"{n} {name}" for name, n in shown["summary"].items() if name in VERDICTS)
    return "\n".join([f"{'id':<{width}}  verdict   pts   check", *lines, "", totals])


VERDICTS = ("proved", "verified", "unknown", "failed")
