"""The tower of a hidden layer over two fields, at every level: written out, its slopes in tilted form, and merged levels."""

from __future__ import annotations

from sympy import Derivative, Dict, Eq, Expr, Function, Integer, Rational, Symbol, exp, log, sqrt
from sympy.core.relational import Relational

from ..blocks.hidden_averages import (
    HiddenLayer,
    LayerLifting,
    lifting_bound,
    p_w,
    q_h,
    rate,
    scaled_average,
)
from ..blocks.hidden_maximum import SOURCE, HiddenValue, chi, h, inner_maximum, mu, w
from ..conditions.stationarity import TiltedExpectation, flow_steps
from ..core.domains import Below
from ..core.equality import evaluated
from ..core.formulas import Derivation, Formula, Status
from ..core.gaussian import Expectation
from ..core.insertion import insert
from ..core.steps import Chain, Definition, Identity, Induction, Substitution, Theorem
from ..core.symbols import Level
from .entries import Comparison, Entry, make_entry

OWN = SOURCE + "; the full levels of deep networks are derived here"
k = Symbol("j", integer=True, positive=True) + 1
"""A place of the tower; no symbol of its own, so that what is said of it is not said of every place."""
u, s = (Symbol(n, real=True) for n in "us")
F, G, y, D, V = (Function(name, real=True) for name in "FGyDV")


def entries() -> list[Entry]:
    """Levels 2 to 4 written out; the overlaps of both fields; a level that merges with the one below, for every level."""
    found = [_written(r) for r in (2, 3, 4)]
    found += [_overlap(letter) for letter in "pq"]
    return [*found, _merged("increments"), _merged("lifting")]


def _written(r: int) -> Entry:
    """The tower as a nest of means."""
    before, own = (LayerLifting(Level(r), i) for i in (0, 1))
    layer = HiddenLayer(before, own, chi)
    f, T = [Function(f"f_{j}", real=True) for j in range(r + 1)], Symbol(f"T_{r}")
    value = HiddenValue(w, h, chi, own.mu)

    def spread(j: int) -> tuple[Expr, Expr]:
        return sqrt(before.increment(before.p, j)), sqrt(own.increment(own.q, j))

    def normals(j: int) -> tuple[Symbol, Symbol]:
        return Symbol(f"u_{j}", real=True), Symbol(f"s_{j}", real=True)

    steps = [
        *inner_maximum().chain("v"),
        Definition("The innermost level is the gain of a unit.", Eq(f[1](w, h), value, evaluate=False), name="f_1"),
    ]
    for j in own.steps:
        (a, b), (first, second) = spread(j), normals(j)
        inner = exp(own.y(j) * f[j - 1](w + a * first, h + b * second))
        level = log(Expectation(Expectation(inner, second), first)) / own.y(j)
        text = f"Level {j}: a logarithmic mean over increments of both fields."
        steps.append(Definition(text, Eq(f[j](w, h), level, evaluate=False), name=f"f_{j}"))
    first, second = normals(r + 1)
    outer = f[r](sqrt(before.p(r)) * first, sqrt(own.q(r)) * second)
    whole = Expectation(Expectation(outer, second), first)
    steps += [
        Definition("A plain mean over what is left of both variances.", Eq(T, whole, evaluate=False), name="T"),
        Substitution("Written out.", Dict(), layer.term(), using=("T", *(f"f_{j}" for j in range(r, 0, -1)))),
    ]
    derivation = Derivation(tuple(steps))

    def route(statement: Relational) -> list[Comparison]:
        none = {e(j): Integer(0) for j in own.steps for e in (before.p, own.q)}
        at = {p_w: before.p(1), q_h: own.q(1), mu: own.mu, rate: own.y(2)}
        partial = log(insert(scaled_average("exponential").conclusion.rhs, at)) / own.y(2)  # type: ignore[attr-defined]
        return [Comparison(evaluated(statement.rhs.subs(none)), partial)]

    bound = lifting_bound(before.p(1), own.q(1), chi, own.mu)
    return make_entry(
        Formula.concluding(
            f"hidden.tower.{r}",
            f"Tower of a hidden layer over both fields, level {r}",
            derivation,
            status=Status.FULLY_LIFTED,
            source=OWN,
        ),
        "at outer overlaps 0, where it is the closed form of level 2p",
        route,
        most=2,
        ranges={"y_2": Below((bound,))},
        instances=True,
    )


