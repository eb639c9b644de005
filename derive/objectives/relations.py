r"""Closed-form relations among the lifting parameters, from stationarity of the psi form.

What each relation needs is part of its derivation:

* stationarity in :math:`\gamma_s` and the :math:`q_k`:
  :math:`1/\Theta_k - 1/\Theta_{k-1} = c_k (p_{k-1}-p_k)` and :math:`\Theta_r^2 = q_r/p_r`,
* with the definition of :math:`\Theta_k` that gives every :math:`\Theta_k` and every :math:`c_k` from (p, q) alone,
* only :math:`\gamma_p`, i.e. :math:`\Lambda_1 = 2\gamma_p = 1/\Theta_1`, needs more: stationarity along the scaling
  direction (:math:`\gamma_p, \nu, c` as well) **and** :math:`\psi_r = 0`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial

from sympy import (
    Add,
    Eq,
    Expr,
    Function,
    Integer,
    Min,
    Rational,
    Symbol,
    cancel,
    diff,
    linsolve,
    simplify,
    solve,
    symbols,
    together,
)

from ..blocks.sphere import InputSphere, coupling
from ..blocks.tower import scaling_step
from ..core.formulas import Derivation, Formula, Status, Step, identically_zero
from ..core.symbols import Level, Lifting, gamma_p, gamma_s, nu

__all__ = ["LiftingRelations", "dual_overlaps", "on_shell_coupling", "recursion", "relations", "scaling"]

SOURCE = "arXiv 2410.20646 (closed-form relations of the lifting parameters, one layer)"


@dataclass(frozen=True)
class LiftingRelations(Mapping):
    """The closed forms of a level as a mapping from names (``c_2``, ``gamma_s``, ``Lambda_1``, ...) to expressions.

    At full levels the expressions are in the overlaps ``p_k, q_k`` alone.  At the partial level the overlaps are
    fixed, one parameter stays free, and the expressions are in ``gamma_p``.
    """

    level: Level
    forms: dict[str, Expr]
    derivation: Derivation

    def __getitem__(self, key: str) -> Expr:
        return self.forms[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.forms)

    def __len__(self) -> int:
        return len(self.forms)

    def __hash__(self) -> int:
        return hash(self.level)

    @property
    def formulas(self) -> tuple[Formula, ...]:
        """Each closed form as a formula object; they share the derivation."""
        return tuple(
            Formula(
                id=f"relations.{self.level}.{name}",
                title=f"Closed form of {name} at level {self.level}",
                statement=Eq(Symbol(name, positive=True), form, evaluate=False),
                derivation=self.derivation,
                status=Status.FULLY_LIFTED if not self.level.partial and self.level.r > 1 else Status.RIGOROUS,
                source=SOURCE,
                assumptions=self.derivation.uses,
                variables=tuple(sorted(form.free_symbols, key=str)),
            )
            for name, form in self.forms.items()
        )


def dual_overlaps(lifting: Lifting) -> dict[int, Expr]:
    r"""The q_k by the closed-form relations: :math:`q_r = p_r/\Lambda_r^2`, :math:`q_{k-1} = q_k + (p_{k-1}-p_k)/(\Lambda_{k-1}\Lambda_k)`.

    In the scaling of the psi form (:math:`\Lambda_1 = 2\gamma_p`) these are the q_k, and :math:`q_1 = 1`; in that of the
    energy form (:math:`\Lambda_1 = \chi`) they are :math:`\nu^{-2}` times as large.

    >>> dual_overlaps(Lifting(Level(2)))[2]
    p_2/Lambda_2**2
    """
    r, p, Lambda = lifting.level.r, lifting.p, lifting.Lambda
    forms = {r: p(r) / Lambda(r) ** 2}
    for k in reversed(lifting.steps):
        forms[k - 1] = forms[k] + lifting.increment(p, k) / (Lambda(k - 1) * Lambda(k))
    return forms


def on_shell_coupling(lifting: Lifting) -> Expr:
    """The coupling with c_k and q_k (q_1 too) inserted from the relations, in the symbols Lambda_k and p_k."""
    r, p, Lambda = lifting.level.r, lifting.p, lifting.Lambda
    q = dual_overlaps(lifting) | {r + 1: Integer(0)}
    c = {k: (Lambda(k) - Lambda(k - 1)) / lifting.increment(p, k) for k in lifting.steps}
    return Add(*(Rational(1, 2) * (p(k - 1) * q[k - 1] - p(k) * q[k]) * c[k] for k in lifting.steps))


@dataclass(frozen=True)
class _Bracket:
    """Sphere and coupling of psi_r with Theta_k as symbols, and their total derivatives."""

    lifting: Lifting
    sphere: InputSphere = field(default_factory=InputSphere)

    @cached_property
    def explicit(self) -> dict[Symbol, Expr]:
        return {self.lifting.Theta(k): self.sphere.theta(self.lifting, k) for k in range(1, self.lifting.level.r + 1)}

    @cached_property
    def compact(self) -> Expr:
        """gamma_s plus the integrated tower minus the coupling, in the symbols Theta_k."""
        tower = self.sphere.integrated(self.lifting)
        return gamma_s + tower.value.subs(gamma_s, self.lifting.Theta(1) / 2) - coupling(self.lifting)

    def total_derivative(self, variable: Symbol) -> Expr:
        """d/d(variable) by the chain rule through every Theta_k."""
        value = diff(self.compact, variable)
        for theta, form in self.explicit.items():
            value += diff(self.compact, theta) * diff(form, variable)
        return together(value)

    def check_derivative(self, variable: Symbol) -> bool | None:
        """The chain rule against direct differentiation of the written-out bracket."""
        direct = diff(self.compact.subs(self.explicit), variable)
        return identically_zero(direct - self.total_derivative(variable).subs(self.explicit))


def _stationarity_steps(bracket: _Bracket, unknowns: list[Symbol]) -> tuple[list[Step], dict[Symbol, Expr]]:
    lifting = bracket.lifting
    steps = list(bracket.sphere.integrated(lifting).steps)
    equations = {}
    for variable in unknowns:
        equations[variable] = bracket.total_derivative(variable)
        steps.append(
            Step(
                f"Stationarity in {variable}.",
                Eq(equations[variable], 0, evaluate=False),
                partial(bracket.check_derivative, variable),
            )
        )
    return steps, equations


@lru_cache(maxsize=32)
def relations(level: Level | int | str) -> LiftingRelations:
    """Solve the stationarity of psi_r in gamma_s and the q_k for the closed forms of a level.

    Keys: ``c_k``, ``gamma_s``, ``gamma_p``, ``Lambda_k``, ``Theta_k``.

    >>> relations(2)["gamma_p"]
    sqrt(q_2)*(1 - p_2)/(2*sqrt(p_2)*(1 - q_2))
    >>> relations(1)["gamma_s"], relations("2p")["c_2"]
    (1/2, -2*gamma_p + 1/(2*gamma_p))
    """
    level = Level.parse(level)
    lifting = Lifting(level)
    r, p, q, c, Theta, Lambda = level.r, lifting.p, lifting.q, lifting.c, lifting.Theta, lifting.Lambda
    bracket = _Bracket(lifting)
    free_q = lifting.overlaps(q)
    steps, equations = _stationarity_steps(bracket, [gamma_s, *free_q])

    # The conditions are linear in the primal overlaps: solve them for p_1 (normalised to 1) and the p_k.
    overlaps = {k: Symbol(f"p_{k}", positive=True) for k in range(1, r + 1)}
    linear = _with_first_overlap(bracket, equations, overlaps[1])
    wanted = [overlaps[k] for k in range(1, r + 1) if not (level.partial and k == 2)]
    solved = next(iter(linsolve(list(linear.values()), wanted)))
    solution = dict(zip(wanted, solved, strict=True))
    increments = {}
    for k in lifting.steps:
        low = solution.get(overlaps[k], Integer(0))
        increments[k] = cancel(solution[overlaps[k - 1]] - low)
        steps.append(
            Step(
                f"The conditions are linear in the overlaps p; solving them gives p_{k - 1} - p_{k}.",
                Eq(p(k - 1) - p(k), increments[k], evaluate=False),
                partial(identically_zero, increments[k] - (1 / Theta(k) - 1 / Theta(k - 1)) / c(k)),
            )
        )
    if not level.partial:
        last = cancel(solution[overlaps[r]])
        steps.append(
            Step(
                f"The last of them fixes Theta_{r}.",
                Eq(p(r), last, evaluate=False),
                lambda: all(identically_zero(e.subs(solution)) is True for e in linear.values()),
            )
        )

    # Eliminate c_k between this and Theta_{k-1} - Theta_k = c_k (q_{k-1} - q_k).
    forms: dict[int, Expr] = {}
    if level.partial:
        first = 1 / (2 * gamma_p)  # Theta_1, see the last step
    else:
        first = None
        theta = Symbol("Theta", positive=True)
        forms[r] = next(s for s in solve(last.subs(Theta(r), theta) - p(r), theta) if s.is_positive is not False)
        steps.append(
            Step(
                f"Take the positive root: Theta_{r}.",
                Eq(Theta(r), forms[r], evaluate=False),
                lambda: identically_zero(last.subs({Theta(r): forms[r], q(r): q(r)}) - p(r)),
            )
        )
    order = reversed(lifting.steps) if not level.partial else lifting.steps
    for k in order:
        ratio = lifting.increment(q, k) / lifting.increment(p, k)
        a, b = symbols("a b", positive=True)
        product = ((a - b) / lifting.increment(q, k)) / ((1 / b - 1 / a) / lifting.increment(p, k))  # c_k/c_k
        steps.append(
            Step(
                f"Divide Theta_{k - 1} - Theta_{k} = c_{k} (q_{k - 1} - q_{k}) by the previous relation: c_{k} drops out.",
                Eq(Theta(k - 1) * Theta(k), ratio, evaluate=False),
                partial(identically_zero, product - a * b / ratio),
            )
        )
        if level.partial:
            forms[1] = first
            forms[k] = simplify(ratio / first)
        else:
            forms[k - 1] = ratio / forms[k]
    result: dict[str, Expr] = {}
    for k in lifting.steps:
        result[f"c_{k}"] = (
            together(1 / forms[k] - 1 / forms[k - 1])
            if level.partial
            else (1 / forms[k] - 1 / forms[k - 1]) / lifting.increment(p, k)
        )
        if level.partial:
            result[f"c_{k}"] = (1 / forms[k] - 1 / forms[k - 1]).expand()
        steps.append(
            Step(
                f"Hence c_{k}.",
                Eq(c(k), result[f"c_{k}"], evaluate=False),
                partial(identically_zero, (forms[k - 1] - forms[k]) / lifting.increment(q, k) - result[f"c_{k}"]),
            )
        )
    result["gamma_s"] = forms[1] / 2
    scaling, forms_p = _normalisation_steps(bracket, forms)
    steps += scaling
    result["gamma_p"] = gamma_p if level.partial else forms_p
    for k in range(1, r + 1):
        result[f"Lambda_{k}"] = 1 / forms[k]
        result[f"Theta_{k}"] = forms[k]
    steps.append(
        Step(
            "Write Lambda_k = 1/Theta_k; in particular Lambda_1 = 2 gamma_p.",
            Eq(Lambda(1), 1 / forms[1], evaluate=False),
            lambda: identically_zero(2 * result["gamma_p"] - 1 / forms[1]),
        )
    )
    uses = (
        "psi_r stationary in gamma_s" + "".join(f", {s}" for s in free_q),
        "Theta_k = Theta_{k-1} - c_k (q_{k-1} - q_k), Theta_1 = 2 gamma_s",
        "only for gamma_p (and Lambda_1 = 2 gamma_p): psi_r = 0 and psi_r stationary in gamma_p, nu and the c_k",
    )
    return LiftingRelations(level, result, Derivation(tuple(steps), uses))


def _with_first_overlap(bracket: _Bracket, equations: dict, p_1: Symbol) -> dict:
    """Write the 1 in the condition of gamma_s as p_1, the squared norm of x: one unknown per condition."""
    shifted = dict(equations)
    shifted[gamma_s] = equations[gamma_s] - 1 + p_1
    return shifted


def _scaling_steps(lifting: Lifting) -> tuple[Step, ...]:
    r"""The scaling :math:`\gamma_{s,p} \to \gamma_{s,p}/\lambda, \nu\to\lambda\nu, c\to c/\lambda` of psi_r."""
    lam = Symbol("lambda", positive=True)
    bracket = _Bracket(lifting)
    scale = {gamma_s: gamma_s / lam} | {lifting.c(k): lifting.c(k) / lam for k in lifting.steps}
    tower = InputSphere().integrated(lifting).value.subs(bracket.explicit)
    rest = gamma_s - gamma_p - coupling(lifting)
    d = Symbol("d", positive=True)  # distance of the field to the inactive set
    branches = (d**2 / (4 * gamma_p), nu)
    moved = [b.subs({gamma_p: gamma_p / lam, nu: lam * nu}, simultaneous=True) for b in branches]
    return (
        Step(
            "Under gamma_s, gamma_p, c -> 1/lambda times, nu -> lambda times, the sphere tower is multiplied by lambda ...",
            Eq(tower.subs(scale, simultaneous=True), lam * tower, evaluate=False),
            lambda: identically_zero(tower.subs(scale, simultaneous=True) - lam * tower),
        ),
        Step(
            "... so are both branches of the count bracket ...",
            Eq(Min(*moved), lam * Min(*branches), evaluate=False),
            lambda: all(identically_zero(m - lam * b) is True for m, b in zip(moved, branches, strict=True)),
        ),
        scaling_step(),
        Step(
            "... while gamma_s - gamma_p - coupling is divided by lambda: psi = lambda X + Y/lambda.",
            Eq(Symbol("Y"), rest, evaluate=False),
            lambda: identically_zero(rest.subs(scale | {gamma_p: gamma_p / lam}, simultaneous=True) - rest / lam),
        ),
    )


def scaling(level: Level | int | str) -> Formula:
    r"""The scaling symmetry of psi_r: :math:`\psi_r \to \lambda X + Y/\lambda`.

    >>> scaling(2).statement
    Eq(psi(lambda), X*lambda + Y/lambda)
    """
    level = Level.parse(level)
    lam, X, Y = Symbol("lambda", positive=True), Symbol("X", real=True), Symbol("Y", real=True)
    return Formula(
        id=f"scaling.{level}",
        title=f"Scaling symmetry of the psi form, level {level}",
        statement=Eq(Function("psi")(lam), lam * X + Y / lam, evaluate=False),
        derivation=Derivation(_scaling_steps(Lifting(level))),
        status=Status.RIGOROUS,
        source=SOURCE,
        assumptions=("gamma_s, gamma_p, c_k -> 1/lambda times; nu -> lambda times",),
        variables=(lam,),
    )


def _normalisation_steps(bracket: _Bracket, forms: dict[int, Expr]) -> tuple[list[Step], Expr]:
    """Where psi = 0 enters: the scaling symmetry fixes gamma_p."""
    lifting = bracket.lifting
    first, dual = lifting.Lambda(1), dual_overlaps(lifting)[1]
    X, Y = Symbol("X", real=True), Symbol("Y", real=True)
    on_shell = 1 / (2 * first) - on_shell_coupling(lifting)  # gamma_s - coupling
    zero = Step(
        "Stationarity along lambda (that is in gamma_s, gamma_p, nu and the c_k) gives X = Y, and psi_r = 0 gives "
        "X + Y = 0, hence Y = 0.",
        Eq(gamma_s - gamma_p - coupling(lifting), 0, evaluate=False),
        lambda: solve([X - Y, X + Y], [X, Y]) == {X: 0, Y: 0},
    )
    solved = Step(
        "Insert the relations into Y = 0: by the normalisation q_1 = 1 the left side is Lambda_1/2 - gamma_p with "
        "Lambda_1 = 1/(2 gamma_s), so gamma_s gamma_p = 1/4.",
        Eq(4 * gamma_s * gamma_p, 1, evaluate=False),
        lambda: (
            identically_zero(on_shell - first * dual / 2)
            if lifting.level.r > 1
            else identically_zero((on_shell - first / 2).subs(first, 1))
        ),
    )
    return [*_scaling_steps(lifting), zero, solved], 1 / (2 * forms[1])


@lru_cache(maxsize=1)
def recursion() -> Formula:
    r"""The general-r recursion: :math:`1/\Theta_k - 1/\Theta_{k-1} = c_k(p_{k-1}-p_k)` for every k, with symbolic k.

    Let :math:`S_k = \sum_{j\ge k}\partial\psi/\partial\Theta_j`.  Stationarity in :math:`q_k` reads
    :math:`c_k(S_k + p_k/2) = c_{k+1}(S_{k+1} + p_k/2)`; with
    :math:`S_k = S_{k+1} + \frac1{\Theta_k}(\frac1{2c_{k+1}} - \frac1{2c_k})` it gives
    :math:`S_{k+1} + p_k/2 = -1/(2c_{k+1}\Theta_k)`, and the difference of two of these is the recursion.
    """
    ck, cn, tk, tp, pk, pp = symbols("c_k c_{k+1} Theta_k Theta_{k-1} p_k p_{k-1}", positive=True)
    s = Symbol("S_{k+1}", real=True)
    half = Rational(1, 2)
    jump = (half / cn - half / ck) / tk
    stationary = ck * (s + jump + pk / 2) - cn * (s + pk / 2)
    solved = simplify(solve(stationary, s)[0])
    one = Eq(s + pk / 2, -half / (cn * tk), evaluate=False)
    first = Step(
        "Stationarity in q_k (k < r), with S_k the sum of the partial derivatives in Theta_k, ..., Theta_r.",
        Eq(ck * (s + jump + pk / 2), cn * (s + pk / 2), evaluate=False),
        _check_general_stationarity,
    )
    second = Step(
        "Solve for S_{k+1}; gamma_s gives the same form at k = 1, where p_1 = 1.",
        one,
        lambda: identically_zero(solved + pk / 2 + half / (cn * tk)),
    )
    previous = -half / (ck * tp) - pp / 2  # S_k from the same relation one index lower
    difference = solve(previous - (solved + jump), pp)[0]
    third = Step(
        "Subtract the relation with k from the one with k-1.",
        Eq(1 / tk - 1 / tp, ck * (pp - pk), evaluate=False),
        lambda: identically_zero(difference - pk - (1 / tk - 1 / tp) / ck),
    )
    qk, qp = symbols("q_k q_{k-1}", positive=True)
    fourth = Step(
        "Divide by the definition Theta_{k-1} - Theta_k = c_k (q_{k-1} - q_k).",
        Eq(tp * tk, (qp - qk) / (pp - pk), evaluate=False),
        lambda: identically_zero((tp - tk) / (1 / tk - 1 / tp) - tp * tk),
    )
    return Formula(
        id="relations.recursion",
        title="Recursion of the lifting parameters at any level",
        statement=third.expression,
        derivation=Derivation((first, second, third, fourth), ("psi_r stationary in gamma_s and q_2, ..., q_r",)),
        status=Status.FULLY_LIFTED,
        source=SOURCE,
        assumptions=("c_k != c_{k+1}", "Theta_k > 0"),
        variables=(ck, tk, tp, pk, pp),
    )


def _check_general_stationarity() -> bool | None:
    """The symbolic-k form of stationarity in q_k against direct differentiation at level 4, k = 2 and 3."""
    lifting = Lifting(Level(4))
    bracket = _Bracket(lifting)
    partial = {k: diff(bracket.compact, lifting.Theta(k)) for k in range(1, 5)}
    for k in (2, 3):
        total, after = sum(partial[j] for j in range(k, 5)), sum(partial[j] for j in range(k + 1, 5))
        form = lifting.c(k) * (total + lifting.p(k) / 2) - lifting.c(k + 1) * (after + lifting.p(k) / 2)
        if identically_zero(bracket.total_derivative(lifting.q(k)) - form) is not True:
            return None
    return True
