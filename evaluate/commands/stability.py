"""``flrdt stability``."""

from __future__ import annotations

import argparse

from .common import emit, output_option, problem_options


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--digits", default="15", metavar="D", help="digits asked for (default 15)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    problem_options(parser, order=False)
    output_option(parser)
    parser.epilog = (
        "examples: flrdt stability --digits 20\n          flrdt stability --problem perceptron:kappa=-1/2 --digits 40"
    )


def run(options: argparse.Namespace) -> int:
    if options.problem is not None:
        from .family import stability

        return stability(options)
    from mpmath import nstr, workdps

    from ..arithmetic.decimals import error_text, known_digits, parse_digits
    from ..limits.stability import replicon, thermal_instability

    digits = parse_digits(options.digits)
    first, second, thermal = replicon(1, digits), replicon(2, digits), thermal_instability(digits)
    with workdps(digits + 20):
        shown = {
            "replicon": [
                {"level": "1", "eigenvalue": nstr(first.eigenvalue, 5), "stable": first.stable},
                {
                    "level": "2",
                    "eigenvalue": known_digits(second.eigenvalue, second.error, digits),
                    "error": error_text(second.error),
                    "stable": second.stable,
                },
            ],
            "thermal_instability": {
                "alpha": known_digits(thermal.alpha, thermal.error, digits),
                "alpha_error": error_text(thermal.error),
                "p": known_digits(thermal.overlap, thermal.overlap_error, digits),
                "beta": known_digits(thermal.beta, thermal.beta_error, digits),
            },
            "error_kind": "estimate",
            "digits": digits,
        }
    emit(shown if options.json else text(shown), options.output)
    return 0


def text(shown: dict) -> str:
    """A readable page of the stability results."""
    lines = [
        f"replicon at level {row['level']}: {row['eigenvalue']} ({'stable' if row['stable'] else 'unstable'})"
        for row in shown["replicon"]
    ]
    thermal = shown["thermal_instability"]
    lines.append(
        f"thermal plain level unstable beyond alpha = {thermal['alpha']} (p = {thermal['p']}, beta = {thermal['beta']})"
    )
    return "\n".join(lines)
