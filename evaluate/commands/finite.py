"""``flrdt finite``."""

from __future__ import annotations

import argparse
from typing import Any

from .common import emit, output_option, progress, refuse_given, refused_problem

SHOWN = 8  # coordinates of a witness printed as text, and the most digits of one
LONGEST = 40


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--n", metavar="N", help="inputs of a random Gaussian layer")
    parser.add_argument(
        "--layers",
        nargs="+",
        metavar="N,M1,M2",
        help="least number of active outputs of random deep maps with these sizes, the input first",
    )
    parser.add_argument("--m", metavar="M", help="outputs, one number or several separated by commas")
    parser.add_argument("--trials", default="100", metavar="T", help="independent layers per size (default 100)")
    parser.add_argument("--seed", default="0", metavar="S", help="seed (default 0)")
    parser.add_argument("--confidence", default="0.95", metavar="C", help="confidence of the interval (default 0.95)")
    parser.add_argument("--workers", metavar="W", help="worker processes (default one per core)")
    parser.add_argument(
        "--figure",
        metavar="FILE",
        help="also draw the probabilities over m/n, or the least counts over 1/n (png, svg or pdf)",
    )
    parser.add_argument(
        "--weights", nargs="+", metavar="FILE", help="decide these weights instead, one .npy or .csv per layer"
    )
    parser.add_argument("--bias", nargs="+", metavar="FILE", help="biases of these layers, one .npy or .csv per layer")
    names = parser.add_mutually_exclusive_group()
    names.add_argument(
        "--header", action="store_true", default=None, help="the first line of each .csv names the columns"
    )
    names.add_argument(
        "--no-header", action="store_false", dest="header", help="the first line of each .csv is a row of numbers"
    )
    parser.add_argument(
        "--witness", metavar="FILE", help="write the two inputs with equal outputs to a file (npz or json)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    refused_problem(
        parser,
        "finite sizes are decided for injectivity, by counting active outputs; other problems have no such count",
    )
    output_option(parser)
    parser.epilog = (
        "examples: flrdt finite --layers 2,16,12 3,24,18 6,48,36 --trials 10 --figure least.png\n"
        "          flrdt finite --n 4 --m 24 --trials 100 --seed 1 --json\n"
        "          flrdt finite --weights layer.npy --bias bias.npy --witness pair.json"
    )


def run(options: argparse.Namespace) -> int:
    from ..arithmetic.decimals import InputError

    if options.weights:
        random = ("n", "m", "layers", "trials", "confidence", "workers", "figure")
        refuse_given(options, "to random layers, not to --weights", *random)
        return _weights(options)
    if options.layers:
        others = ("n", "m", "bias", "witness", "header", "confidence", "workers")
        refuse_given(options, "to layers, not to the random networks of --layers", *others)
        return _layers(options)
    if not (options.n and options.m):
        raise InputError(
            "give --n and --m for random layers, --layers N,M1,M2 for random networks, or --weights FILE for given ones"
        )
    refuse_given(options, "to --weights FILE", "bias", "witness", "header")
    return _random(options)


def _random(options: argparse.Namespace) -> int:
    from ..finite_size.probability import injectivity_probability
    from ..output.figures import check_figure
    from ..output.finite_figure import draw

    if options.figure is not None:
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
    if options.figure is not None:
        draw(results, options.figure, report)
    shown = [result.to_json() for result in results]
    if options.json:
        emit(shown[0] if len(shown) == 1 else {"points": shown}, options.output)
    else:
        emit("\n\n".join(map(_text, shown)), options.output)
    return 0


def _layers(options: argparse.Namespace) -> int:
    from ..finite_size.least_active import least_counts, read_sizes
    from ..output.figures import check_figure
    from ..output.finite_figure import draw_least

    if options.figure:
        check_figure(options.figure)
    sizes, report = [read_sizes(text) for text in options.layers], progress()
    results = [least_counts(each, options.trials, options.seed, report) for each in sizes]
    if options.figure:
        draw_least(results, options.figure, report)
    shown = [result.to_json() for result in results]
    if options.json:
        emit(shown[0] if len(shown) == 1 else {"points": shown}, options.output)
    else:
        emit("\n".join(result._line() for result in results), options.output)
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
    from ..finite_size.weights import as_layers, network_output, read_biases, read_matrix
    from ..finite_size.witness_files import check_witness_name, exact_text, write_witness
    from ..results.capacity import tool_version

    if options.witness:
        check_witness_name(options.witness)
    seed = natural(options.seed, "seed", least=0)
    matrices = [read_matrix(file, options.header) for file in options.weights]
    biases = read_biases(options.bias or (), options.header)
    layers = as_layers([m.rows for m in matrices], [b.rows for b in biases])
    report = progress()
    found = decide_injectivity(layers, seed, report=report)
    shown: dict[str, Any] = {
        "verdict": found.verdict,
        "detail": found.detail,
        "sizes": [layers[0].inputs, *(layer.outputs for layer in layers)],
        "bias": bool(options.bias),
        "read": [file.to_json() for file in (*matrices, *biases)],
        "warnings": [
            f"{m.path} has fewer rows ({len(m.rows)}) than columns ({m.columns}): is it transposed? "
            "A row has the weights of one output"
            for m in matrices
            if len(m.rows) < m.columns
        ],
        "witness": None,
        "version": tool_version(),
    }
    if found.witness:
        x, x_prime = found.witness
        points = {"x": x, "x_prime": x_prime, "output": network_output(layers, x)}
        texts = {name: [*map(exact_text, values)] for name, values in points.items()}
        shown["witness"] = {
            **({"file": options.witness} if options.witness else texts),
            "coordinates": len(x),
            "digits": sum(len(text) for name in ("x", "x_prime") for text in texts[name]),
            "checked": "distinct inputs with equal outputs, in rational arithmetic",
        }
        if options.witness:
            write_witness(options.witness, texts)
        shown_points = {name: texts[name] for name in ("x", "x_prime")}
    elif options.witness:
        shown["warnings"].append(f"there is no witness, so {options.witness} is not written")
    if options.json:
        emit(shown, options.output)
    else:
        read = [("weights", file) for file in matrices] + [("bias", file) for file in biases]
        emit(_verdict(shown, read, shown_points if found.witness else {}), options.output)
    return 1 if found.verdict == "unknown" else 0


def _verdict(shown: dict[str, Any], read: list[tuple[str, Any]], points: dict[str, list[str]]) -> str:
    lines = [f"verdict = {shown['verdict']}", f"detail  = {shown['detail']}"]
    lines += [f"{name:<7} = {file.text()}" for name, file in read]
    if not shown["bias"]:
        lines.append("bias    = none")
    lines += [f"warning = {text}" for text in shown["warnings"]]
    for name, values in points.items():
        more = f", ... ({len(values)} coordinates)" if len(values) > SHOWN else ""
        lines.append(f"{name:<7} = {', '.join(map(_short, values[:SHOWN]))}{more}")
    if witness := shown["witness"]:
        where = f"written to {witness['file']}" if "file" in witness else "whole with --json or --witness FILE"
        lines.append(f"witness = 2 x {witness['coordinates']} numbers of {witness['digits']} digits in all, {where}")
        lines.append(f"checked = {witness['checked']}")
    return "\n".join(lines)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:12]}...({len(text)} digits)"
