"""One layer is a network of depth 1: with ``--depth 1`` and without, every command prints the same bytes."""

import argparse
import re

import pytest

from flrdt.derive import Network, relu_network
from flrdt.evaluate import certify
from flrdt.evaluate.cli import COMMANDS, command_parser, parser

CALLS = {
    "capacity": [
        ("--level", "1", "--digits", "15", "--json"),
        ("--level", "2p", "--digits", "15", "--certified"),
        ("--level", "2", "--digits", "8", "--json"),
        ("--level", "1", "--digits", "15", "--notion", "strong", "--json"),
        ("--level", "1", "--digits", "15", "--budget", "3/2", "--backend", "mpmath", "--json"),
        ("--level", "1", "--digits", "15", "--gate", "hardtanh", "--radius", "2", "--json"),
        ("--both-sides", "--digits", "8"),
    ],
    "energy": [("--alpha", "8", "--level", "1", "--digits", "15", "--json"), ("--alpha", "3/2")],
    "certify": [("--level", "1", "--alpha", "7.65"), ("--side", "lower", "--digits", "4")],
    "derive": [("objective", "--level", "2"), ("gradient", "--level", "2p", "--format", "latex")],
    "sweep": [("--level", "1", "2p", "--digits", "6", "--notion", "weak", "strong", "--workers", "1")],
    "docs": [("--level", "1", "--digits", "6", "--no-figures")],
    "limit": [("--digits", "3", "--one-route", "--no-cache")],
}


def with_depth():
    """The commands that have the option."""
    found = set()
    for name in COMMANDS:
        actions = command_parser(parser(name), name)._actions
        if any("--depth" in action.option_strings for action in actions if isinstance(action, argparse.Action)):
            found.add(name)
    return found


def test_every_command_with_a_depth_is_tried():
    assert with_depth() <= set(CALLS)


SLOW = {"limit", "docs"}
CASES = [
    pytest.param(name, words, marks=[pytest.mark.slow] if name in SLOW else [])
    for name in sorted(with_depth())
    for words in CALLS[name]
]


def written(folder):
    """What a command wrote, without the times it took and the hashes of files that hold them."""
    texts = {p.name: p.read_text("utf-8", "replace") for p in sorted(folder.rglob("*")) if p.is_file()}
    return {name: re.sub(r'("?seconds"?: [0-9.e-]+|[0-9a-f]{64})', "", text) for name, text in texts.items()}


@pytest.mark.parametrize(("name", "words"), CASES)
def test_the_same_bytes(run, tmp_path, name, words):
    printed = []
    for n, depth in enumerate(((), ("--depth", "1"))):
        folder = tmp_path / str(n)
        folder.mkdir()
        where = {"sweep": ("--output", str(folder / "rows.csv")), "docs": (str(folder),)}.get(name, ())
        code, out, err = run(name, *where, *words, *depth)
        shown = re.sub(r'"seconds": [0-9.e-]+', "", out).replace(str(folder), "")
        messages = [line for line in err.splitlines() if not line.startswith("[")]  # but progress
        printed.append((code, shown, messages, written(folder)))
    assert printed[0] == printed[1] and printed[0][1]


def test_certificates_of_networks():
    assert certify(relu_network(), 1, "7.65") == certify(1, "7.65")
    with pytest.raises(ValueError, match="notion with a network"):
        certify(relu_network(), 1, "7.65", notion="strong")


@pytest.mark.slow
def test_certificates_of_deep_networks():
    assert certify(Network(widths=(8,)), 1, "7.6") == certify(1, "7.6", widths=["8"])
