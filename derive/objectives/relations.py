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
from dataclasses import dataclass
from functools import lru_cache

from sympy import (
    Add,
    Derivative,
    Dict,
    Eq,
    Expr,
    Function,
    Integer,
    Lt,
    Rational,
    Symbol,
    diff,
    factor,
    latex,
    log,
    solve,
    symbols,
    true,
)

from ..blocks.sphere import InputSphere, count_bracket, count_tower, coupling, psi_blocks
from ..core.formulas import Derivation, Formula, Status
from ..core.presentation import presented
from ..core.shown import Shown, gathered
from ..core.steps import Chain, Definition, Identity, Induction, Solution, Step, Substitution
from ..core.symbols import Level, Lifting, alpha, gamma_p, gamma_s, nu

__all__ = ["LiftingRelations", "conditions", "dual_overlaps", "recursion", "relations", "scaling"]

SOURCE = "arXiv 2410.20646 (closed-form relations of the lifting parameters, one layer)"


@dataclass(frozen=True, repr=False)
class LiftingRelations(Shown, Mapping):
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

    def _line(self) -> str:
        return f"of level {self.level}: {', '.join(self)}"

    def _tex(self) -> str:
        return gathered(latex(Eq(Symbol(name, positive=True), form, evaluate=False)) for name, form in self.items())

    @property
    def formulas(self) -> tuple[Formula, ...]:
        """Each closed form as a formula object; they share the derivation."""
        statements = {n: Eq(Symbol(n, positive=True), form, evaluate=False) for n, form in self.forms.items()}
        return tuple(
            Formula(
                id=f"relations.{self.level}.{name}",
                title=f"Closed form of {name} at level {self.level}",
                statement=statement,
                derivation=self.derivation,
                status=Status.FULLY_LIFTED if not self.level.partial and self.level.r > 1 else Status.RIGOROUS,
                source=SOURCE,
                assumptions=self.derivation.uses,
                concludes=f"closed {name}",
                presentation=presented(statement),
            )
            for name, statement in statements.items()
        )


@lru_cache(maxsize=64)
def conditions(lifting: Lifting) -> tuple[Step, ...]:
    r"""What stationarity of psi_r in gamma_s and the q_k says of every c_k and of neighbouring Theta_k.

    The steps that later ones may use: ``q_r`` and ``closed Theta_r`` where q_r is free, ``c_k tilted`` (c_k by Theta and p), ``c_k`` (c_k by Theta
    and q), ``product_k`` (Theta_{k-1} by Theta_k, p and q).
    """
    r, q, c, Theta = lifting.level.r, lifting.q, lifting.c, lifting.Theta
    sphere = InputSphere()
    free_q = lifting.overlaps(q)
    chain = Chain(sphere.integrated(lifting).steps)
    tower_part = sphere.integrated(lifting)
    bracket = Function("B")(gamma_s, *free_q)
    closed = gamma_s + tower_part.value - coupling(lifting)
    chain.add(
        Definition(
            "The part of psi_r that gamma_s and the q_k enter: the sphere and the coupling.",
            Eq(bracket, gamma_s + tower_part.name - coupling(lifting), evaluate=False),
            name="B",
        )
    )
    explicit = {Theta(k): sphere.theta(lifting, k) for k in range(1, r + 1)}
    written_out = ("B", "sphere", *(f"Theta_{k}" for k in range(r, 0, -1)))
    for variable in (gamma_s, *free_q):
        slope = diff(closed, variable) + sum(diff(closed, t) * diff(form, variable) for t, form in explicit.items())
        chain.add(
            Identity(
                f"Differentiate in {variable}, by the chain rule through every Theta.",
                Derivative(bracket, variable),
                slope,
                using=written_out,
                name=f"slope in {variable}",
            )
        )
        chain.add(
            Definition(
                f"Stationarity in {variable}.",
                Eq(Derivative(bracket, variable), 0, evaluate=False),
                name=f"stationary in {variable}",
            )
        )

    def condition(variable: Symbol, *known: str) -> tuple[str, ...]:
        return (f"slope in {variable}", f"stationary in {variable}", *known)

    known: tuple[str, ...] = ()
    if r == 1:
        chain.solve("It fixes Theta_1.", Theta(1), using=condition(gamma_s), name="closed Theta_1")
    elif not lifting.level.partial:
        chain.solve(f"Stationarity in q_{r} ties it to Theta_{r}.", q(r), using=condition(q(r)), name=f"q_{r}")
        known = (f"q_{r}",)
        chain.solve(f"Take the positive root for Theta_{r}.", Theta(r), using=known, name=f"closed Theta_{r}")
    for k in reversed(lifting.steps):
        variable = q(k - 1) if k > 2 else gamma_s
        chain.solve(
            f"Stationarity in {variable} ties c_{k} to the increments of 1/Theta and p"
            + (f"; the other root, c_{k} = c_{k - 1}, merges two levels." if k > 2 else "."),
            c(k),
            using=condition(variable, *known),
            name=f"c_{k} tilted",
            branch=Lt(c(k), c(k - 1), evaluate=False) if k > 2 else true,
        )
        known = (*known, f"c_{k} tilted")
        chain.solve(
            f"With Theta_{k - 1} - Theta_{k} = c_{k} (q_{k - 1} - q_{k}) the parameter c_{k} drops out.",
            Theta(k - 1),
            using=(f"c_{k} tilted", f"c_{k}"),
            name=f"product_{k}",
            branch=Lt(Theta(k), Theta(k - 1), evaluate=False),
        )
    return tuple(chain.steps)


