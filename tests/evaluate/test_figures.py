"""Figures in files: whole, the same bytes every time, of computed values, bad input refused at once."""

import pytest


def test_expansion_plot(run, tmp_path):
    pytest.importorskip("matplotlib")
    files = [tmp_path / "a.svg", tmp_path / "b.svg"]
    for target in files:
        code, out, _ = run("plot", "expansion", "--depths", "1,2", "--levels", "1", "--output", str(target))
        assert code == 0 and out == ""
    assert files[0].read_bytes() == files[1].read_bytes()
    assert b"<svg" in files[0].read_bytes()
    assert sorted(tmp_path.iterdir()) == files


@pytest.mark.parametrize(
    "name, message", [("plot.txt", "ends in"), ("missing/plot.svg", "does not exist"), ("plot", "ends in")]
)
def test_files_that_cannot_be_written(run, tmp_path, name, message):
    code, _, err = run("plot", "expansion", "--output", str(tmp_path / name))
    assert code == 2 and message in err and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words, message",
    [
        (("capacity", "--levels", "1,x"), "level"),
        (("energy", "--levels", ""), "level"),
        (("steps", "--levels", "1,2p"), "full level"),
        (("capacity", "--gate", "leaky-relu:1/10"), "capacity 1"),
        (("steps", "--gate", "relux"), "relu"),
        (("tower",), "is unknown: use expansion"),
    ],
)
def test_bad_input(run, tmp_path, words, message):
    code, out, err = run("plot", *words, "--output", str(tmp_path / "plot.svg"))
    assert code == 2 and out == "" and message in err and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_capacity_against_the_level_shows_the_reference_values(run, tmp_path):
    target = tmp_path / "capacity.svg"
    assert run("plot", "capacity", "--levels", "1,2p", "--output", str(target))[0] == 0
    from flrdt.evaluate.output.curves import capacity_curve

    (axes,) = capacity_curve(["1", "2p", "2"]).axes
    assert axes.lines[0].get_ydata() == pytest.approx([7.647694935, 7.448638726, 6.715696838])  # theory, section 7


def test_the_steps_of_an_overlap_function_are_those_of_the_reference(run, tmp_path):
    from flrdt.evaluate.output.curves import overlap_curve

    (axes,) = overlap_curve(["3"]).axes
    line = axes.lines[0]
    assert sorted({*line.get_ydata()}) == pytest.approx([0.7410980, 0.9766342, 1])  # theory, section 7
    assert line.get_xdata()[1:3] == pytest.approx([2.667325, 5.353319])
    # p below the outermost y, and 1 above the innermost one
    assert line.get_ydata()[1] == pytest.approx(0.7410980) and line.get_drawstyle() == "steps-pre"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["energy", "steps"])
def test_one_layer_figures_are_written_for_any_gate(run, tmp_path, kind):
    target = tmp_path / "figure.png"
    code, out, _ = run("plot", kind, "--levels", "2", "--gate", "hardtanh", "--output", str(target))
    assert code == 0 and out == "" and target.read_bytes()[:4] == b"\x89PNG"
