"""What a report tells, in reading order: the derivations for one layer, and for a deep network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flrdt.derive import (
    Formula,
    Gate,
    Level,
    Network,
    energy_map,
    hidden_exponential,
    hidden_mean,
    inner_maximum,
    innermost,
    layer_recursion,
    lifted_hidden,
    objective,
    plain_level,
    relations,
    scaling,
    stationarity,
)
from flrdt.derive.blocks.definitions import envelope, lifted_tower
from flrdt.derive.networks.problems import Problem
from flrdt.derive.registry.family import problem_formulas

__all__ = ["Section", "deep_sections", "distinct", "one_layer_sections", "problem_sections"]


@dataclass(frozen=True)
class Section:
    """A heading, an introduction and the formulas that stand below it."""

    title: str
    text: str
    formulas: tuple[Formula, ...]


def distinct(formulas: Iterable[Formula]) -> list[Formula]:
    """One formula per derivation."""
    return list({id(f.derivation): f for f in formulas}.values())


def one_layer_sections(gate: Gate, level: Level) -> list[Section]:
    """Problem, objective, relations and what else its level has."""
    network = Network(gate)
    posed = objective(network, level)
    active = " U ".join(f"({a}, {b})" for a, b in gate.components)
    found = [
        Section(
            "Problem",
            "A layer has alpha n outputs for n inputs, and independent standard normal weights. It is injective exactly "
            f"when every input on the sphere of radius {gate.radius} keeps at least n pre-activations in the active set "
            f"{active}. Each active one costs 1, and the theory sees this cost through its Moreau envelope.",
            (envelope(gate),),
        ),
        Section(
            "Objective",
            "The random-dual form and the energy form of the objective. The capacity is the alpha at which the first "
            "vanishes at its stationary point, and at which the minimum of the second is minus the budget.",
            (posed.formula("psi"), posed.formula("energy")),
        ),
        Section(
            "Map between the two forms", "Eliminating the dual overlaps leaves the energy form.", (energy_map(level),)
        ),
        Section(
            "Closed-form relations",
            "Stationarity of the random-dual form fixes the lifting parameters by the overlaps.",
            (*relations(level).formulas, scaling(level)),
        ),
    ]
    if level.r == 1:
        found.append(Section("Closed form", "The plain level needs no tower.", (plain_level(network).formula,)))
        return found
    found.insert(
        1,
        Section("Gaussian tower", "Lifting averages logarithmically, once per level.", (lifted_tower(level),)),
    )
    return [
        *found,
        Section("Innermost expectation", "The first level of the tower is closed form.", (innermost(gate).formula,)),
        Section(
            "Stationarity",
            "The remaining conditions, in the law of the field that the tower tilts down to a level.",
            stationarity(level),
        ),
    ]


def deep_sections(network: Network, level: Level, budgets: Iterable[str]) -> list[Section]:
    """Problem and objective, the hidden block, and its averages at the level."""
    posed = objective(network, level)
    asked = ", ".join(budgets)
    unknown = ", ".join(map(str, posed.parameters()))
    found = [
        Section(
            "Problem and objective",
            f"A network of {network.depth} layers has alpha_i n outputs of layer i for n inputs, and independent standard "
            f"normal weights. Layer by layer the budget is {asked}: every input has to keep at least that many active "
            f"outputs, in units of n. The capacity is the alpha_{network.depth} at which the objective equals minus the "
            f"budget of the last layer while it is stationary in {unknown}.",
            (posed.formula(),),
        ),
        Section(
            "Inner maximisation of a hidden layer",
            "The best that one unit can do with its pre-activation, given the field w of the layer before and the field h of "
            "the layer behind.",
            (inner_maximum().formula,),
        ),
    ]
    if level.r == 1:
        return [
            *found,
            Section("Average over the fields", "The fields are centred: an angle is left.", (hidden_mean(),)),
            Section(
                "A second route",
                "The plain level follows without the objective as well, from the gain of one layer under a bound on its "
                "cost.",
                (layer_recursion().formula,),
            ),
        ]
    if level.partial:
        averages = Section(
            "Average over the fields", "The fields are centred: an angle is left.", (hidden_exponential(),)
        )
    else:
        averages = Section(
            "Average over the fields",
            "The average over the field h is closed form on either side of the boundary ray.",
            (lifted_hidden().formula,),
        )
    count = Section(
        "Counting output", "The last layer counts, as a single one does.", (innermost(network.gate).formula,)
    )
    return [*found, averages, count]


def problem_sections(given: Problem, level: Level) -> list[Section]:
    """What is derived for a problem of the family: its plain value, its objective, the relations that survive, its average."""
    word = str(given)
    parts = {
        "plain": ("Plain level", "The plain level needs no tower."),
        "objective": (
            "Objective",
            f"The {given.quantity} of level {level} is the stationary value of this objective in what it still depends on.",
        ),
        "relations": (
            "Closed-form relations",
            "On the sphere stationarity fixes the lifting parameters by the overlaps, whatever the output is.",
        ),
        "innermost": ("Innermost expectation", "The first level of the tower is closed form."),
    }
    found = []
    for what, (title, text) in parts.items():
        if level.r == 1 and what == "relations":
            continue
        try:
            formulas = problem_formulas(word, what, str(level))
        except ValueError:  # the problem does not have this
            continue
        found.append(Section(title, text, tuple(formulas)))
    return found