@lru_cache(maxsize=64)
def dual_overlaps(lifting: Lifting) -> dict[int, Expr]:
    r"""The q_k in the symbols :math:`\Lambda_k = 1/\Theta_k`, solved from the relations from the outermost one inwards.

    In the scaling of the psi form (:math:`\Lambda_1 = 2\gamma_p`) these are the q_k, and :math:`q_1 = 1`; in that of the
    energy form (:math:`\Lambda_1 = \chi`) they are :math:`\nu^{-2}` times as large.

    >>> dual_overlaps(Lifting(Level(2)))[2]
    p_2/Lambda_2**2
    """
    r, p, Lambda = lifting.level.r, lifting.p, lifting.Lambda
    outer, inner, low, high, theta = symbols("q_outer q_inner p_low p_high Theta", positive=True)
    # those of levels 2 and 3, whose indices are those of any two neighbours
    two, three = Lifting(Level(2)), Lifting(Level(3))
    last = Derivation(conditions(two)).concluded("q_2")
    outermost = last.rhs.xreplace({two.p(2): low, two.Theta(2): theta})
    found = {r: outermost.xreplace({low: p(r), theta: 1 / Lambda(r)})}
    if not lifting.steps:
        return found
    product = Derivation(conditions(three)).concluded("product_3")
    names = {three.p(2): high, three.p(3): low, three.q(2): inner, three.q(3): outer}
    solved = solve((product.lhs - product.rhs).xreplace(names), inner)[0]
    increment = outer + factor(solved - outer)
    for k in reversed(lifting.steps):
        at = {
            outer: found[k],
            high: p(k - 1),
            low: p(k),
            three.Theta(2): 1 / Lambda(k - 1),
            three.Theta(3): 1 / Lambda(k),
        }
        found[k - 1] = increment.xreplace(at)
    return found


def relations(level: Level | int | str) -> LiftingRelations:
    """Solve the stationarity of psi_r in gamma_s and the q_k for the closed forms of a level.

    Keys: ``c_k``, ``gamma_s``, ``gamma_p``, ``Lambda_k``, ``Theta_k``.

    >>> relations(2)["gamma_p"]
    sqrt(q_2)*(1 - p_2)/(2*sqrt(p_2)*(1 - q_2))
    >>> relations(1)["gamma_s"], relations("2p")["c_2"]
    (1/2, -2*gamma_p + 1/(2*gamma_p))
    """
    return _relations(Level.parse(level))


