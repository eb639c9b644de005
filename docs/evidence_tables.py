"""Tables of the page on evidence, from the registry, the results of mutation and the tests that hold them."""

import ast
import json
from collections import Counter
from pathlib import Path

from flrdt.derive.registry import registry

ROOT = Path(__file__).parents[1]
CODE = ROOT / "tests/code_mutants.json"
STEPS = ROOT / "tests/derive/test_step_mutations.py"
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
    """Which sections have had every step mutated, the mutants that are alive, and the steps that are not bound yet."""
    values = {}
    for node in ast.parse(STEPS.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                values[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    steps = {s for e in registry().values() for s in e.formula.derivation.steps}
    sections = ", ".join(f"`{name}`" for name in values.get("COVERED", ()))
    lines = [
        f"All {len(steps)} steps compute their check from what they say. Sections whose steps have all been mutated, with no survivor but those below: {sections}.",
        "",
    ]
    explained = values.get("EXPLAINED", {})
    if explained:
        lines.append(table(("formula", "mutant that is not refuted"), [(f"`{k}`", v) for k, v in explained.items()]))
    return "\n".join(lines)
