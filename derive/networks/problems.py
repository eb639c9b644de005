r"""Problems of the family: an input set, a kernel and an output, and the words that name them.

A problem is solved by the same lifted objective as an injective layer: the bracket of its input, the Gaussian tower of its
output, fields whose variances are increments of a kernel.  ReLU injectivity itself stays a ``Network``; here are its neighbours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sympy import Expr, Integer, Rational, Symbol, oo, sympify

from ..blocks.kernels import Kernel, activation, identity_kernel, kernel
from ..blocks.outputs import Cost, HardSet, SetError, count_below, hinge, quadratic
from ..core.formulas import InputError
from ..core.shown import Shown

__all__ = ["WORDS", "Cube", "NormOutput", "Problem", "ProblemError", "Sphere", "SymmetricCoupling", "problem"]

z = Symbol("z", real=True)


class ProblemError(InputError):
    """The word or the combination of blocks is not a problem of the family."""


@dataclass(frozen=True)
class Sphere:
    """Inputs of norm 1."""

    def __str__(self) -> str:
        return "sphere"


@dataclass(frozen=True)
class Cube:
    """Inputs with n entries ``+-1/sqrt(n)``: Ising spins."""

    def __str__(self) -> str:
        return "cube"


@dataclass(frozen=True)
class SymmetricCoupling:
    """No output layer: a Gaussian energy with covariance ``n R^2/2`` (Sherrington and Kirkpatrick)."""

    def __str__(self) -> str:
        return "symmetric Gaussian coupling"


@dataclass(frozen=True)
class NormOutput:
    """The norm of the pre-activations, largest (``sign = 1``) or smallest (``sign = -1``) over the inputs."""

    sign: int = 1

    def __str__(self) -> str:
        return f"norm, {'largest' if self.sign > 0 else 'smallest'}"


Output = HardSet | Cost | SymmetricCoupling | NormOutput


@dataclass(frozen=True, repr=False)
class Problem(Shown):
    """An input set, an output and a kernel; ``alpha = m/n`` where the problem is not about finding it.

    Raises :class:`ProblemError` for a combination that the family does not cover.

    >>> problem("perceptron:kappa=-3/2")
    Problem(perceptron:kappa=-3/2)
    >>> Problem(Sphere(), HardSet(((Integer(-1), Integer(1)),))).quantity
    'capacity'
    """

    input: Sphere | Cube
    output: Output
    kernel: Kernel = field(default_factory=identity_kernel)
    alpha: Expr | None = None
    name: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if isinstance(self.output, (SymmetricCoupling, NormOutput)) and not isinstance(self.input, Cube):
            raise ProblemError(f"the output {self.output} belongs to Ising spins: give the input Cube()")
        if isinstance(self.input, Cube) and isinstance(self.output, Cost):
            raise ProblemError("costs on the cube are not covered: give a hard set, or the sphere as the input")
        if not self.kernel.identity and (isinstance(self.input, Cube) or isinstance(self.output, Cost)):
            raise ProblemError("committees are covered with inputs on the sphere and a hard set as the output")
        if self.alpha is not None:
            alpha = sympify(self.alpha)
            if alpha.is_Float:
                raise ProblemError(f"alpha {self.alpha} is a float: give an exact number")
            if not (alpha.is_number and alpha.is_real and alpha > 0):
                raise ProblemError(f"alpha {self.alpha} is not a positive number")
            if not isinstance(self.output, (Cost, NormOutput)):
                raise ProblemError(f"{self} takes no alpha: alpha is what is computed")
            object.__setattr__(self, "alpha", alpha)
        elif isinstance(self.output, NormOutput):
            object.__setattr__(self, "alpha", Integer(1))

    @property
    def quantity(self) -> str:
        """What is computed: ``capacity``, ``energy`` (of a cost at alpha) or ``ground state``."""
        if isinstance(self.output, HardSet):
            return "capacity"
        return "energy" if isinstance(self.output, Cost) else "ground state"

    @property
    def even(self) -> bool:
        """Whether the tower is even in its field, so that a vanishing outermost overlap is stationary."""
        return not isinstance(self.output, (HardSet, Cost)) or self.output.symmetric

    @property
    def ising(self) -> bool:
        """Whether it is a perceptron with Ising spins."""
        return isinstance(self.input, Cube) and isinstance(self.output, HardSet)

    def at(self, alpha: Expr) -> Problem:
        """The same problem at another alpha."""
        return Problem(self.input, self.output, self.kernel, alpha, self.name)

    def __str__(self) -> str:
        if self.name:
            return self.name
        parts = [str(self.input), *(() if self.kernel.identity else (f"committee {self.kernel}",)), str(self.output)]
        return ", ".join(parts)

    def __repr__(self) -> str:
        return f"Problem({self})"

    def _line(self) -> str:
        return f"{self.quantity} of {self}"

    def _tex(self) -> str:
        return rf"\text{{{self._line()}}}"


_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,2})?|[+-]?\d+/\d+"
_LONGEST = 500


def _number(text: str, what: str) -> Rational:
    if len(text) > _LONGEST or not re.fullmatch(_NUMBER, text) or re.search(r"/0+$", text):
        raise ProblemError(f"{what} {text[:40]!r} is not a number: use a decimal like -1.5 or a fraction like -3/2")
    return Rational(text)


def _options(text: str, word: str, *known: str) -> dict[str, Rational]:
    """``kappa=-3/2,alpha=2``; a bare number is the first option."""
    found: dict[str, Rational] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, equals, value = (p.strip() for p in part.rpartition("="))
        name = name if equals else known[0]
        if name not in known:
            raise ProblemError(f"{word} has no option {name!r}: use {', '.join(known)}")
        if name in found:
            raise ProblemError(f"{name} is given twice for {word}")
        found[name] = _number(value, f"the {name} of {word}")
    return found


def _half_line(kappa: Expr) -> HardSet:
    return HardSet(((kappa, oo),))


def _strip(kappa: Expr, word: str) -> HardSet:
    if kappa <= 0:
        raise ProblemError(f"{word} needs a positive half width, for example {word}:1, not {kappa}")
    return HardSet(((-kappa, kappa),))


def _outside(kappa: Expr, word: str) -> HardSet:
    if kappa <= 0:
        raise ProblemError(f"{word} needs a positive half width, for example {word}:1, not {kappa}")
    return HardSet(((-oo, -kappa), (kappa, oo)))


_BRACKET = re.compile(rf"[\[(]\s*(-oo|{_NUMBER})\s*,\s*(oo|\+oo|{_NUMBER})\s*[\])]")


def _set(text: str) -> HardSet:
    ends = []
    for part in re.split(r"[U∪]", text) if len(text) <= 2000 else [text]:
        found = _BRACKET.fullmatch(part.strip())
        if found is None:
            raise SetError(
                f"cannot read {part.strip()[:60]!r} as an interval: write the allowed set like [-1,1] or (-oo,-1] U [1,oo)"
            )
        low, high = ({"-oo": -oo, "oo": oo, "+oo": oo}.get(w) or _number(w, "the end point") for w in found.groups())
        ends.append((low, high))
    return HardSet(tuple(ends))


def _kappa(text: str, word: str) -> Rational:
    return _options(text, word, "kappa").get("kappa", Integer(0))


def _required(text: str, word: str) -> Rational:
    found = _options(text, word, "kappa")
    if not found:
        raise ProblemError(f"{word} needs its half width, for example {word}:1")
    return found["kappa"]


def _committee(text: str) -> tuple[Kernel, HardSet]:
    outside = [i for i, c in enumerate(text) if c == "," and text.count("(", 0, i) == text.count(")", 0, i)]
    cut = outside[0] if outside else len(text)
    first, rest = text[:cut], text[cut + 1 :]
    if not first.strip():
        raise ProblemError("committee needs its hidden activation, for example committee:relu")
    name = first.strip()
    found = kernel(activation(name), name)
    return found, _half_line(_options(rest, "committee", "kappa").get("kappa", Integer(0)))


def _cost(text: str, word: str) -> tuple[Cost, Expr | None]:
    found = _options(text, word, "kappa", "alpha")
    made = {"hinge": hinge, "quadratic": quadratic, "l0": count_below}[word](found.get("kappa", Integer(0)))
    return made, found.get("alpha")


def _hopfield(text: str) -> tuple[int, Expr | None]:
    sign, _, rest = text.partition(",")
    signs = {"+": 1, "-": -1, "": 1}
    if sign.strip() not in signs:
        raise ProblemError(
            f"hopfield:{text[:40]} is not known: use hopfield:+ or hopfield:-, with alpha as in hopfield:+,alpha=2"
        )
    return signs[sign.strip()], _options(rest, "hopfield", "alpha").get("alpha")


WORDS = {
    "perceptron": "perceptron:kappa=-3/2      inputs on the sphere, every pre-activation at least kappa",
    "strip": "strip:1                    inputs on the sphere, abs(z) <= 1",
    "outside": "outside:1                  inputs on the sphere, abs(z) >= 1",
    "set": "set:'[-2,-1] U [1,2]'      inputs on the sphere, any union of intervals",
    "committee": "committee:relu             wide treelike committee: relu, erf, square, tanh, abs, or an expression like committee:z^2/2+z,kappa=1/2",
    "hinge": "hinge:kappa=1,alpha=2      cost max(kappa - z, 0)",
    "quadratic": "quadratic:kappa=1,alpha=2  cost max(kappa - z, 0)^2/2",
    "l0": "l0:kappa=0,alpha=3         cost 1 for every z below kappa",
    "sk": "sk                         ground state of the Sherrington-Kirkpatrick model",
    "hopfield": "hopfield:+,alpha=1         largest (or smallest, -) norm of G x over Ising spins",
    "ising": "ising:kappa=0              Ising spins, every pre-activation at least kappa",
    "ising-strip": "ising-strip:1              Ising spins, abs(z) <= 1 (symmetric binary perceptron)",
    "ising-outside": "ising-outside:1/2          Ising spins, abs(z) >= 1/2",
}
"""The words of the family, each with an example."""


def problem(text: str) -> Problem:
    """The problem of a word with its options.

    Raises :class:`ProblemError` for an unknown word and for options that do not fit, ``SetError``, ``CostError`` and
    ``KernelError`` for blocks that pose no problem.

    >>> problem("strip:1").output.symmetric, problem("committee:relu").kernel.slope_at_one
    (True, 1/2)
    """
    if not isinstance(text, str):
        raise ProblemError(f"{text!r} is not the name of a problem: use a word like perceptron:kappa=-3/2")
    word, _, rest = (part.strip() for part in text.strip().partition(":"))
    word = word.lower()
    name = f"{word}:{rest}" if rest else word
    if word == "perceptron":
        return Problem(Sphere(), _half_line(_kappa(rest, word)), name=name)
    if word in ("strip", "ising-strip"):
        return Problem(Cube() if word.startswith("ising") else Sphere(), _strip(_required(rest, word), word), name=name)
    if word in ("outside", "ising-outside"):
        box = Cube() if word.startswith("ising") else Sphere()
        return Problem(box, _outside(_required(rest, word), word), name=name)
    if word == "set":
        return Problem(Sphere(), _set(rest), name=name)
    if word == "committee":
        found, allowed = _committee(rest)
        return Problem(Sphere(), allowed, found, name=name)
    if word in ("hinge", "quadratic", "l0"):
        made, alpha = _cost(rest, word)
        return Problem(Sphere(), made, alpha=alpha, name=name)
    if word == "sk":
        if rest:
            raise ProblemError("sk takes no options: write sk")
        return Problem(Cube(), SymmetricCoupling(), name=name)
    if word == "hopfield":
        sign, alpha = _hopfield(rest)
        return Problem(Cube(), NormOutput(sign), alpha=alpha, name=name)
    if word == "ising":
        return Problem(Cube(), _half_line(_kappa(rest, word)), name=name)
    raise ProblemError(f"unknown problem {text[:60]!r}: use one of {', '.join(WORDS)}, as in perceptron:kappa=-3/2")