@lru_cache(maxsize=32)
def _relations(level: Level) -> LiftingRelations:
    lifting = Lifting(level)
    r, q, c, Theta, Lambda = level.r, lifting.q, lifting.c, lifting.Theta, lifting.Lambda
    chain = Chain((*conditions(lifting), *_scaling_steps(lifting), *_normalisation_steps()))
    chain.solve("gamma_s is Theta_1/2.", gamma_s, using=("Theta_1",), name="gamma_s")
    tilted = tuple(f"c_{k} tilted" for k in lifting.steps)
    balance = ("Y", "Y = 0", "gamma_s", *tilted)
    forms: dict[int, Expr] = {}
    if level.partial:
        forms[2] = chain.solve(
            "The overlaps are fixed and gamma_p stays free: the normalisation fixes Theta_2.",
            Theta(2),
            using=(*balance, "product_2"),
            name="closed Theta_2",
        )
        forms[1] = 1 / forms[2]
        _closed(chain, Theta(1), forms[1], "Its neighbour is the inverse.", ("product_2", "closed Theta_2"))
    else:
        forms[r] = chain.derivation().concluded(f"closed Theta_{r}").rhs
        for k in reversed(lifting.steps):
            forms[k - 1] = lifting.increment(q, k) / lifting.increment(lifting.p, k) / forms[k]
            using = (f"product_{k}", f"closed Theta_{k}")
            _closed(chain, Theta(k - 1), forms[k - 1], f"From Theta_{k} to Theta_{k - 1}.", using)
    result: dict[str, Expr] = {}
    for k in lifting.steps:
        value = (1 / forms[k] - 1 / forms[k - 1]) / lifting.increment(lifting.p, k)
        result[f"c_{k}"] = value.expand() if level.partial else value
        using = (f"c_{k} tilted", f"closed Theta_{k}", f"closed Theta_{k - 1}")  # type: ignore[assignment]
        _closed(chain, c(k), result[f"c_{k}"], f"Hence c_{k}.", using)
    result["gamma_s"] = forms[1] / 2
    _closed(chain, gamma_s, result["gamma_s"], "Hence gamma_s.", ("gamma_s", "closed Theta_1"))
    if level.partial:
        result["gamma_p"] = gamma_p
        _closed(chain, gamma_p, gamma_p, "gamma_p is the free parameter.", ())
    else:
        eliminated: tuple[str, ...] = ("closed Theta_1",)
        if r > 1:
            for k in range(r, 2, -1):
                chain.solve(f"The same relation gives q_{k - 1}.", q(k - 1), using=(f"product_{k}",), name=f"q_{k - 1}")
            eliminated = ("product_2", *(f"q_{k}" for k in lifting.steps))
        chain.add(
            Solution(
                "Insert the relations into Y = 0: gamma_s gamma_p = 1/4.",
                gamma_p,
                1 / (2 * Theta(1)),
                using=(*balance, *eliminated),
                name="gamma_p",
            )
        )
        result["gamma_p"] = 1 / (2 * forms[1])
        _closed(chain, gamma_p, result["gamma_p"], "Hence gamma_p.", ("gamma_p", "closed Theta_1"))
    for k in range(1, r + 1):
        result[f"Lambda_{k}"], result[f"Theta_{k}"] = 1 / forms[k], forms[k]
        name = f"Lambda_{k}"
        chain.add(
            Definition(
                f"Lambda_{k} is the inverse of Theta_{k}.", Eq(Lambda(k), 1 / Theta(k), evaluate=False), name=name
            )
        )
        _closed(chain, Lambda(k), 1 / forms[k], f"Hence Lambda_{k}.", (name, f"closed Theta_{k}"))
    uses = (
        "psi_r stationary in gamma_s" + "".join(f", {s}" for s in lifting.overlaps(q)),
        "Theta_k = Theta_{k-1} - c_k (q_{k-1} - q_k), Theta_1 = 2 gamma_s",
        "only for gamma_p (and Lambda_1 = 2 gamma_p): psi_r = 0 and psi_r stationary in gamma_p, nu and the c_k",
    )
    return LiftingRelations(level, result, chain.derivation(uses))


def _closed(chain: Chain, symbol: Symbol, form: Expr, text: str, using: tuple[str, ...]) -> None:
    """Append ``symbol = form``, in the parameters that stay, under the name by which a formula finds it."""
    chain.add(Identity(text, symbol, form, using=using, name=f"closed {symbol}"))


