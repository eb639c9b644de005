r"""The lifted objective of a problem of the family: one elementary term and one Gaussian tower.

Everything an evaluator needs is read off here: the parameters, the elementary term, the variances and lifting parameters of the
tower, its innermost average, and whether the value is a quotient (capacity of a hard set) or a sum (energy, ground state).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from sympy import Abs, Add, Expr, Function, Integer, Piecewise, Rational, Symbol, log, pi, sqrt

from ..blocks.field_averages import FieldAverage, envelope_average, mean_value, spin_average
from ..blocks.outputs import Cost, HardSet, Piece
from ..blocks.tower import tower
from ..core.formulas import InputError
from ..core.insertion import insert
from ..core.symbols import Level, LevelError, Lifting, alpha, chi
from ..networks.problems import NormOutput, Problem, SymmetricCoupling
from .closed_form import ScaledTerm
from .energy_map import energy_sphere

__all__ = ["FamilyObjective", "family_objective"]

h = Symbol("h", real=True)
DELTA_ONE = Symbol("Delta_1", positive=True)


@dataclass(frozen=True)
class FamilyObjective:
    """The objective of a problem at a level, to be minimised in all its parameters.

    A capacity is ``elementary / (-tower)`` at chi = 1 (hard sets scale: the objective at (s chi, p, s y) is 1/s times
    that at (chi, p, y)); an energy is minus the minimum of ``elementary + alpha tower``; a ground state the minimum of
    ``elementary + tower`` (for the smallest norm, minus its stationary value).  ``outer_zero`` is the branch on which the
    outermost overlap vanishes, stationary for even towers.
    """

    problem: Problem
    level: Level
    outer_zero: bool = False

    def p(self, k: int) -> Expr:
        """Overlaps; the outermost is 0 at the partial level and, if asked for, on the symmetric branch of a full one."""
        return Integer(0) if self.outer_zero and k == self.level.r > 1 else self.lifting.p(k)

    @property
    def lifting(self) -> Lifting:
        return Lifting(self.level)

    @property
    def hard(self) -> bool:
        """Whether the value is a quotient at chi = 1."""
        return isinstance(self.problem.output, HardSet)

    @property
    def spins(self) -> bool:
        """Whether the tower is that of Ising spins."""
        return not isinstance(self.problem.output, (HardSet, Cost))

    def parameters(self) -> tuple[Symbol, ...]:
        """chi where it is free, then the overlaps p_2, ..., then the lifting parameters y_2, ..."""
        lifting = self.lifting
        first = () if self.hard or isinstance(self.problem.output, SymmetricCoupling) else (chi,)
        overlaps = [self.p(k) for k in lifting.steps if isinstance(self.p(k), Symbol)]
        return (*first, *overlaps, *(lifting.y(k) for k in lifting.steps))

    @cached_property
    def elementary(self) -> Expr:
        """The closed-form part: sphere bracket, or the coupling of the spin glasses."""
        lifting, p, y = self.lifting, self.p, self.lifting.y
        if isinstance(self.problem.output, SymmetricCoupling):
            return -Add(*(y(k) * (p(k - 1) ** 2 - p(k) ** 2) for k in lifting.steps)) * Rational(1, 4)
        if isinstance(self.problem.output, NormOutput) and self.problem.output.sign < 0:
            return self._smallest_norm()
        sphere = energy_sphere(lifting)
        if self.outer_zero:
            sphere = sphere.subs(lifting.p(self.level.r), 0)
        if isinstance(self.problem.output, NormOutput):
            return chi / 2 + alpha * sphere
        return sphere.subs(chi, 1) if self.hard else sphere

    def _smallest_norm(self) -> Expr:
        """The bracket with ``Lambda_k = -X_k``, X_r (written chi) free and X_{k-1} = X_k + y_k (p_{k-1} - p_k)."""
        lifting, p, y, r = self.lifting, self.p, self.lifting.y, self.level.r
        X = {r: chi}
        for k in reversed(lifting.steps):
            X[k - 1] = X[k] + y(k) * (p(k - 1) - p(k))
        logs = Add(*(log(X[k - 1] / X[k]) / (2 * y(k)) for k in lifting.steps))
        return -X[1] / 2 - alpha * (logs + p(r) / (2 * X[r]))

    @property
    def overlaps(self) -> list[Expr]:
        """``p_1 = 1, p_2, ..., p_r, 0``."""
        return [self.p(k) for k in range(1, self.level.r + 2)]

    def pieces(self, at: Expr | None = None) -> list[Piece]:
        """Pieces of the envelope in the variable ``h`` at susceptibility ``chi``; ``at`` as in ``Cost.pieces``."""
        output = self.problem.output
        if not isinstance(output, (HardSet, Cost)):
            raise InputError(f"{self.problem} has no envelope")
        return output.pieces(chi, h, at)

    def average(self, at: Expr | None = None) -> FieldAverage:
        """The innermost average W, in the field x, the variance D, the lifting parameter y and chi."""
        return spin_average() if self.spins else envelope_average(self.pieces(at))

    def plain(self, at: Expr | None = None) -> Expr:
        """The tower of level 1, ``E|u|`` or ``-E M(u sqrt(Delta(1)))``, in the symbols chi and ``Delta_1`` (the variance)."""
        if self.spins:
            return sqrt(2 / pi)
        return -mean_value([Piece(p.lower, p.upper, p.value) for p in self.pieces(at)], 1, DELTA_ONE)

    @property
    def widths(self) -> tuple[Symbol, ...]:
        """The one width, that of the output."""
        return (alpha,)

    @cached_property
    def scaled_terms(self) -> tuple[ScaledTerm, ...]:
        """The elementary term and the tower at levels 1 and 2p, where both are closed form.

        Raises ``LevelError`` at the other levels.

        >>> from flrdt.derive.networks.problems import problem
        >>> family_objective(problem("perceptron:kappa=0"), "2p").scaled_terms[1].function
        log(1/2 + 1/(2*sqrt(y_2 + 1)))/y_2
        """
        if not self.level.closed:
            raise LevelError(f"level {self.level} is not closed form: use level 1 or 2p")
        kernel, elementary, symbols = self.problem.kernel, self.elementary, tuple((s, s) for s in self.parameters())
        if self.problem.alpha is not None:
            elementary = elementary.subs(alpha, self.problem.alpha)
        at = {chi: kernel.slope_at_one * (1 if self.hard else chi), DELTA_ONE: kernel.value_at_one}  # type: ignore[operator]
        if self.level.r == 1:
            tower = insert(self.plain(), at)
        else:
            inner, y = self.average(), self.lifting.y(2)
            place = {chi: at[chi], inner.x: 0, inner.D: at[DELTA_ONE], inner.y: y}
            tower = log(insert(inner.W, place)) / y
        width = None if self.spins else alpha
        return (
            ScaledTerm("input", None, Integer(1), elementary, symbols),
            ScaledTerm("output", width, Integer(1), tower, symbols),
        )

    def innermost(self) -> Callable[[Expr], Expr]:
        """The function at the bottom of the tower: ``|h|`` of a spin, or minus the envelope."""
        if self.spins:
            return Abs
        pieces = self.pieces()
        branches = [(-p.value, h < p.upper) for p in pieces[:-1]]
        whole = Piecewise(*branches, (-pieces[-1].value, True))
        kernel = self.problem.kernel
        if self.hard:
            whole = whole.subs(chi, 1 if kernel.identity or kernel.slope_at_one is None else kernel.slope_at_one)
        return lambda g: whole.subs(h, g)

    @cached_property
    def expression(self) -> Expr:
        """The whole objective, its tower written out as nested expectations."""
        lifting, kernel = self.lifting, self.problem.kernel
        delta = Function("Delta") if kernel.value is None else (lambda p: kernel.value.subs(kernel.p, p))  # type: ignore[union-attr]
        at = [
            Integer(0) if p == 0 else (kernel.value_at_one if p == 1 and kernel.value_at_one is not None else delta(p))
            for p in self.overlaps
        ]
        steps = [(lifting.y(k), at[k - 2] - at[k - 1]) for k in lifting.steps]
        nested = tower(self.innermost(), steps, at[self.level.r - 1])
        if self.hard:
            return self.elementary / -nested
        return self.elementary + (nested if self.spins else alpha * nested)


def family_objective(problem: Problem, level: Level | int | str = 2, outer_zero: bool = False) -> FamilyObjective:
    """The objective of a problem at a level; ``outer_zero`` as in :class:`FamilyObjective`.

    Raises ``LevelError`` for something that is not a level, ``InputError`` for the perceptron with Ising spins, whose
    capacity lies where the lifting parameter is infinite (see :mod:`flrdt.derive.blocks.entropy`).

    >>> from flrdt.derive.networks.problems import problem
    >>> family_objective(problem("sk"), 2).elementary
    -y_2*(1 - p_2**2)/4
    >>> family_objective(problem("perceptron:kappa=0"), 1).elementary
    1/2
    """
    if problem.ising:
        raise InputError(f"{problem}: with Ising spins the capacity comes from the entropic form, at levels 1 and 2")
    return FamilyObjective(problem, Level.parse(level), outer_zero)
