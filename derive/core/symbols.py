"""Symbols of the theory: lifting levels and the parameter families that belong to them.

The names are those of the theory page: overlaps ``p_k`` of the primal vector, overlaps ``q_k`` of the dual vector,
lifting parameters ``c_k`` (psi form) or ``y_k = c_k nu`` (energy form), norm multipliers ``gamma_s, gamma_p``,
count multiplier ``nu``, susceptibility ``chi = 2 gamma_p nu``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sympy import Expr, Integer, Symbol, symbols

from .formulas import InputError

__all__ = ["Level", "LevelError", "Lifting", "alpha", "chi", "gamma_p", "gamma_s", "nu"]

alpha, chi, nu = symbols("alpha chi nu", positive=True)
gamma_s, gamma_p = symbols("gamma_s gamma_p", positive=True)


class LevelError(InputError):
    """The text or number is not a lifting level."""


@dataclass(frozen=True, order=True)
class Level:
    """A lifting level: ``r = 1`` plain, ``2p`` partially lifted (``p_2 = q_2 = 0``), ``r >= 2`` fully lifted.

    Level r is (r-1)-step replica symmetry breaking at zero temperature (arXiv 2410.20646, one layer).

    >>> Level.parse("2p"), Level.parse(3)
    (Level(r=2, partial=True), Level(r=3, partial=False))
    >>> print(Level.parse("2p"))
    2p
    """

    r: int
    partial: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.r, int) or isinstance(self.r, bool) or self.r < 1:
            raise LevelError(f"level {self.r!r} does not exist: use 1, 2p, or an integer from 2 on")
        if self.partial and self.r != 2:
            raise LevelError(f"level {self.r}p does not exist: only level 2 has a partially lifted form, 2p")

    @classmethod
    def parse(cls, value: Level | int | str) -> Level:
        """Read a level from an integer, or from the text ``1``, ``2p``, ``3``, ...; raises :class:`LevelError`."""
        if isinstance(value, Level):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return cls(value)
        match = re.fullmatch(r"\s*(\d{1,6})(p?)\s*", value) if isinstance(value, str) else None
        if match is None:
            raise LevelError(f"level {value!r} is not a level: use 1, 2p, or an integer from 2 on")
        return cls(int(match[1]), bool(match[2]))

    @property
    def closed(self) -> bool:
        """Whether the objective is closed form: at the plain and the partially lifted level."""
        return self.r == 1 or self.partial

    def __str__(self) -> str:
        return f"{self.r}p" if self.partial else str(self.r)


@dataclass(frozen=True)
class Lifting:
    """The symbol families of a level.  ``layer`` marks the families of one layer of a deep network.

    >>> lifting = Lifting(Level(3))
    >>> [lifting.p(k) for k in range(1, 5)], lifting.increment(lifting.p, 2)
    ([1, p_2, p_3, 0], 1 - p_2)
    """

    level: Level
    layer: int | None = None

    def _symbol(self, name: str, k: int) -> Symbol:
        return Symbol(f"{name}_{k}" if self.layer is None else f"{name}^({self.layer})_{k}", positive=True)

    def _overlap(self, name: str, k: int) -> Expr:
        if k == 1:
            return Integer(1)
        if k == self.level.r + 1 or (self.level.partial and k == 2):
            return Integer(0)
        return self._symbol(name, k)

    def p(self, k: int) -> Expr:
        """Overlap of the primal vector: ``p_1 = 1 >= p_2 >= ... >= p_{r+1} = 0``."""
        return self._overlap("p", k)

    def q(self, k: int) -> Expr:
        """Overlap of the dual vector: ``q_1 = 1 >= q_2 >= ... >= q_{r+1} = 0``."""
        return self._overlap("q", k)

    def c(self, k: int) -> Expr:
        """Lifting parameter of the psi form: ``c_2 > ... > c_r > c_{r+1} = 0``."""
        return Integer(0) if k == self.level.r + 1 else self._symbol("c", k)

    def y(self, k: int) -> Expr:
        """Lifting parameter of the energy form, ``y_k = c_k nu``."""
        return Integer(0) if k == self.level.r + 1 else self._symbol("y", k)

    def Lambda(self, k: int) -> Symbol:
        """``Lambda_k``, the running susceptibility of the primal side."""
        return self._symbol("Lambda", k)

    def Theta(self, k: int) -> Symbol:
        """``Theta_k``, the running susceptibility of the dual side."""
        return self._symbol("Theta", k)

    @property
    def steps(self) -> range:
        """The lifting indices ``k = 2..r``."""
        return range(2, self.level.r + 1)

    @staticmethod
    def increment(family, k: int) -> Expr:
        """``family(k-1) - family(k)``."""
        return family(k - 1) - family(k)

    def overlaps(self, family) -> list[Symbol]:
        """The members of an overlap family that are free parameters of this level."""
        return [family(k) for k in self.steps if isinstance(family(k), Symbol)]
