"""Tables of results in text, Markdown, LaTeX, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from flrdt.derive.core.shown import Shown, array

from ..arithmetic.decimals import InputError

__all__ = ["FORMATS", "Table", "deep_networks", "parse_depths", "single_layer"]

NARROWEST = 8  # columns are not made narrower than this to fit a terminal

FORMATS = ("text", "markdown", "latex", "csv", "json")


@dataclass(frozen=True, repr=False)
class Table(Shown):
    """A caption, column heads and rows of strings, with the JSON objects the rows were made from."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    objects: tuple[dict[str, Any], ...]

    def _line(self) -> str:
        return f"{self.caption}: {len(self.rows)} rows"

    def _rows(self) -> Sequence[Sequence[str]]:
        return (self.heads, *self.rows)

    def _tex(self) -> str:
        return array(self._rows())

    def render(self, style: str, width: int | None = None) -> str:
        """The table in one of ``FORMATS``, as text in at most ``width`` columns; raises ``InputError`` for another name."""
        if style not in FORMATS:
            raise InputError(f"unknown format {style!r}: use {', '.join(FORMATS)}")
        return self._text(width) if style == "text" else getattr(self, f"_{style}")()

    def _text(self, width: int | None) -> str:
        widths = [max(map(len, column)) for column in zip(self.heads, *self.rows, strict=True)]
        while width is not None and sum(widths) + 2 * (len(widths) - 1) > width and max(widths) > NARROWEST:
            widths[widths.index(max(widths))] -= 1
        line = "  ".join("-" * w for w in widths)
        head, *body = (_wrapped(row, widths) for row in (self.heads, *self.rows))
        return "\n".join([self.caption, "", *head, line, *(text for lines in body for text in lines)])

    def _markdown(self) -> str:
        rows = [self.heads, tuple("---" for _ in self.heads), *self.rows]
        return "\n".join("| " + " | ".join(row) + " |" for row in rows)

    def _latex(self) -> str:
        body = [" & ".join(row).replace("_", r"\_") + r" \\" for row in self.rows]
        head = " & ".join(self.heads).replace("_", r"\_").replace("alpha", r"$\alpha$") + r" \\"
        return "\n".join(
            [
                rf"\begin{{tabular}}{{{'l' * len(self.heads)}}}",
                r"\hline",
                head,
                r"\hline",
                *body,
                r"\hline",
                r"\end{tabular}",
            ]
        )

    def _csv(self) -> str:
        stream = io.StringIO()
        csv.writer(stream, lineterminator="\n").writerows([self.heads, *self.rows])
        return stream.getvalue().rstrip("\n")

    def _json(self) -> str:
        return json.dumps({"table": self.caption, "rows": list(self.objects)}, indent=2)


def _wrapped(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """The lines of a row, each cell in its width."""
    cells = [textwrap.wrap(cell, w) or [""] for cell, w in zip(row, widths, strict=True)]
    return [
        "  ".join(part.ljust(w) for part, w in zip(parts, widths, strict=True)).rstrip()
        for parts in zip_longest(*cells, fillvalue="")
    ]


def single_layer(
    levels: Sequence[str], digits: int | str, gate: str = "relu", report: Callable[[str], None] = lambda _: None
) -> Table:
    """The one-layer capacity table at several levels (arXiv 2410.20646)."""
    from flrdt.derive import Level

    from ..arithmetic.decimals import parse_digits
    from ..results.capacity import capacity

    parsed, count = [Level.parse(level) for level in levels], parse_digits(digits)  # all input is read before any work
    rows, objects = [], []
    for level in parsed:
        shown = capacity(level, count, gate=gate, report=report).to_json()
        rows.append((shown["level"], shown["alpha"], shown["alpha_error"], shown["error_kind"], shown["status"]))
        objects.append(shown)
    return Table(
        f"Injectivity capacity of one layer, gate {gate}, budget 1",
        ("level", "alpha", "error", "digits by", "theory"),
        tuple(rows),
        tuple(objects),
    )


def parse_depths(text: str) -> list[int]:
    """Depths from a list like ``1,2,4`` or a range like ``1..6``; raises ``InputError``.

    >>> parse_depths("1..3,6")
    [1, 2, 3, 6]
    """
    found: set[int] = set()
    for part in text.split(","):
        ends = part.strip().split("..")
        if len(ends) > 2 or not all(re.fullmatch(r"[0-9]{1,4}", e.strip()) and 1 <= int(e) <= 1000 for e in ends):
            raise InputError(f"depths {text[:40]!r} are not depths: use a list like 1,2,4 or a range like 1..6")
        found.update(range(int(ends[0]), int(ends[-1]) + 1))
    if not found:
        raise InputError(f"the range of depths {text!r} is empty: write it upwards, like 1..6")
    return sorted(found)


def deep_networks(
    levels: Sequence[str],
    depths: Sequence[int],
    digits: int | str,
    report: Callable[[str], None] = lambda _: None,
    notions: Sequence[str] = ("weak", "strong"),
) -> Table:
    """Minimal chains, weak and strong unless other ``notions`` are given, with their expansions (arXiv 2412.19677; level 2 is derived here)."""
    from flrdt.derive import Level

    from ..arithmetic.decimals import parse_digits
    from ..results.capacity import shown_error
    from ..results.chain import deep_capacity

    parsed, count = [Level.parse(level) for level in levels], parse_digits(digits)
    rows, objects = [], []
    for level in parsed:
        for notion in notions:
            found = deep_capacity(level, count, depth=max(depths), notion=notion, report=report)
            chain = list(
                zip(found.chain_decimals, found.expansion_decimals, found.chain, found.chain_errors, strict=True)
            )
            for depth in depths:
                alpha, expansion, value, error = chain[depth - 1]
                note = "lifting no longer helps: plain value" if depth in found.unlifted else ""
                total = shown_error(alpha, value, error, count)
                rows.append((str(level), notion, str(depth), alpha, expansion, total, found.error_kind, note))
                objects.append(
                    {
                        "level": str(level),
                        "notion": notion,
                        "depth": depth,
                        "alpha": alpha,
                        "alpha_error": total,
                        "error_kind": found.error_kind,
                        "expansion": expansion,
                        "status": found.status,
                        "lifting_helps": depth not in found.unlifted,
                    }
                )
    return Table(
        "Injectivity capacity of deep ReLU networks, minimal chains",
        ("level", "notion", "depth", "alpha", "expansion", "error", "digits by", "note"),
        tuple(rows),
        tuple(objects),
    )
