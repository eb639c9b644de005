"""Values of the literature beside those computed here: each a datum with its source, and a verdict.

A value was either read in the abstract of its paper, or is quoted from memory of it; the full texts were not at hand.  A verdict
is one of four: the computed value rounds to the printed one, it does not, it agrees as far as its own error allows a
comparison, or the two cannot be compared and the datum says why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

__all__ = ["LITERATURE", "Datum", "Row", "compare"]

Report = Callable[[str], None]
ABSTRACT, QUOTED = "read in the abstract", "as quoted"


@dataclass(frozen=True)
class Datum:
    """A published value: the problem as a word, the level, the decimal as printed, the arXiv id, and how it was read.

    ``free`` marks values of the free order of the lifting parameters; ``incomparable`` says why no value here stands beside it.
    """

    problem: str
    level: str
    printed: str
    source: str
    read: str
    free: bool = False
    incomparable: str = ""
    heavy: bool = False


LITERATURE: tuple[Datum, ...] = (
    Datum("relu", "1", "7.65", "2302.14112", QUOTED),
    Datum("perceptron:kappa=-3/2", "1", "43.77", "2312.16531", QUOTED),
    Datum("perceptron:kappa=-3/2", "2p", "37.36", "2312.16531", QUOTED),
    Datum("perceptron:kappa=-3/2", "2", "36.57", "2312.16531", QUOTED),
    Datum("perceptron:kappa=-3/2", "3", "36.40", "2312.16531", QUOTED),
    Datum("committee:relu", "1", "2.93388", "2402.05719", QUOTED),
    Datum("committee:relu", "2", "2.66428", "2402.05719", QUOTED),
    Datum("committee:square", "1", "4", "2007.11136", QUOTED),
    Datum("committee:square", "2", "3.37466", "2007.11136", QUOTED),
    Datum("committee:erf", "1", "2.4514", "1907.07578", QUOTED),
    Datum("committee:erf", "2", "2.375", "1907.07578", QUOTED),
    Datum("ising:kappa=0", "2", "0.8330786", "2312.00073", ABSTRACT),
    Datum("ising:kappa=0", "5", "0.7764", "2511.01037", ABSTRACT, True, "the free order is computed to level 3 here"),
    Datum("ising-strip:1", "2", "1.8159", "2601.10628v1", ABSTRACT),
    Datum("ising-strip:1", "3", "1.6576", "2604.19712", ABSTRACT, True),
    Datum("ising-strip:1", "4", "1.6218", "2604.19712", ABSTRACT, True, heavy=True),
    Datum("ising-strip:1", "7", "1.6021", "2601.10628v1", ABSTRACT, True, "level 7 is not computed here"),
    Datum("ising-strip:1", "7", "1.6093", "2604.19712", ABSTRACT, True, "level 7 is not computed here"),
    Datum("hopfield:+,alpha=1", "3", "1.7788", "2312.00071", ABSTRACT),
    Datum("hopfield:+,alpha=1", "6", "1.7784", "2507.22396", ABSTRACT, heavy=True),
    Datum("hopfield:-,alpha=1", "4", "0.3279", "2312.00071", ABSTRACT, True, heavy=True),
    Datum(
        "hopfield:-,alpha=1", "6", "0.3281", "2507.22396", ABSTRACT, True, "the free order is computed to level 4 here"
    ),
    Datum("sk", "inf", "0.7631667265", "SK ground state, ten digits quoted in a public repository", QUOTED, heavy=True),
)
"""Everything that is compared; ``heavy`` values take longer than a minute."""


@dataclass(frozen=True)
class Row:
    """A datum with the value computed here and the verdict."""

    datum: Datum
    ours: str
    verdict: str

    def to_json(self) -> dict[str, Any]:
        """The row as ``flrdt literature --json`` prints it."""
        d = self.datum
        return {
            "problem": d.problem,
            "level": d.level,
            "printed": d.printed,
            "ours": self.ours,
            "verdict": self.verdict,
            "source": d.source,
            "read": d.read,
            "order": "free" if d.free else "falling",
        }

    @property
    def agrees(self) -> bool | None:
        """Whether the value agrees; None where it is not compared."""
        return None if self.verdict.startswith("not ") else self.verdict.startswith("agrees")


def verdict_of(ours: Decimal, printed: str, error: Decimal = Decimal(0)) -> str:
    """Whether a value, known up to ``error``, rounds to the printed decimal.

    A printed value that is one unit away, on the side to which it was rounded up or down, is named as such. Where the error
    is too large to tell the printed digits apart, the verdict says so instead of choosing.

    >>> verdict_of(Decimal("36.3984"), "36.40"), verdict_of(Decimal("1.65754"), "1.6576")
    ('agrees to the printed digits', 'agrees, printed value rounded up')
    >>> verdict_of(Decimal("0.76316673"), "0.7631667265", Decimal("4e-9"))
    'agrees within our error of 4.0e-9'
    """
    unit = Decimal(1).scaleb(Decimal(printed).as_tuple().exponent)  # type: ignore[arg-type]
    gap = Decimal(printed) - ours
    if error > unit / 2 and abs(gap) <= error + unit / 2:
        return f"agrees within our error of {error:.1e}"
    if ours.quantize(unit, rounding=ROUND_HALF_EVEN) == Decimal(printed):
        return "agrees to the printed digits"
    if abs(gap) < unit:
        return f"agrees, printed value {'rounded up' if gap > 0 else 'truncated'}"
    return "differs"


def compare(heavy: bool = False, report: Report = lambda _: None, only: str | None = None) -> list[Row]:
    """Compute what can be compared; ``heavy`` includes what takes longer than a minute, ``only`` keeps one problem's rows.

    Raises ``InputError`` for a word that names no problem.
    """
    found = []
    wanted = None if only is None else _posed(only)
    for datum in LITERATURE:
        if only is not None and _posed(datum.problem) != wanted:
            continue
        report(f"{datum.problem}, level {datum.level}")
        if datum.incomparable:
            found.append(Row(datum, "", f"not comparable: {datum.incomparable}"))
        elif datum.heavy and not heavy:
            found.append(Row(datum, "", "not computed: takes minutes, ask with --all"))
        else:
            text, error = _ours(datum, report)
            shown = Decimal(1).scaleb(-len(datum.printed.partition(".")[2]) - 3)
            ours = Decimal(text)
            if ours.as_tuple().exponent < shown.as_tuple().exponent:  # type: ignore[operator]
                text = str(ours.quantize(shown, rounding=ROUND_HALF_EVEN))
            found.append(Row(datum, text, verdict_of(ours, datum.printed, Decimal(error))))
    return found


def _posed(word: str) -> Any:
    """What a word poses, however it is written; alpha does not count."""
    if word.strip().lower() == "relu":
        return "relu"
    from .family import as_problem

    found = as_problem(word)
    return found.input, found.output, found.kernel


def _ours(datum: Datum, report: Report) -> tuple[str, str]:
    """The value computed here and its error, each as a decimal."""
    places = len(datum.printed.partition(".")[2]) + 4
    if datum.problem == "relu":
        from .capacity import capacity

        found = capacity(datum.level, places).to_json()
        return found["alpha"], found["alpha_error"]
    if datum.level == "inf":
        from ..limits.family import family_limit

        found = family_limit(datum.problem, min(places, 9), report=report).to_json()
    else:
        from .family import family_value

        found = family_value(datum.problem, datum.level, places, free_order=datum.free, report=report).to_json()
    return found["value"], found["value_error"]
