"""``flrdt network``."""

from __future__ import annotations

import argparse

from .common import emit, output_option, progress


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sizes", nargs="+", metavar="N", help="layer sizes N0 N1 ... NL, the input first")
    required = parser.add_mutually_exclusive_group()
    required.add_argument("--notion", default="weak", metavar="NAME", help="weak (default) or strong")
    required.add_argument("--budget", metavar="B", help="required active outputs per input")
    parser.add_argument("--level", default="2", metavar="R", help="1, 2p, 2, 3, ... (default 2)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    output_option(parser)
    parser.epilog = "example: flrdt network 100 800 760 750 --json"


def run(options: argparse.Namespace) -> int:
    from ..results.layer_sizes import network_verdict

    shown = network_verdict(options.sizes, options.notion, options.level, options.budget, progress()).to_json()
    emit(shown if options.json else text(shown), options.output)
    return 0 if shown["injective"] is not None else 1


def text(shown: dict) -> str:
    """One line per layer."""
    words = {True: "injective", False: "not injective", None: "undecided"}
    lines = [f"level {shown['level']}, notion {shown['notion']}: prediction for large layers"]
    for layer in shown["layers"]:
        line = f"layer {layer['layer']}: size {layer['size']}, width {layer['width']}"
        if layer["capacity"] is None:
            line += ", no capacity behind so narrow a layer"
        else:
            line += f", capacity {layer['capacity']}, margin {layer['margin']}"
        line += f": {words[layer['injective']]} up to here"
        if layer["least_size"] is not None:
            line += f"; the least size that would do here is {layer['least_size']}"
        lines.append(line)
    return "\n".join(lines)
