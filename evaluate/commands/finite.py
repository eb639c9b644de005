"""``flrdt finite``."""

from __future__ import annotations

import argparse
from typing import Any

from .common import emit, output_option, progress

SHOWN = 8  # coordinates of a witness printed as text; --json has all of them


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--n", metavar="N", help="inputs of a random Gaussian layer")
    parser.add_argument("--m", metavar="M", help="outputs, one number or several separated by commas")
    parser.add_argument("--trials", default="100", metavar="T", help="independent layers per size (default 100)")
    parser.add_argument("--seed", default="0", metavar="S", help="seed (default 0)")
    parser.add_argument("--confidence", default="0.95", metavar="C", help="confidence of the interval (default 0.95)")
    parser.add_argument("--workers", metavar="W", help="worker processes (default one per core)")
    parser.add_argument("--figure", metavar="FILE", help="also draw the probabilities over m/n (png, svg or pdf)")
    parser.add_argument(
        "--weights", nargs="+", metavar="FILE", help="decide these weights instead, one .npy or .csv per layer"
    )
    parser.add_argument("--bias", nargs="+", metavar="FILE", help="biases of these layers, one .npy or .csv per layer")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    output_option(parser)
    parser.epilog = (
        "examples: flrdt finite --n 4 --m 24 --trials 100 --seed 1 --json\n"
        "          flrdt finite --weights layer.npy --bias bias.npy"
    )


def run(options: argparse.Namespace) -> int:
    from ..arithmetic.decimals import InputError

    if options.weights:
        if options.n or options.m:
            raise InputError("--weights decides given layers: leave --n and --m out")
        return _weights(options)
    if not (options.n and options.m):
        raise InputError("give --n and --m for random layers, or --weights FILE for given ones")
    if options.bias:
        raise InputError("--bias goes with --weights")
    return _random(options)


def _random(options: argparse.Namespace) -> int:
    from ..finite_size.probability import injectivity_probability
    from ..output.figures import check_figure
    from ..output.finite_figure import draw

    if options.figure:
        check_figure(options.figure)
    report = progress()
    results = [
        injectivity_probability(
            options.n,
            m,
            options.trials,
            options.seed,
            confidence=options.confidence,
            workers=options.workers,
            report=report,
        )
        for m in options.m.split(",")
    ]
    if options.figure:
        draw(results, options.figure, report)
    shown = [result.to_json() for result in results]
    if options.json:
        emit(shown[0] if len(shown) == 1 else {"points": shown}, options.output)
    else:
        emit("\n\n".join(map(_text, shown)), options.output)
    return 0


def _text(shown: dict[str, Any]) -> str:
    low, high = shown["interval"]
    undecided = f", {shown['undecided']} undecided (not refuted)" if shown["undecided"] else ""
    return "\n".join(
        [
            f"n, m        = {shown['n']}, {shown['m']}",
            f"trials      = {shown['trials']} (seed {shown['seed']}): {shown['injective']} injective (proved), "
            f"{shown['refuted']} not injective (exact){undecided}",
            f"probability = {shown['probability'] or 'unknown'}",
            f"interval    = [{low}, {high}] (Clopper-Pearson, confidence {shown['confidence']})",
        ]
    )


def _weights(options: argparse.Namespace) -> int:
    from ..finite_size.injectivity import decide_injectivity
    from ..finite_size.probability import natural
    from ..finite_size.weights import as_layers, network_output, read_numbers
    from ..results.capacity import tool_version

    layers = as_layers([read_numbers(f) for f in options.weights], [read_numbers(f) for f in options.bias or ()])
    found = decide_injectivity(layers, natural(options.seed, "seed", least=0))
    shown: dict[str, Any] = {
        "verdict": found.verdict,
        "detail": found.detail,
        "sizes": [layers[0].inputs, *(layer.outputs for layer in layers)],
        "bias": bool(options.bias),
        "witness": None,
        "version": tool_version(),
    }
    if found.witness:
        x, x_prime = found.witness
        output = network_output(layers, x)
        shown["witness"] = {
            "x": [*map(str, x)],
            "x_prime": [*map(str, x_prime)],
            "output": [*map(str, output)],
            "checked": "distinct inputs with equal outputs, in rational arithmetic",
        }
    emit(shown if options.json else _verdict(shown), options.output)
    return 1 if found.verdict == "unknown" else 0


def _verdict(shown: dict[str, Any]) -> str:
    lines = [f"verdict = {shown['verdict']}", f"detail  = {shown['detail']}"]
    if shown["witness"]:
        for name in ("x", "x_prime"):
            values = shown["witness"][name]
            more = f", ... ({len(values)} coordinates: use --json)" if len(values) > SHOWN else ""
            lines.append(f"{name:<7} = {', '.join(values[:SHOWN])}{more}")
        lines.append(f"checked = {shown['witness']['checked']}")
    return "\n".join(lines)