def _scaling_steps(lifting: Lifting) -> tuple[Step, ...]:
    r"""The scaling :math:`\gamma_{s,p} \to \gamma_{s,p}/\lambda, \nu\to\lambda\nu, c\to c/\lambda` of psi_r, after those of the sphere."""
    r, steps = lifting.level.r, lifting.steps
    lam, budget = Symbol("lambda", positive=True), Symbol("budget", positive=True)
    X, Y = Symbol("X", real=True), Symbol("Y", real=True)
    psi, d, M = Function("psi"), Function("d", real=True), Function("M", real=True)
    cs = [lifting.c(j) for j in steps]
    sphere, tower_part = InputSphere(), InputSphere().integrated(lifting)
    explicit = tower_part.value.xreplace({lifting.Theta(j): sphere.theta(lifting, j) for j in range(1, r + 1)})
    S, T = Function("S")(gamma_s, *cs), Function("T", real=True)(gamma_p, nu, *cs)
    whole = Function(f"psi_{lifting.level}")(gamma_s, gamma_p, nu, *cs)
    scaled = {gamma_s: gamma_s / lam, gamma_p: gamma_p / lam, nu: lam * nu, **{c: c / lam for c in cs}}
    field = Symbol("h", real=True)

    def named(name: str, text: str, left: Expr, right: Expr) -> Definition:
        return Definition(text, Eq(left, right, evaluate=False), name=name)

    return (
        named("S as T_S", "The tower of the sphere as a function of its parameters.", S, tower_part.name),
        Identity(
            "Written out.",
            S,
            explicit,
            using=("S as T_S", "sphere", *(f"Theta_{j}" for j in range(r, 0, -1))),
            name="S",
        ),
        Identity(
            "Under gamma_s, c -> 1/lambda times it is multiplied by lambda.",
            S.xreplace(scaled),
            lam * S,
            using=("S",),
            name="S scaled",
        ),
        named(
            "M",
            "The count bracket, d the distance of the field to the inactive set ...",
            M(field, gamma_p, nu),
            count_bracket(d(field)),
        ),
        named("T", "... and its tower.", T, count_tower(lifting, lambda g: M(g, gamma_p, nu))),
        Identity(
            "Under gamma_p, c -> 1/lambda times and nu -> lambda nu, level by level, it is multiplied by lambda.",
            T.xreplace(scaled),
            lam * T,
            using=("T", "M"),
            name="T scaled",
        ),
        named(
            "objective",
            "The objective, by its parts.",
            whole,
            gamma_s + S - coupling(lifting) - gamma_p + alpha * T + budget * nu,
        ),
        Identity(
            "That is the sum of its blocks.",
            whole,
            Add(*psi_blocks(lifting, d, budget).values()),
            using=("objective", "S", "T", "M"),
        ),
        named("X", "What is multiplied ...", X, S + alpha * T + budget * nu),
        named("Y", "... and what is divided.", Y, gamma_s - gamma_p - coupling(lifting)),
        named("psi", "The objective at scaled parameters.", psi(lam), whole.xreplace(scaled)),
        Identity(
            "Add the parts.",
            psi(lam),
            lam * X + Y / lam,
            using=("psi", "objective", "S scaled", "T scaled", "X", "Y"),
            name="scaling",
        ),
    )


def _normalisation_steps() -> tuple[Step, ...]:
    """Where psi = 0 enters: with stationarity along lambda it makes both parts of the scaling vanish."""
    lam = Symbol("lambda", positive=True)
    X, Y = Symbol("X", real=True), Symbol("Y", real=True)
    psi, slope = Function("psi"), Function("psi_lambda")

    def given(name: str, text: str, left: Expr, right: Expr) -> Definition:
        return Definition(text, Eq(left, right, evaluate=False), name=name)

    return (
        given("slope of psi", "The slope along lambda.", slope(lam), Derivative(psi(lam), lam)),
        Identity("Differentiate.", slope(lam), X - Y / lam**2, using=("slope of psi", "scaling"), name="slope"),
        Substitution("At lambda = 1 ...", Dict({lam: 1}), X - Y, using=("slope",), name="slope at 1"),
        given(
            "stationary",
            "... it vanishes: psi_r is stationary in gamma_s, gamma_p, nu and the c_k.",
            slope(1),
            Integer(0),
        ),
        Substitution("There the value is X + Y ...", Dict({lam: 1}), X + Y, using=("scaling",), name="psi at 1"),
        given("psi = 0", "... and psi_r = 0.", psi(1), Integer(0)),
        Solution("The value gives X ...", X, -Y, using=("psi at 1", "psi = 0"), name="X = -Y"),
        Solution("... and the slope Y.", Y, Integer(0), using=("slope at 1", "stationary", "X = -Y"), name="Y = 0"),
    )


def scaling(level: Level | int | str) -> Formula:
    r"""The scaling symmetry of psi_r: :math:`\psi_r \to \lambda X + Y/\lambda`.

    >>> scaling(2).statement
    Eq(psi(lambda), X*lambda + Y/lambda)
    """
    level = Level.parse(level)
    lifting = Lifting(level)
    derivation = Derivation((*InputSphere().integrated(lifting).steps, *_scaling_steps(lifting)))
    return Formula.concluding(
        f"scaling.{level}",
        f"Scaling symmetry of the psi form, level {level}",
        derivation,
        source=SOURCE,
        assumptions=("gamma_s, gamma_p, c_k -> 1/lambda times; nu -> lambda times",),
    )


