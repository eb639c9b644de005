"""Tables of the page on evidence, from the registry, the results of mutation and the tests that hold them."""

import json
from collections import Counter
from pathlib import Path

from flrdt.derive.registry import SECTIONS, registry

ROOT = Path(__file__).parents[1]
CODE = ROOT / "tests/code_mutants.json"
STEPS = ROOT / "tests/step_mutants.json"
OUTCOMES = ("killed", "timed out", "survived", "not run")


def table(head: tuple[str, ...], rows: list[tuple]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    return "\n".join([*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows)])


def formulas() -> str:
    """How the formulas of the registry were checked, by what the theory says of them."""
    from collection import by_id

    entries = [f for f in by_id().values() if f["outcome"]]
    checks = ("proved", "verified", "unknown", "failed")
    rows = []
    for status in sorted({f["status"] for f in entries}):
        found = Counter(f["outcome"]["verdict"] for f in entries if f["status"] == status)
        rows.append((status, *(found[c] for c in checks)))
    return table(("theory", *(f"{c} formulas" for c in checks)), rows)


def code_mutants() -> str:
    """Outcomes of the mutants of the code, by folder, and those that are alive with the reason."""
    if not CODE.exists():
        return "No mutant of the code has been tried yet."
    results = json.loads(CODE.read_text())
    tried = results["mutants"]
    folders: dict[str, Counter] = {}
    for key, entry in tried.items():
        folders.setdefault("/".join(key.split("/")[:2]), Counter())[entry["outcome"]] += 1
    rows = [(f"`{name}`", sum(c.values()), *(c[o] for o in OUTCOMES)) for name, c in sorted(folders.items())]
    total = Counter(e["outcome"] for e in tried.values())
    rows.append(("all", len(tried), *(total[o] for o in OUTCOMES)))
    alive = [
        (f"`{key}`".replace("|", "\\|"), entry.get("reason", "not explained yet"))
        for key, entry in tried.items()
        if entry["outcome"] == "survived"
    ]
    lines = [
        f"{len(tried)} of {results['drawn']} sites drawn with seed {results['seed']} have been tried.",
        "",
        table(("folder", "tried", *OUTCOMES), rows),
        "",
    ]
    if alive:
        lines += ["Alive:", "", table(("module, function, change", "why"), alive)]
    return "\n".join(lines)


def step_mutants() -> str:
    """Outcomes of the mutants of steps, by section of the registry, those that are no defect, and what is not bound or tried yet."""
    results = json.loads(STEPS.read_text())
    steps = {s for e in registry().values() for s in e.formula.derivation.steps}
    rows = [
        (
            f"`{name}`",
            *(r.get(count, 0) for count in ("steps", "mutants", "killed", "unproved", "timed out")),
            len(r["equivalent"]),
            len(r["explained"]),
        )
        for name, r in results.items()
    ]
    rows.append(("all", *(sum(row[i] for row in rows) for i in range(1, 8))))
    lines = [f"All {len(steps)} steps compute their check from what they say."]
    if rest := [f"`{name}`" for name in SECTIONS if name not in results]:
        lines.append(f"Not tried yet: {', '.join(rest)}.")
    lines += [f"Left out: `{i}` ({why})." for r in results.values() for i, why in r.get("left out", {}).items()]
    head = ("section", "steps", "mutants", "killed", "unproved", "timed out", "equivalent", "explained")
    lines += ["", table(head, rows), ""]
    alive = [(kind, row) for r in results.values() for kind in ("equivalent", "explained") for row in r[kind]]
    if alive:
        cells = [(f"`{row['formula']}`", kind, _code(row["change"]), row["reason"]) for kind, row in alive]
        lines += ["Mutants that do not fail, and why they need not:", ""]
        lines.append(table(("formula", "", "step, field, change", "why"), cells))
    return "\n".join(lines)


def _code(change: str) -> str:
    """A change as code that fits into a cell of a table."""
    short = change if len(change) <= 160 else f"{change[:110]} ... {change[-40:]}"
    return f"`{short}`".replace("|", "\\|")