def _overlap(letter: str) -> Entry:
    """Stationarity in an overlap of either field, at any place k of any level."""
    other, field = ("q", "w") if letter == "p" else ("p", "h")
    own = [Symbol(f"{letter}_{place}", positive=True) for place in ("{k-1}", "k", "{k+1}")]
    dual = [Symbol(f"{other}_{place}", positive=True) for place in ("{k-1}", "k", "{k+1}")]
    here, above = Symbol("y_k", positive=True), Symbol("y_{k+1}", positive=True)
    x, d, c, rate_ = (
        Symbol("x", real=True),
        Symbol("d", positive=True),
        Symbol("c", positive=True),
        Symbol("w", real=True),
    )
    level, f = Function("f")(x, d), Function("f_k")(x)
    inner, outer, moved = Symbol("I"), Function("O"), Symbol("dT")
    square, width = TiltedExpectation(Derivative(f, x) ** 2, Symbol("k")), Symbol("alpha", positive=True)
    coupling = Function("C")(own[1])
    chain = Chain(flow_steps())

    def named(name: str, text: str, left: Expr, right: Expr) -> None:
        chain.add(Definition(text, Eq(left, right, evaluate=False), name=name))

    named("c", f"In the field {field} the level k has the lifting parameter y_k.", c, here)
    named(
        "I",
        "The overlap enters the level through its variance; the mean over the other field commutes with the flow ...",
        inner,
        Derivative(own[0] - own[1], own[1]) * Derivative(level, d),
    )
    tilt = exp(rate_ * level)
    named(
        "O",
        "... and the next level through its own, where the heat equation acts on exp(y f).",
        outer(rate_),
        Derivative(own[1] - own[2], own[1]) * Derivative(tilt, (x, 2)) / (2 * rate_ * tilt),
    )
    chain.add(
        Identity(
            "That is a flow of the opposite sign.",
            outer(rate_),
            (Derivative(level, (x, 2)) + rate_ * Derivative(level, x) ** 2) / 2,
            using=("O",),
            name="O closed",
        )
    )
    named("dT", "In the tilted law the two add up.", moved, TiltedExpectation(inner + outer(above), Symbol("k")))
    named("f at d", "The level at its variance.", Derivative(level, x), Derivative(f, x))
    chain.add(
        Identity(
            "The second derivatives cancel.",
            moved,
            (above - here) * square / 2,
            using=("dT", "I", "O closed", "flow", "c", "f at d"),
            name="dT closed",
        )
    )
    products = here * (own[0] * dual[0] - own[1] * dual[1]) + above * (own[1] * dual[1] - own[2] * dual[2])
    named("C", "The terms of the coupling with the overlap.", coupling, -products / 2)
    named(
        "stationary",
        "The objective is stationary in the overlap.",
        Derivative(coupling, own[1]) + width * moved,
        Integer(0),
    )
    chain.solve(
        "So the dual overlap is a tilted average.", dual[1], using=("stationary", "C", "dT closed"), name="dual overlap"
    )

    def route(statement: Relational) -> list[Comparison]:
        """One field, f_1 = -A x^2/2: every level is a quadratic form, and the tilted law of level 2 is the outer normal."""
        A, second, lifting = (Symbol(n, positive=True) for n in ("A", "q", "y"))
        growth = 1 + lifting * A * (1 - second)
        tower = -A * second / (2 * growth) - log(growth) / (2 * lifting)
        normal = Symbol("u", real=True)
        slope = -A * sqrt(second) * normal / growth
        at = {dual[1]: -2 * Derivative(tower, second) / lifting, width: Integer(1)}
        left = statement.lhs.xreplace(at)
        mean = Expectation(slope**2, normal)
        return [Comparison(left, statement.rhs.xreplace({square: mean, **at}))]

    label, sign = ("outputs", "w") if letter == "p" else ("duals", "h")
    return make_entry(
        Formula.concluding(
            f"gradient.hidden.{letter}",
            f"Stationarity in an overlap of the {label}: field {sign} of a hidden layer, any level",
            chain.derivation(),
            status=Status.FULLY_LIFTED,
            source=OWN,
            assumptions=("y_k > y_{k+1}",),
        ),
        "difference quotient of the tower of a quadratic form at level 2",
        route,
        ranges={"q": (Rational(1, 10), Rational(9, 10))},
        instances=True,
    )


def _level(below: Expr, parameter: Expr) -> Expr:
    return log(Expectation(Expectation(exp(parameter * below), s), u)) / parameter


def _at(tower: type[Expr], j: Expr, place: Expr) -> Expr:
    """The level j of a tower where both fields have the increments of a place."""
    return tower(j, w + sqrt(D(place)) * u, h + sqrt(V(place)) * s)