@lru_cache(maxsize=1)
def recursion() -> Formula:
    r"""The general-r recursion: :math:`1/\Theta_k - 1/\Theta_{k-1} = c_k(p_{k-1}-p_k)` for every k, with symbolic k.

    Let :math:`S_k = \sum_{j\ge k}\partial\psi/\partial\Theta_j`.  Stationarity in :math:`q_k` reads
    :math:`c_k(S_k + p_k/2) = c_{k+1}(S_{k+1} + p_k/2)`; with
    :math:`S_k = S_{k+1} + \frac1{\Theta_k}(\frac1{2c_{k+1}} - \frac1{2c_k})` it gives
    :math:`S_{k+1} + p_k/2 = -1/(2c_{k+1}\Theta_k)`, and the difference of two of these is the recursion.
    """
    ck, cn, tk, tp, tn, pk, pp, pn = symbols(
        "c_k c_{k+1} Theta_k Theta_{k-1} Theta_{k+1} p_k p_{k-1} p_{k+1}", positive=True
    )
    qk, qp, qn = symbols("q_k q_{k-1} q_{k+1}", positive=True)
    s, t = symbols("S_{k+1} S_k", real=True)
    m = Symbol("m", integer=True, positive=True)
    T = Function("Theta_slope")
    half = Rational(1, 2)
    logs, joint = Function("L")(tk), Function("C")(qk)
    chain = Chain()

    def named(name: str, text: str, left: Expr, right: Expr) -> None:
        chain.add(Definition(text, Eq(left, right, evaluate=False), name=name))

    named("L", "Theta_k enters two logarithms of psi_r.", logs, -log(tk / tp) / (2 * ck) - log(tn / tk) / (2 * cn))
    chain.add(
        Identity("Their slope.", Derivative(logs, tk), (half / cn - half / ck) / tk, using=("L",), name="jump of L")
    )
    named("S", "S_k sums the slopes in Theta_k, Theta_{k+1}, ..., Theta_r (k < r).", t, s + Derivative(logs, tk))
    named(
        "C",
        "q_k enters two terms of the coupling.",
        joint,
        half * ((pp * qp - pk * qk) * ck + (pk * qk - pn * qn) * cn),
    )
    chain.add(Identity("Their slope.", Derivative(joint, qk), half * pk * (cn - ck), using=("C",), name="slope of C"))
    named(
        "T(0)", "q_k enters Theta_k = Theta_{k-1} - c_k (q_{k-1} - q_k) ...", T(0), Derivative(tp - ck * (qp - qk), qk)
    )
    named(
        "T(1)",
        "... and Theta_{k+1} = Theta_k - c_{k+1} (q_k - q_{k+1}) ...",
        T(1),
        T(0) - Derivative(cn * (qk - qn), qk),
    )
    named("T(m)", "... but no later increment: the slope of Theta_{k+m+1} is that of Theta_{k+m}.", T(m + 1), T(m))
    chain.add(
        Induction(
            "So every Theta beyond k has the same slope in q_k.",
            T(m),
            ck - cn,
            m,
            Integer(1),
            using=("T(m)", "T(1)", "T(0)"),
            name="slope of Theta",
        )
    )
    stationary = Function("psi_k")(qk)
    named(
        "chain rule",
        "The chain rule: through Theta_k, through all later ones, and through the coupling.",
        stationary,
        Derivative(logs, tk) * T(0) + s * T(m) - Derivative(joint, qk),
    )
    named("stationary", "Stationarity in q_k.", stationary, Integer(0))
    chain.solve(
        "Solve for S_{k+1}, where c_k and c_{k+1} differ.",
        s,
        using=("chain rule", "stationary", "slope of Theta", "T(0)", "jump of L", "slope of C"),
        name="S next",
    )
    lower = {s: t, cn: ck, tk: tp, pk: pp, ck: Symbol("c_{k-1}", positive=True)}
    value = chain.derivation().concluded("S next").rhs
    chain.add(
        Substitution(
            "The same relation one index lower; gamma_s gives it at k = 1, where p_1 = 1.",
            Dict(lower),
            value.xreplace(lower),
            using=("S next",),
            name="S here",
        )
    )
    chain.solve("Subtract the two.", pp, using=("S", "S here", "S next", "jump of L"), name="p")
    chain.add(Identity("In other words.", 1 / tk - 1 / tp, ck * (pp - pk), using=("p",), name="recursion"))
    return Formula.concluding(
        "relations.recursion",
        "Recursion of the lifting parameters at any level",
        chain.derivation(("psi_r stationary in gamma_s and q_2, ..., q_r",)),
        status=Status.FULLY_LIFTED,
        source=SOURCE,
        assumptions=("c_k != c_{k+1}", "Theta_k > 0"),
    )
