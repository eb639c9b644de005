"""The snippets of the pages on gates, finite sizes and sweeps run."""

import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {name: (DOCS / f"{name}.md").read_text() for name in ("gates", "finite-size", "sweeps")}
QUICK = [
    pytest.param(line, marks=pytest.mark.slow) if "--layers" in line else line  # a search over many deep maps
    for text in PAGES.values()
    for block in re.findall(r"```sh\n(.*?)```", text, re.S)
    for line in block.splitlines()
    if "sweep" not in line
]


@pytest.mark.parametrize("line", QUICK)
def test_commands(run, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    both_signs = np.vstack([np.eye(2), -np.eye(2)])
    for number, matrix in ((1, both_signs), (2, np.eye(4))):
        np.save(f"layer{number}.npy", matrix)
        np.savetxt(f"layer{number}.csv", matrix, delimiter=",")
        np.save(f"bias{number}.npy", np.full(4, 0.5))
        np.savetxt(f"bias{number}.csv", np.full(4, 0.5))
    np.save("layer.npy", np.random.default_rng(0).standard_normal((6, 3)))
    code, out, _ = run(*shlex.split(line)[1:])
    assert code == 0 and out
    if "pair.json" in line:
        (snippet,) = re.findall(r"```python\n(.*?)```", PAGES["finite-size"], re.S)
        limit = sys.get_int_max_str_digits()
        try:
            exec(compile(snippet, "finite-size snippet", "exec"), {})
        finally:
            sys.set_int_max_str_digits(limit)


def test_python_and_toml(tmp_path, monkeypatch, capsys):
    from flrdt.evaluate.sweeps.run import points_of, read_plan

    monkeypatch.chdir(tmp_path)
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGES["sweeps"], re.S)
    exec(compile(snippet, "sweeps snippet", "exec"), {})
    assert "7.6476949354" in capsys.readouterr().out
    sizes = []
    for plan in re.findall(r"```toml\n(.*?)```", PAGES["sweeps"], re.S):
        Path("plan.toml").write_text(plan)
        sizes.append(len(points_of(read_plan("plan.toml"))))
    assert sizes == [3 * 43, (3 + 5) * 2 * 2]