def _merged(kind: str) -> Entry:
    """Level k + 1 without increments, or with the lifting parameter of level k: the tower is that of one level less."""
    n = Symbol("n", integer=True, positive=True)

    def named(name: str, text: str, left: Expr, right: Expr) -> Definition:
        return Definition(text, Eq(left, right, evaluate=False), name=name)

    if kind == "increments":
        base = [
            named("D", "No increment of w at level k + 1, ...", D(k + 1), Integer(0)),
            named("V", "... and none of h.", V(k + 1), Integer(0)),
            named("F", "That level of the tower.", F(k + 1, w, h), _level(_at(F, k, k + 1), y(k + 1))),
            Identity("It is the level below.", F(k + 1, w, h), F(k, w, h), using=("F", "D", "V"), name="merged"),
            named("G", "The tower without it has the level below in its place.", G(k, w, h), F(k, w, h)),
            Identity("Both agree.", G(k, w, h), F(k + 1, w, h), using=("G", "merged"), name="start"),
        ]
    else:
        a, b = Symbol("u_2", real=True), Symbol("s_2", real=True)
        shift = F(
            k - 1,
            w + sqrt(D(k + 1)) * u + sqrt(D(k)) * a,
            h + sqrt(V(k + 1)) * s + sqrt(V(k)) * b,
        )
        both = F(k - 1, w + sqrt(D(k) + D(k + 1)) * u, h + sqrt(V(k) + V(k + 1)) * s)
        twice = Expectation(Expectation(Expectation(Expectation(exp(y(k) * shift), b), a), s), u)
        once = Expectation(Expectation(exp(y(k) * both), s), u)
        own = F(k, w + sqrt(D(k + 1)) * u, h + sqrt(V(k + 1)) * s)
        base = [
            named("y", "Level k + 1 has the lifting parameter of level k.", y(k + 1), y(k)),
            named(
                "F below",
                "Level k, at the fields that level k + 1 averages over ...",
                own,
                log(Expectation(Expectation(exp(y(k) * shift), b), a)) / y(k),
            ),
            named("F", "... and level k + 1.", F(k + 1, w, h), _level(own, y(k + 1))),
            Identity(
                "Logarithm and exponential cancel.",
                F(k + 1, w, h),
                log(twice) / y(k),
                using=("F", "y", "F below"),
                name="joined",
            ),
            Theorem(
                "A sum of independent normals is normal; the variances add up.",
                Eq(log(twice), log(once), evaluate=False),
                "convolution of normal laws",
                name="convolution",
            ),
            named(
                "G",
                "The tower of one level less has the sum of both increments at level k.",
                G(k, w, h),
                log(once) / y(k),
            ),
            Identity("Both agree.", G(k, w, h), F(k + 1, w, h), using=("G", "joined", "convolution"), name="start"),
        ]
    steps = (
        *base,
        named("F next", "The tower above that level, ...", F(n + 2, w, h), _level(_at(F, n + 1, n + 2), y(n + 2))),
        named(
            "G next",
            "... and the shorter one, with the same increments.",
            G(n + 1, w, h),
            _level(_at(G, n, n + 2), y(n + 2)),
        ),
        Induction("Level by level they agree.", G(n, w, h), F(n + 1, w, h), n, k, using=("start", "F next", "G next")),
    )
    derivation = Derivation(steps)

    def route(statement: Relational) -> list[Comparison]:
        """One field, f_1 = -A x^2/2, levels 2 and 3 next to level 2 alone, at the outer field x."""
        A, x, c, e, rate_ = (
            Symbol("A", positive=True),
            Symbol("x", real=True),
            *(Symbol(i, positive=True) for i in "pqy"),
        )
        normal, other = Symbol("u", real=True), Symbol("s", real=True)
        start = -A * (x + sqrt(c) * other) ** 2 / 2
        short = log(Expectation(exp(rate_ * start), other)) / rate_
        if kind == "increments":
            return [Comparison(log(Expectation(exp(c * short), normal)) / c, short)]
        long = log(Expectation(exp(rate_ * short.subs(x, x + sqrt(e) * normal)), normal)) / rate_
        return [Comparison(long, short.subs(c, c + e))]

    titles = {"increments": "without increments", "lifting": "with the lifting parameter of the level below"}
    return make_entry(
        Formula.concluding(
            f"merging.hidden.{kind}",
            f"Tower of a hidden layer, a level {titles[kind]}: one level less, for every level",
            derivation,
            source=OWN,
        ),
        "nested quadrature over one field of a quadratic form",
        route,
        most=3,
        ranges={"x": (Integer(-1), Integer(1))},
        instances=True,
    )
