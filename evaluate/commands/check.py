"""``flrdt check``."""

from __future__ import annotations

import argparse
import sys

from ..machine.streams import put


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="+", help="certificate written by flrdt certify")
    parser.epilog = "example: flrdt check level2.json"


def run(options: argparse.Namespace) -> int:
    from ..proofs.check_files import check_file

    failed = False
    for file in options.file:
        verdict = check_file(file)
        if verdict.proved:
            put(f"{file}: proved. {verdict.statement}")
        else:
            failed = True
            print(f"flrdt: {file}: not proved: {verdict.reason}", file=sys.stderr)
    return 1 if failed else 0
