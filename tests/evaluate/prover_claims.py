"""Claims that are true or false by construction, and their values by mpmath: what the prover is tried with."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

from mpmath import mp, mpf

NAMES = (
    "x",
    "y",
    "e",
    "E",
    "I",
    "S",
    "t0",
    "a0",
    "x0",
    "x_root",
    "k0",
    "oo",
    "nan",
    "value_0",
    "hoisted_0",
    "rational",
    "beta",
)


@dataclass(frozen=True)
class Claim:
    """A statement on a box; ``point`` refutes a false one (``None`` if it is false almost everywhere)."""

    statement: str
    domain: dict[str, list[str]]
    true: bool
    kind: str
    point: dict[str, str] = field(default_factory=dict)

    def table(self, name: str) -> dict:
        return {"id": name, "statement": self.statement, "domain": self.domain}


class Generator:
    """Random claims from a seed."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)

    def names(self) -> tuple[str, str]:
        return tuple(self.draw.sample(NAMES, 2)) if self.draw.random() < 0.3 else ("x", "y")

    def number(self, low: int, high: int, parts: int = 12) -> str:
        bottom = self.draw.randrange(2, parts)
        return f"{self.draw.randrange(low * bottom, high * bottom + 1)}/{bottom}"

    def domain(self, x: str, y: str, positive: bool) -> dict[str, list[str]]:
        found = {}
        for name in (x, y):
            low = self.draw.choice(["1/7", "0.5", "1"] if positive else ["-2", "-1", "-1/3", "0"])
            found[name] = [low, self.draw.choice(["2", "7/3", "3"])]
        return found

    def inner(self, x: str, y: str) -> str:
        """A small expression without a pole."""
        a = self.number(-2, 2)
        return self.draw.choice(
            [
                x,
                y,
                f"({x}+{y})",
                f"(2*{x}-{a})",
                f"({x}*{y})",
                f"({x}**2-{y})",
                f"({x}-{y})",
                f"({a}*{x})",
                f"atan({x})",
            ]
        )

    def positive(self, x: str, y: str) -> str:
        a = self.draw.choice(["1/2", "1", "0.3", "2"])
        return self.draw.choice(
            [
                f"({x}**2+{a})",
                f"exp({x})",
                f"(Abs({y})+{a})",
                f"({a}+({x}-{y})**2)",
                f"sqrt({a}+{y}**2)",
                f"(4-{x})",
                f"({y}+3)",
            ]
        )

    def identity(self, x: str, y: str) -> tuple[str, str]:
        g, h = self.inner(x, y), self.inner(x, y)
        p, q = self.positive(x, y), self.positive(x, y)
        return self.draw.choice(
            [
                (f"Phi(-{g})", f"H({g})"),
                (f"Phi({g})+Phi(-{g})", "1"),
                (f"erfc({g})", f"2-erfc(-{g})"),
                (f"exp({g}+{h})", f"exp({g})*exp({h})"),
                (f"exp({g}/2)**2", f"exp({g})"),
                (f"log({p}*{q})", f"log({p})+log({q})"),
                (f"log({p}/{q})", f"log({p})-log({q})"),
                (f"sqrt({p}*{q})", f"sqrt({p})*sqrt({q})"),
                (f"sqrt({p})**2", p),
                (f"sqrt({g}**2)", f"Abs({g})"),
                (f"Abs({g}*{h})", f"Abs({g})*Abs({h})"),
                (f"Max({g},{h})+Min({g},{h})", f"{g}+{h}"),
                (f"Max({g},{h})-Min({g},{h})", f"Abs({g}-{h})"),
                (f"({g}+{h})**2", f"{g}**2+2*{g}*{h}+{h}**2"),
                (f"exp(log({x}**2+1))", f"1+{x}**2"),
                (f"log(exp({g}))", g),
                (f"phi({g})", f"phi(-{g})"),
                (f"1/(1/{p})", p),
                (f"atan(-{g})", f"-atan({g})"),
                (f"{g}/{p}-{h}/{p}", f"({g}-{h})/{p}"),
                (f"H({g})", f"erfc({g}/sqrt(2))/2"),
                (f"2*pi*phi({g})**2", f"exp(-{g}**2)"),
            ]
        )

    def claim(self) -> Claim:
        x, y = self.names()
        return self.true(x, y) if self.draw.random() < 0.5 else self.false(x, y)

    def true(self, x: str, y: str) -> Claim:
        domain = self.domain(x, y, self.draw.random() < 0.5)
        if self.draw.random() < 0.6:
            left, right = self.identity(x, y)
            return self.made(f"{left} == {right}", domain, True, "identity")
        g, h = self.inner(x, y), self.inner(x, y)
        statement = self.draw.choice(
            [
                f"{g}**2 > -1/1000",
                f"Phi({g}) < 1",
                f"Abs({g}) + Abs({h}) >= Abs({g}+{h}) - 1/100",
                f"exp({x}) > 1 + {x} - 1/50",
                f"Max({g},{h}) >= Min({g},{h}) - 1/10**6",
                f"({x}-{y})**2 >= 0",
                f"phi({g}) < 0.4",
                f"{g} + 1/10**20 > {g}",
                f"erfc({g})*{self.positive(x, y)} > 0",
                f"sqrt({x}**2+1) > Abs({x})",
            ]
        )
        return self.made(statement, domain, True, "inequality")

    def made(self, statement: str, domain: dict, true: bool, kind: str, point: dict | None = None) -> Claim:
        used = set(re.findall(r"(?<![\w.])[A-Za-z_]\w*", statement))
        return Claim(statement, {n: d for n, d in domain.items() if n in used}, true, kind, point or {})

    def false(self, x: str, y: str) -> Claim:
        kind = self.draw.choice(["term", "digit", "window", "removable", "branch", "name", "kink", "strict", "bound"])
        domain = self.domain(x, y, False)
        left, right = self.identity(x, y)
        middle = self.number(0, 1)  # inside every domain, or at its edge
        at = {x: middle}
        if kind == "term":
            change = self.draw.choice(["1e-3", "1e-9*exp({x})", "1e-18*{p}", "1e-30", "phi(12)", "exp(-40*({x}+4))"])
            return self.made(f"{left} == {right} + {change.format(x=x, p=self.positive(x, y))}", domain, False, kind)
        if kind == "digit":
            return self.digit(x, y, domain)
        if kind == "window":
            width = self.draw.choice(["1e-2", "1e-4", "1e-7", "1e-12"])
            bump = self.draw.choice([f"Max(0, {width}-Abs({x}-{middle}))", f"Max({width}**2-({x}-{middle})**2, 0)"])
            return self.made(f"{left} == {right} + {bump}", domain, False, kind, at)
        if kind == "removable":
            factor = self.draw.choice([f"({x}-{middle})", f"({x}-{middle})**3", f"Abs({x}-{middle})"])
            form = self.draw.choice(
                [
                    f"({left})*{factor}/{factor} == {right}",
                    f"{left} == ({right}) + 0/{factor}",
                    f"1/(1/{factor}) == {factor}",
                ]
            )
            return self.made(form, domain, False, kind, at)
        if kind == "branch":
            u = f"({x}-{middle})"
            domain[x][0] = "-1"
            form = self.draw.choice(
                [f"sqrt({u}**2) == {u}", f"log({u}**2) == 2*log({u})", f"sqrt({u})**2 == {u}", f"exp(log({u})) == {u}",
                 f"0*log({u}) == 0", f"sqrt({u})*sqrt({u}) == {u}", f"log({u}**2)/2 == log(Abs({u}))", f"{u}**(3/2)/sqrt({u}) == {u}"]
            )  # fmt: skip
            return self.made(form, domain, False, kind)
        if kind == "name":
            other = self.draw.choice([n for n in NAMES if n not in (x, y)])
            domain = {x: ["1", "2"], other: ["1", self.draw.choice(["2", "1.0000000000001"])]}
            form = self.draw.choice(
                ["sqrt({x})**2 == {o}", "exp({x}) == exp({o})", "log({x}) == 2*log(sqrt({o}))", "Phi(-{x}) == H({o})"]
            )
            return self.made(form.format(x=x, o=other), domain, False, kind)
        if kind == "kink":
            low, high = sorted((self.draw.randrange(1, 40), self.draw.randrange(41, 90)))
            p, q = f"{low}/91", f"{high}/91"
            edge = f"{high - low}/91"
            domain[x] = ["0", "1"]
            form, point = self.draw.choice(
                [(f"Abs({x}-{p}) + Abs({x}-{q}) > {edge}", p), (f"Min({x}-{p}, {q}-{x}) < {edge}/2", f"{low + high}/182"),
                 (f"Abs({x}-{p}) > 0", p), (f"Max({x}, {p}) > {p}", p), (f"1/2 - Abs({x}-{p}) < 1/2 - 1e-9", p),
                 (f"Abs({x}-{p}) + Abs({x}-{q}) - 2*Abs({x}-{low + high}/182) < {edge} - 1e-7", f"{low + high}/182")]
            )  # fmt: skip
            return self.made(form, domain, False, kind, {x: point})
        if kind == "strict":
            g = self.inner(x, y)
            form, point = self.draw.choice(
                [(f"({x}-{middle})**2 > 0", at), (f"({x}-{middle})**2 + ({y}-{middle})**2 > 0", {x: middle, y: middle}),
                 (f"{left} < {right}", {}), (f"{left} > {right}", {}), (f"exp({x}-{middle}) > 1 + {x}-{middle}", at),
                 (f"Abs({g}) < Abs(-{g})", {}), (f"Max({x},{y}) > ({x}+{y})/2", {x: middle, y: middle})]
            )  # fmt: skip
            return self.made(form, domain, False, kind, point)
        size = self.draw.choice(["1e-2", "1e-6", "1e-11", "1e-20"])
        form = self.draw.choice(
            [f"({x}-{middle})**2 > {size}", f"exp(-({x}-{middle})**2) < 1-{size}", f"phi({x}-{middle}) < 1/sqrt(2*pi) - {size}",
             f"({x}-{middle})**2 - {size} >= 0", f"1/(1+({x}-{middle})**2) <= 1 - {size}"]
        )  # fmt: skip
        return self.made(form, domain, False, "bound", at)

    def digit(self, x: str, y: str, domain: dict) -> Claim:
        """A true equation or bound, changed in the 25th digit."""
        p = self.positive(x, y)
        form = self.draw.choice(
            [f"sqrt({p})**2 == {p}*(1+1e-25)", f"exp(log({x}**2+1)) == {x}**2 + 1 - 1e-25", f"Phi({x})+H({x}) == 1 + 1e-25",
             "exp(1) < 2.718281828459045235360287", "pi > 3.14159265358979323846264339", f"{p} + 1e-25 <= {p}",
             f"log({p}) == log({p}*(1+1e-25))", "sqrt(2) == 1.414213562373095048801688724", f"Min({x}, {x}-1e-25) == {x}"]
        )  # fmt: skip
        return self.made(form, domain, False, "digit")


FUNCTIONS = {
    "exp": mp.exp, "log": mp.log, "sqrt": mp.sqrt, "atan": mp.atan, "Abs": abs, "Max": max, "Min": min, "erfc": mp.erfc, "pi": mp.pi,
    "Phi": lambda a: mp.erfc(-a / mp.sqrt(2)) / 2, "H": lambda a: mp.erfc(a / mp.sqrt(2)) / 2, "phi": lambda a: mp.npdf(a),
}  # fmt: skip


def sides(statement: str, point: dict[str, mpf]) -> tuple[mpf, mpf] | None:
    """Both sides by mpmath at its current precision, ``None`` where one has no real value."""
    relation = next(r for r in (" == ", " <= ", " >= ", " < ", " > ") if r in statement)
    values = []
    for side in statement.split(relation):
        exact = re.sub(r"(?<![\w.])\d+(?:\.\d+)?(?:e-?\d+)?", lambda m: f"mpf('{m[0]}')", side)
        try:
            values.append(eval(exact, {"mpf": mpf, **FUNCTIONS, **point}))
        except ZeroDivisionError:
            return None
    return tuple(values) if all(isinstance(v, mpf) or mp.im(v) == 0 for v in values) else None
