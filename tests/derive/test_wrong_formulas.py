"""A formula of the toolkit that is changed where it is written makes the derivations that rest on it fail.

Each of these changes went unnoticed when the check of a step was handed in with it.
"""

from __future__ import annotations

import inspect
from importlib import import_module
from textwrap import dedent

from flrdt.derive import Level, Verdict, relu
from flrdt.derive.networks import gates


def change(monkeypatch, module: str, name: str, old: str, new: str):
    """Rewrite a function in its module; the rewritten one, and what the module calls, have caches of their own."""
    owner = import_module(f"flrdt.derive.{module}")
    source = dedent(inspect.getsource(inspect.unwrap(getattr(owner, name))))
    assert source.count(old) == 1, f"{name} no longer says {old!r} once"
    exec(compile(source.replace(old, new), owner.__file__, "exec"), owner.__dict__, namespace := {})
    monkeypatch.setattr(owner, name, namespace[name])
    return owner


def failed(build) -> bool:
    """Whether a derivation fails, or what it solves for cannot be found any more."""
    try:
        formula = build()
    except ArithmeticError:
        return True
    return getattr(formula, "derivation", formula).verdict() is Verdict.FAILED


def test_the_envelope_with_another_cost_of_moving(monkeypatch):
    from flrdt.derive.blocks.definitions import envelope

    change(monkeypatch, "networks.gates", "moving", "distance**2 / (2 * chi)", "distance**2 / chi")
    assert gates.moving(3, 1) == 9
    assert failed(lambda: envelope.__wrapped__(relu()))


def test_the_slope_of_the_tower_in_an_overlap_with_another_factor(monkeypatch):
    owner = change(
        monkeypatch,
        "conditions.stationarity",
        "_overlap_chain",
        "half * (y(k + 1) - y(k)) * square",
        "(y(k + 1) - y(k)) * square",
    )
    assert failed(lambda: owner.stationarity.__wrapped__("2")[0])


def test_the_thermal_average_with_another_exponent(monkeypatch):
    owner = change(monkeypatch, "conditions.stability", "_innermost_steps", "1 - exp(-beta)", "1 - exp(-5 * beta)")
    assert failed(lambda: owner.thermal_plain_level.__wrapped__(relu()))


def test_the_normalisation_with_another_sum_of_multipliers(monkeypatch):
    owner = change(
        monkeypatch,
        "objectives.relations",
        "_scaling_steps",
        "gamma_s - gamma_p - coupling",
        "gamma_s + 5 * gamma_p - coupling",
    )
    assert failed(lambda: owner._relations.__wrapped__(Level(2)))
