"""Mathematics inside of sentences: which parts of a text are formulas, and their LaTeX.

Steps, assumptions and titles are written as plain text, ``Lambda_1 = 2 gamma_p`` or ``k*phi(k) + 2*H(k) = 1/2``.  A formula in
such a text is a run of numbers, names and signs; a page sets the whole run as mathematics, not only the names in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from .replica import NAME

__all__ = ["formula_latex", "split_formulas"]

FUNCTIONS = {
    "phi": r"\varphi",
    "Phi": r"\Phi",
    "log": r"\log",
    "exp": r"\exp",
    "Min": r"\min",
    "Max": r"\max",
    "min": r"\min",
    "max": r"\max",
    "sqrt": r"\sqrt",
    "Re": r"\operatorname{Re}",
    "Im": r"\operatorname{Im}",
    "E": r"\mathbb{E}",
    "dist": r"\operatorname{dist}",
}
"""Words that are functions where a bracket follows them."""

SIGNS = {
    "...": r"\dots",
    "->": r"\to",
    "<=": r"\le",
    ">=": r"\ge",
    "!=": r"\ne",
    "**": "^",
    "*": r"\,",
    "~": r"\sim",
    "'": "'",
}
WORDS = {"budget": r"\mathrm{budget}"} | {n: "\\" + n for n in ("delta", "pi", "eta", "sigma", "epsilon")}
INFINITY = {"oo": r"\infty", "+oo": r"+\infty", "-oo": r"-\infty"}
JOINING = {"=", "<", ">", "<=", ">=", "!=", "->", "~", "+", "-", "*", "/", "^", "**"}

_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<slope>\bd ?[A-Za-z]\w*/d[A-Za-z]\w*(?:\^\(\d+\))?(?:_\w+)?)"
    rf"|(?P<name>{NAME})(?![\w])"
    r"|(?P<word>(?:" + "|".join(FUNCTIONS) + r")(?=[(\[]))"
    r"|(?P<infinity>oo\b)"
    r"|(?P<letter>(?<![\w.:-])[A-Za-z](?![\w])|(?:budget|delta|pi|eta|sigma|epsilon)(?!\w))"
    r"|(?P<number>(?<![\w.:])\d+(?:\.\d+)?(?:/\d+)?(?![\w.]*[A-Za-z]))"
    r"|(?P<sign>\.\.\.|->|<=|>=|!=|\*\*|[-+*/^=<>()\[\]|,~'])"
)

_SCIENTIFIC = re.compile(r"\d+(?:\.\d+)?e[+-]?\d+(?!\w)")
_HYPHEN = re.compile(r"-\w+")  # of a compound word, such as level-3


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    """Kind, text and position of every token; prose comes a character at a time with the kind ``prose``."""
    at, inside = 0, False  # inside: the character before belongs to a word of prose
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None and (power := _SCIENTIFIC.match(text, at)):
            yield "prose", power[0], at
            at, inside = power.end(), True
        elif inside and (hyphen := _HYPHEN.match(text, at)):
            yield "prose", hyphen[0], at
            at = hyphen.end()
        elif found is None:
            end = at + 1
            while end < len(text) and text[end - 1].isalnum() and text[end].isalnum():
                end += 1  # a word of prose in one piece
            yield "prose", text[at:end], at
            at, inside = end, text[end - 1].isalnum()
        else:
            yield str(found.lastgroup), found[0], at
            at, inside = found.end(), False


def split_formulas(text: str) -> Iterator[tuple[str, bool]]:
    """A sentence in pieces, each with whether it is a formula.

    >>> [piece for piece, formula in split_formulas("Eliminate alpha; with k = sqrt(2 chi) the first fixes k.") if formula]
    ['alpha', 'k = sqrt(2 chi)']
    >>> [piece for piece, formula in split_formulas("k*phi(k) + 2*H(k) - 1/2 = 0") if formula]
    ['k*phi(k) + 2*H(k) - 1/2 = 0']
    >>> [piece for piece, formula in split_formulas("The level-3 value has the error 2.7e-21 at x - 3.") if formula]
    ['x - 3']
    """
    run: list[tuple[str, str, int]] = []
    plain = 0
    for token in [*_tokens(text), ("prose", "", len(text))]:
        if token[0] != "prose":
            run.append(token)
            continue
        for start, end in _formulas(run):
            if start > plain:
                yield text[plain:start], False
            yield text[start:end], True
            plain = end
        run = []
    if plain < len(text):
        yield text[plain:], False


def _formulas(run: list[tuple[str, str, int]]) -> Iterator[tuple[int, int]]:
    """Start and end of the formulas in a run of tokens without prose."""
    joins = any(kind == "word" or (kind == "sign" and text in JOINING) for kind, text, _ in run)
    # without a sign that joins two things, only names are mathematics
    parts = _cut(run) if joins else [[token] for token in run if token[0] in ("name", "slope")]
    for part in parts:
        kinds = [kind for kind, _, _ in part]
        joined = any(kind == "word" or (kind == "sign" and text in JOINING) for kind, text, _ in part)
        if part and (joined or kinds in (["name"], ["slope"])):
            yield part[0][2], part[-1][2] + len(part[-1][1])
        else:
            yield from ((at, at + len(text)) for kind, text, at in part if kind in ("name", "slope"))


def _cut(run: list[tuple[str, str, int]]) -> list[list[tuple[str, str, int]]]:
    """The run cut at commas outside of brackets and at unmatched brackets, without signs at its ends that join nothing."""
    parts: list[list[tuple[str, str, int]]] = [[]]
    depth = 0
    closing = _closing(run)
    for i, token in enumerate(run):
        kind, text, _ = token
        unmatched = kind == "sign" and text in "()[]" and i not in closing
        if kind == "sign" and text in "([" and not unmatched:
            depth += 1
        if kind == "sign" and text in ")]" and not unmatched:
            depth -= 1
        if unmatched or (text == "," and depth == 0):
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in map(_trimmed, parts) if part]


def _closing(run: list[tuple[str, str, int]]) -> set[int]:
    """Positions of brackets that have a partner."""
    found, open_ = set(), []
    for i, (kind, text, _) in enumerate(run):
        if kind == "sign" and text in "([":
            open_.append(i)
        elif kind == "sign" and text in ")]" and open_:
            found |= {open_.pop(), i}
    return found


def _trimmed(part: list[tuple[str, str, int]]) -> list[tuple[str, str, int]]:
    def loose(token: tuple[str, str, int], last: bool) -> bool:
        kind, text, _ = token
        if kind == "space":
            return True
        if kind != "sign":
            return False
        return text not in (("...", ")", "]", "|", "'") if last else ("...", "(", "[", "|", "-", "+"))

    while part and loose(part[0], last=False):
        part = part[1:]
    while part and loose(part[-1], last=True):
        part = part[:-1]
    # "a - " of prose: a sign in front must touch what it signs
    if len(part) > 1 and part[0][1] in "+-" and part[1][0] == "space":
        part = part[2:]
    return part


def formula_latex(text: str, name: Callable[[str], str]) -> str:
    r"""A formula of a sentence in LaTeX; ``name`` writes the names of symbols.

    >>> formula_latex("Theta_1 >= sqrt(2*k)/3", {"Theta_1": r"\Theta_{1}"}.get)
    '\\Theta_{1} \\ge \\sqrt{2 \\, k} / 3'
    >>> formula_latex("f''^2 + 1", str)
    "{f ' '} ^ {2} + 1"
    """
    tokens = [(kind, word) for kind, word, _ in _tokens(text) if kind != "space"]
    pieces: list[str] = []
    closes: list[str] = []
    i = 0
    while i < len(tokens):
        kind, word = tokens[i]
        before = tokens[i - 1] if i else ("", "")
        if word == "sqrt" and kind == "word":
            pieces.append(r"\sqrt{")
            closes.append("}")
            i += 1  # the bracket goes with the root
        elif word in "([" and kind == "sign":
            power = before[1] in ("^", "**")
            pieces.append("{" if power else word)
            closes.append("}" if power else "")
        elif word in ")]" and kind == "sign" and closes:
            end = closes.pop()
            pieces.append(end if end == "}" else end + word)
        elif kind == "word":
            pieces.append(FUNCTIONS[word])
        elif kind == "infinity":
            pieces.append(INFINITY[word])
        elif kind == "name":
            pieces.append(name(word))
        elif kind == "slope":
            above, below = (part.strip()[1:].strip() for part in word.split("/"))
            pieces.append(rf"\partial {_symbol(above, name)} / \partial {_symbol(below, name)}")
        elif kind == "number" and "/" in word:
            pieces.append(r"\tfrac{{{}}}{{{}}}".format(*word.split("/")))
        elif kind == "sign":
            pieces.append(SIGNS.get(word, word))
        else:
            pieces.append(WORDS.get(word, word))
        if before[1] in ("^", "**") and not pieces[-1].startswith("{"):
            pieces[-1] = "{" + pieces[-1] + "}"
        i += 1
    raised = re.sub(r"(\S+(?: ')+) \^ ", r"{\1} ^ ", _spaced(pieces))  # TeX takes a prime for a power: it allows one
    return re.sub(r"(?<=[({[]) | (?=[]}),])", "", raised)


def _symbol(text: str, name: Callable[[str], str]) -> str:
    return name(text) if re.fullmatch(NAME, text) else text


def _spaced(pieces: list[str]) -> str:
    """The pieces with spaces between them; a function stands close to its bracket."""
    return re.sub(r"(\\\w+|[A-Za-z]) \( ", r"\1(", " ".join(pieces))
