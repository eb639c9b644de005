"""What the symbols of the theory stand for: one meaning for a name, in a formula and among the formulas of a family.

A letter of the alphabet that only holds a place in a formula (x, t, d) means what its family says; every other name has the
same meaning everywhere, but for the few that :data:`SHARED` lists with the families that use them differently.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sympy import Basic, Symbol

from .gaussian import Expectation

__all__ = ["SHARED", "Meaning", "meaning", "symbol_table"]

NAMES: dict[str, str] = {
    r"alpha": "number of outputs of the last layer over the dimension of the input",
    r"alpha_\d+": "width of a layer over the dimension of the input",
    r"budget": "required number of active outputs over the dimension of the input",
    r"chi": "susceptibility of the input: parameter of the Moreau envelope",
    r"chi\^\(\d+\)": "susceptibility of the output of a layer",
    r"nu": "multiplier of the count",
    r"gamma_s": "multiplier of the norm on the sphere",
    r"gamma_p": "multiplier of the norm of the pre-activations",
    r"p_(\d+|k|\{.*\})": "overlap of two inputs",
    r"q_(\d+|k|\{.*\})": "overlap of two dual vectors",
    r"c_(\d+|k|\{.*\})": "lifting parameter of the psi form",
    r"y_(\d+|k|\{.*\})": "lifting parameter of the energy form, c_k nu",
    r"p\^\(\d+\)_\d+": "overlap of two outputs of a layer; index 1 is their squared norm",
    r"q\^\(\d+\)_\d+": "overlap conjugate to that of the outputs of a layer",
    r"mu\^\(\d+\)": "curvature: multiplier of the squared norm of the outputs of a layer",
    r"mu": "curvature: multiplier of the squared norm of the outputs of a layer",
    r"T_\d+": "tower of a hidden layer at a level",
    r"Lambda(_\d+|_k)?": "susceptibility accumulated up to a step",
    r"Theta_(\d+|k|\{.*\})": "conjugate susceptibility accumulated up to a step",
    r"D": "variance of the innermost field",
    r"tau": "reduced susceptibility of a hidden layer, sqrt(p/q)/chi",
    r"eta": "reduced lifting parameter of a hidden layer, y sqrt(p q)",
    r"omega": "end of the quadratic piece of the envelope in units of the innermost field, sqrt(2 chi/D)",
    r"zeta": "half-width of the strip of analyticity in units of the innermost field",
    r"psi(_\d+p?)?": "random-dual objective of a level",
    r"P_\d+p?": "energy form of the objective of a level",
    r"E_rays": "expected number of rays with at most k active rows",
    r"J": "Hessian of the objective in the new overlaps",
    r"E\[d\^2\]": "mean squared distance to the inactive set",
    r"E\[\(t - h\)_\+\]": "mean positive part",
    r"a_\{i\+1\}": "bound on the mean squared output of the next layer",
    r"delta": "lower slope of the pinball loss",
    r"lambda": "factor of a rescaling",
    r"h": "field: the pre-activation before the envelope moves it, or the field conjugate to the output of a unit",
    r"w": "field: the pre-activation of a hidden unit",
    r"x": "value of a field",
    r"z": "pre-activation",
    r"y": "lifting parameter of the energy form",
    r"m_\d+": "multiplicity of a cell of the perceptron",
}
"""Patterns of names and what they mean in every family that :data:`SHARED` does not name."""

SHARED: dict[str, dict[str, str]] = {
    "kappa": {
        "hidden": "reduced curvature of a hidden layer, mu sqrt(p/q)",
        "recursion": "reduced curvature of a hidden layer, mu sqrt(p/q)",
        "perceptron": "margin",
    },
    "beta": {"thermal": "inverse temperature", "lower": "weight of a convex combination"},
    "p": {
        "flow": "overlap as the time of the flow",
        "limit": "overlap as the time of the flow",
        "hidden": "squared norm of the inputs of a hidden layer",
        "kernel": "overlap of two inputs",
        "reduction": "squared norm of the inputs of a hidden layer",
    },
    "q": {
        "hidden": "variance of the conjugate field of a hidden layer",
        "reduction": "variance of the conjugate field of a hidden layer",
    },
    "P": {"energy_map": "energy form of the objective", "finite": "probability"},
    "V": {"angular": "quadratic form on the unit circle", "hidden": "maximum over the output of a unit"},
    "k": {
        "finite": "number of active rows",
        "gaussian": "end of a window",
        "gradient": "step of the tower, counted from the innermost",
        "lower": "upper slope of the pinball loss",
        "plain": "threshold of the active set after scaling, sqrt(2 chi)",
        "recursion": "threshold of the output layer",
    },
    "m": {"finite": "number of outputs", "hidden": "mean of a field"},
    "n": {"finite": "dimension of the input", "merging": "number of levels that the tower has passed"},
    "c": {"gaussian": "rate of an exponential", "tower": "lifting parameter"},
    "v": {"perceptron": "variance of a field"},
    "a": {"comparison": "squared distance of two dual directions", "hidden": "coefficient of a quadratic exponent"},
    "N": {"comparison": "least number of active outputs over the dimension of the input"},
    "C_X": {"comparison": "covariance of the bilinear process at two points"},
    "C_Y": {"comparison": "covariance of the decoupled process at two points"},
    "b": {
        "comparison": "squared distance of two inputs",
        "certificate": "imaginary part of a field",
        "innermost": "imaginary part of a field",
    },
    "s": {"certificate": "shift of the line of integration"},
    "h": {"tower": "Gaussian field"},
    "z": {"gaussian": "standard normal variable"},
    "eta": {"flow": "change of the overlap function"},
    "y": {"flow": "overlap function: lifting parameter as a function of the overlap"},
    "lambda": {"lower": "multiplier of a constraint", "hidden": "eigenvalue of a quadratic form"},
}
"""Names that families use for their own quantities: name, family of the formula's id, meaning."""

