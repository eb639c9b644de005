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


def test_the_steps_of_an_overlap_function_are_those_of_the_reference():
    from flrdt.evaluate.output.curves import overlap_curve

    linear, logarithmic = overlap_curve(["3"]).axes
    (steps,) = linear.patches
    # y is 0 up to the outermost overlap, and the innermost y from p_2 on; theory, section 7
    assert steps.get_data().edges == pytest.approx([0, 0.7410980, 0.9766342, 1])
    assert steps.get_data().values == pytest.approx([0, 2.667325, 5.353319])
    (steps,) = logarithmic.patches
    assert steps.get_data().values == pytest.approx([5.353319, 2.667325]) and logarithmic.get_xscale() == "log"


def test_the_limit_and_one_layer_draw_overlaps_the_same_way():
    from types import SimpleNamespace

    from flrdt.evaluate.output.curves import overlap_curve
    from flrdt.evaluate.output.figures import empty_figure
    from flrdt.evaluate.output.limit_plots import draw_overlap
    from flrdt.evaluate.results.capacity import capacity

    found = capacity(3, 8)
    order = ["chi", "p_2", "p_3", "y_2", "y_3"]
    solved = SimpleNamespace(level=3, parameters=lambda: [found.parameters[name] for name in order])
    figure = empty_figure(9, 3.8)
    draw_overlap(figure, SimpleNamespace(levels=[solved], flow=None))
    for here, there in zip(figure.axes, overlap_curve(["3"]).axes, strict=True):
        for one, other in zip(here.patches, there.patches, strict=True):
            assert one.get_data().edges == pytest.approx(other.get_data().edges)
            assert one.get_data().values == pytest.approx(other.get_data().values)


def chains():
    """Expansions as those of real chains: about 1, and one of the strong notion that is not."""
    return {
        "weak, level 1": [(1, 7.6, 7.6), (2, 7.5, 0.986), (3, 7.4, 0.9863)],
        "strong, level 1": [(1, 7.6, 7.6), (2, 11.4, 1.4985), (3, 11.3, 0.9914)],
    }


def test_expansions_about_one_can_be_read():
    """They have an axis of their own, which does not reach to 1.5; depths are whole numbers; no curve is its neighbour's look."""
    from flrdt.evaluate.output.expansion_plot import draw_chains
    from flrdt.evaluate.output.figures import empty_figure, rendered

    figure = empty_figure(9, 3.6)
    draw_chains(figure, chains())
    rendered(figure, "png")  # ticks are placed when a figure is drawn
    widths, large, near = figure.axes
    assert near.get_ylim()[0] > 0.98 and near.get_ylim()[1] < 1 and large.get_ylim()[0] > 1.4
    assert all(tick == int(tick) for axes in figure.axes for tick in axes.get_xticks())
    for kind in ("get_color", "get_linestyle", "get_marker"):
        assert len({getattr(line, kind)() for line in widths.lines}) == 2
    assert near.get_xlim() == large.get_xlim()


def test_no_label_of_the_small_figures_is_clipped():
    from flrdt.evaluate.output.curves import value_curve
    from flrdt.evaluate.output.expansion_plot import draw_chains
    from flrdt.evaluate.output.figures import empty_figure, rendered

    figures = [value_curve(["1", "2p", "2"], [7.6477, 7.4486, 6.7157], r"$\alpha$"), empty_figure(9, 3.6)]
    draw_chains(figures[1], chains())
    for figure in figures:
        rendered(figure, "png")
        width, height = figure.bbox.size
        for axes in figure.axes:
            box = axes.get_tightbbox()  # with the labels of ticks and curves
            assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_the_settings_of_the_user_do_not_leak_in(kind):
    """Neither what draws differently, nor what fails where there is no TeX; and they are left as they were."""
    import matplotlib

    from flrdt.evaluate.output.curves import value_curve
    from flrdt.evaluate.output.figures import rendered

    def drawn():
        return rendered(value_curve(["1", "2"], [2.0, 1.0], r"$\alpha$"), kind)

    own = {"text.usetex": True, "axes.facecolor": "red", "font.size": 31, "lines.linewidth": 9, "figure.dpi": 40}
    plain = drawn()
    with matplotlib.rc_context(own):
        assert drawn() == plain
        assert {key: matplotlib.rcParams[key] for key in own} == own
    assert b"<dc:date>" not in plain


def test_looks_are_told_apart():
    from flrdt.evaluate.output.figures import look

    looks = {tuple(look(i).values()) for i in range(140)}
    assert len(looks) == 140
    # neighbours differ in each of the three
    assert all(look(i)[key] != look(i + 1)[key] for i in range(140) for key in look(0))


@pytest.mark.slow
def test_the_energies_cross_the_budget_at_the_capacities():
    """Every crossing is marked, at the reference value (theory, section 7); the inset tells levels 2 and 3 apart."""
    from flrdt.evaluate.output.curves import energy_curve
    from flrdt.evaluate.output.figures import rendered

    figure = energy_curve(["1", "2", "3"])
    rendered(figure, "png")
    (axes,) = figure.axes
    marks = [line for line in axes.lines if len(line.get_xdata()) == 1]
    assert [line.get_xdata()[0] for line in marks] == pytest.approx([7.647695, 6.715697, 6.700392], abs=1e-6)
    assert all(line.get_ydata()[0] == 1 for line in marks)
    (inset,) = axes.child_axes
    low, high = inset.get_xlim()
    assert high - low < 0.1 and low < 6.700392 < 6.715697 < high
    curves = [line for line in inset.lines if len(line.get_xdata()) > 2]
    for line, crossing in zip(curves[1:], (6.715697, 6.700392), strict=True):
        x, y = line.get_xdata(), line.get_ydata()
        assert x[abs(y - 1).argmin()] == pytest.approx(crossing, abs=(high - low) / 100)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["energy", "steps"])
def test_one_layer_figures_are_written_for_any_gate(run, tmp_path, kind):
    target = tmp_path / "figure.png"
    code, out, _ = run("plot", kind, "--levels", "2", "--gate", "hardtanh", "--output", str(target))
    assert code == 0 and out == "" and target.read_bytes()[:4] == b"\x89PNG"
