"""The formulas that the documentation shows, each with the verdict of its derivation."""

from functools import lru_cache

from build_cache import cached

from flrdt.derive import (
    Formula,
    Level,
    energy_map,
    hidden_exponential,
    hidden_mean,
    inner_maximum,
    innermost,
    layer_recursion,
    lifted_hidden,
    mixture_form,
    monotonicity,
    objective,
    plain_level,
    recursion,
    relations,
    relu,
    render,
    scaling,
    stationarity,
    zero_free_strip,
)
from flrdt.derive.definitions import envelope, lifted_tower
from flrdt.derive.stability import replicon

LEVELS = ("1", "2p", "2", "3")


def formulas() -> list[Formula]:
    """Every formula of the index, in the order of the index."""
    levels = [Level.parse(level) for level in LEVELS]
    lifted = [level for level in levels if level.r > 1]
    return [
        envelope(relu()),
        plain_level().formula,
        *(lifted_tower(level) for level in lifted),
        *(objective(level=level).formula(form) for level in levels for form in ("psi", "energy")),
        *(f for level in levels for f in relations(level).formulas),
        recursion(),
        *(scaling(level) for level in levels),
        *(energy_map(level) for level in levels),
        innermost(relu()).formula,
        mixture_form(),
        monotonicity(),
        zero_free_strip(),
        replicon(2, 2),
        inner_maximum().formula,
        hidden_mean(),
        hidden_exponential(),
        lifted_hidden().formula,
        layer_recursion().formula,
        *(f for level in lifted for f in stationarity(level)),
    ]


def shown(formula: Formula) -> dict:
    """What a page needs of a formula; the checks of the derivation run here."""
    writer = render.Writer(escape=False)
    return {
        "id": formula.id,
        "title": formula.title,
        "statement": writer.latex(formula.statement),
        "status": formula.status.value,
        "source": formula.source,
        "assumptions": formula.assumptions,
        "verdict": formula.derivation.verdict().value,
        "uses": [writer.sentence(u) for u in formula.derivation.uses],
        "steps": [(writer.sentence(s.text), writer.latex(s.expression), s.verdict().value) for s in formula.derivation],
        "code": evaluation(formula),
    }


def evaluation(formula: Formula) -> str:
    """The command that derives the formula again."""
    family, _, rest = formula.id.partition(".")
    level = next((part for part in rest.split(".") if part in LEVELS), "2")
    words = {
        "objective": f"objective --level {level} --form {rest.partition('.')[0]}",
        "relations": f"relations --level {level if rest != 'recursion' else '3'}",
        "stationarity": f"gradient --level {level}",
        "innermost": "innermost",
        "plain": "plain",
    }
    if family not in words or (family == "innermost" and "." in rest):
        return ""
    return f"flrdt derive {words[family]} --steps"


@lru_cache(maxsize=1)
def by_id() -> dict[str, dict]:
    """Id and content of every formula."""
    found = cached("formulas", lambda: [shown(f) for f in formulas()], "derive")
    return {f["id"]: f for f in found}
