"""Symbols of the theory: lifting levels and the parameter families that belong to them.

The names are those of the theory page: overlaps ``p_k`` of the primal vector, overlaps ``q_k`` of the dual vector,
lifting parameters ``c_k`` (psi form) or ``y_k = c_k nu`` (energy form), norm multipliers ``gamma_s, gamma_p``,
count multiplier ``nu``, susceptibility ``chi = 2 gamma_p nu``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from operator import index

from sympy import Expr, Integer, Symbol, symbols

from .formulas import InputError

__all__ = ["Level", "LevelError", "Lifting", "alpha", "chi", "gamma_p", "gamma_s", "is_limit", "nu"]

alpha, chi, nu = symbols("alpha chi nu", positive=True)
gamma_s, gamma_p = symbols("gamma_s gamma_p", positive=True)


class LevelError(InputError):
    """The text or number is not a lifting level."""


def is_limit(text: object) -> bool:
    """Whether a text names the limit of the levels: ``inf``, or ``FRSB``.

    >>> is_limit("inf"), is_limit("FRSB"), is_limit("2")
    (True, True, False)
    """
    names = ("inf", "infinity", "oo", "∞", "frsb", "full-rsb", "full rsb", "fullrsb")
    return isinstance(text, str) and text.strip().lower() in names


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
        if isinstance(self.r, bool) or not hasattr(self.r, "__index__") or self.r < 1:
            raise LevelError(f"level {self.r!r} does not exist: use 1, 2p, or an integer from 2 on")
        object.__setattr__(self, "r", index(self.r))
        if self.partial and self.r != 2:
            raise LevelError(f"level {self.r}p does not exist: only level 2 has a partially lifted form, 2p")

    @classmethod
    def parse(cls, value: Level | int | str) -> Level:
        """Read a level from an integer, or from the text ``1``, ``2p``, ``3``, ...; raises :class:`LevelError`.

        The replica names are understood too: ``RS`` is level 1, ``1RSB`` level 2, ``2RSB`` level 3.

        >>> [str(Level.parse(name)) for name in ("RS", "1RSB", "2-rsb")]
        ['1', '2', '3']
        """
        if isinstance(value, Level):
            return value
        if isinstance(value, str):
            return cls._read(value)
        try:
            if not isinstance(value, bool):
                return cls(index(value))
        except TypeError:
            pass
        raise LevelError(f"level {value!r} is not a level: use 1, 2p, or an integer from 2 on")

    @classmethod
    def _read(cls, text: str) -> Level:
        word = text.strip()
        if is_limit(word):
            raise LevelError(
                f"level {word} is the limit of the levels: use 1, 2p or an integer from 2 on, or flrdt limit"
            )
        replica = re.fullmatch(r"(?:(\d{1,6})[- ]?(?:step[- ]?)?)?(?:rsb|rs)", word, re.IGNORECASE)
        if replica and bool(replica[1]) == word.lower().endswith("b"):
            return cls(int(replica[1] or 0) + 1)
        match = re.fullmatch(r"([0-9]{1,6})(p?)", word, re.IGNORECASE)
        if match is None:
            known = "use 1, 2p, an integer from 2 on, or a replica name like RS or 1RSB"
            raise LevelError(f"level {text[:60]!r} is not a level: {known}")
        return cls(int(match[1]), bool(match[2]))

    @property
    def name(self) -> str:
        """What the level is called where replicas are counted.

        >>> Level(1).name, Level(3).name, Level(2, partial=True).name
        ('plain, RS', 'fully lifted, 2RSB', 'partially lifted')
        """
        if self.r == 1:
            return "plain, RS"
        return "partially lifted" if self.partial else f"fully lifted, {self.r - 1}RSB"

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
