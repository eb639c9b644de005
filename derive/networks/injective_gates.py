r"""Gates that are injective on the whole line, such as leaky rectifiers: nothing is ever lost.

Every pre-activation costs 1, so the count is m for every input and no lifting changes it.
"""

from __future__ import annotations

from functools import lru_cache

from sympy import Integer, oo

from ..blocks.tower import tower
from ..core.formulas import Derivation, Formula
from ..core.steps import Approach, Identity
from ..core.symbols import Level, Lifting, alpha, chi
from ..objectives.energy_map import energy_sphere

__all__ = ["injective_energy"]


@lru_cache(maxsize=16)
def injective_energy(level: Level | int | str) -> Formula:
    r"""The infimum of :math:`P_r`, reached as :math:`\chi \to \infty`, is :math:`-\alpha`: the capacity is the budget.

    >>> injective_energy(1).statement
    Eq(Limit(alpha*E_u_2[-1] + 1/(2*chi), chi, oo, dir='-'), -alpha)
    """
    level = Level.parse(level)
    lifting = Lifting(level)
    steps = [(lifting.y(k), lifting.increment(lifting.p, k)) for k in lifting.steps]
    constant = tower(lambda _: Integer(-1), steps, lifting.p(level.r))
    derivation = Derivation(
        (
            Identity(
                "The cost is 1 everywhere, and a constant passes through the tower.",
                constant,
                Integer(-1),
                name="constant",
            ),
            Approach(
                "The sphere part vanishes as chi grows; what is left is minus alpha.",
                energy_sphere(lifting) + alpha * constant,
                chi,
                oo,
                -alpha,
                using=("constant",),
                name="limit",
            ),
        )
    )
    return Formula.concluding(
        f"gate.injective.{level}",
        f"A gate that is injective everywhere: infimum of P_r at level {level}, so that the capacity is the budget",
        derivation,
        source="definition of the active set: the whole line",
        assumptions=("the active set is the whole line",),
    )