PLACES = {"A", "B", "C", "T", "X", "Y", "d", "e", "t", "u", "g"}
"""Letters that stand for any number with the property that the statement gives them."""


@dataclass(frozen=True)
class Meaning:
    """A symbol, the numbers it stands for, and its meaning; ``text`` is one line."""

    symbol: Symbol
    numbers: str
    meaning: str

    @property
    def text(self) -> str:
        return f"{self.symbol.name}: {self.meaning} ({self.numbers})"


def meaning(name: str, family: str) -> str | None:
    """What a name means in a family of formulas (the first part of their ids), ``None`` if nobody has said.

    >>> meaning("chi", "envelope")
    'susceptibility of the input: parameter of the Moreau envelope'
    >>> meaning("kappa", "perceptron"), meaning("kappa", "hidden")
    ('margin', 'reduced curvature of a hidden layer, mu sqrt(p/q)')
    """
    own = SHARED.get(name, {}).get(family)
    if own is not None:
        return own
    for pattern, text in NAMES.items():
        if re.fullmatch(pattern, name):
            return text
    return "any number" if name in PLACES else None


def _numbers(symbol: Symbol) -> str:
    kinds = (("positive", symbol.is_positive), ("nonnegative", symbol.is_nonnegative), ("real", symbol.is_real))
    kind = next((name for name, holds in kinds if holds), "value of the formula")
    return f"{kind} integer" if symbol.is_integer else kind


def symbol_table(statement: Basic, family: str) -> list[Meaning]:
    """The symbols of a statement with their domain and meaning, sorted by name.

    Integration variables are not listed: the statement itself says where they run.

    >>> from ..objectives.relations import relations
    >>> for row in symbol_table(relations(level=2)["c_2"], "relations"):
    ...     print(row.text)
    p_2: overlap of two inputs (positive)
    q_2: overlap of two dual vectors (positive)
    """
    found: Iterable[Basic] = statement.free_symbols
    bound = {v for mean in statement.atoms(Expectation) for v in mean.bound_symbols}
    symbols = sorted((s for s in found if isinstance(s, Symbol) and s not in bound), key=lambda s: s.name)
    return [Meaning(s, _numbers(s), meaning(s.name, family) or "not named") for s in symbols]
