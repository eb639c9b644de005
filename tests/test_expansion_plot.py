"""The figure of widths and expansions: whole, the same bytes every time, bad names refused at once."""

import pytest


def test_expansion_plot(run, tmp_path):
    pytest.importorskip("matplotlib")
    files = [tmp_path / "a.svg", tmp_path / "b.svg"]
    for target in files:
        code, out, _ = run("plot", "expansion", "--depths", "1..3", "--levels", "1", "--output", str(target))
        assert code == 0 and out == ""
    assert files[0].read_bytes() == files[1].read_bytes()
    assert b"<svg" in files[0].read_bytes()
    assert sorted(tmp_path.iterdir()) == files


@pytest.mark.parametrize(
    "name, message", [("plot.txt", "ends in"), ("missing/plot.svg", "does not exist"), ("plot", "ends in")]
)
def test_bad_output(run, tmp_path, name, message):
    code, _, err = run("plot", "expansion", "--output", str(tmp_path / name))
    assert code == 2 and message in err and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
