"""The formula registry: every formula of the toolkit, each with a check that does not reuse its derivation.

A section is a module of this package with a function ``entries()``; adding a formula is adding a ``make_entry`` to one, and
adding a section is naming its module and the families of its ids in :data:`SECTIONS`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module

from ..core.formulas import InputError
from .entries import Check, Comparison, Entry, make_entry, stated

__all__ = ["SECTIONS", "Check", "Comparison", "Entry", "entry", "make_entry", "registry", "select", "stated"]

SECTIONS = {
    "gaussian_rules": ("gaussian",),
    "envelopes": ("envelope", "mean_envelope", "mean_envelope_slope", "zero_energy"),
    "expectations": ("innermost",),
    "plain_values": ("gate", "plain"),
    "comparison": ("comparison",),
    "lower_bound": ("lower",),
    "quadratic": ("merging", "scaling", "tower"),
    "lifting": ("relations",),
    "energies": ("energy_map", "objective", "psi_parameters"),
    "slopes": ("gradient", "stationarity"),
    "instability": ("limit", "replicon", "thermal"),
    "flows": ("flow", "limit"),
    "proof_lemmas": ("certificate", "innermost"),
    "finite_sizes": ("finite",),
    "hidden_units": ("hidden",),
    "angles": ("angular",),
    "hidden_averages": ("hidden",),
    "lifted_units": ("hidden", "reduction"),
    "hidden_towers": ("gradient", "hidden", "merging"),
    "recursions": ("recursion",),
    "deep_objectives": ("objective",),
    "deep_reductions": ("merging", "reduction"),
    "deep_slopes": ("stationarity",),
    "family": ("average", "kernel", "perceptron"),
}
"""Modules of this package, and the families of their ids (the part before the first dot)."""

Report = Callable[[str], None]


@lru_cache(maxsize=len(SECTIONS))
def _section(name: str) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for item in import_module(f"{__name__}.{name}").entries():
        if item.id in found:
            raise ValueError(f"two registry entries have the id {item.id}")
        if item.id.partition(".")[0] not in SECTIONS[name]:
            raise ValueError(f"{item.id} is of no family that SECTIONS names for {name}")
        found[item.id] = item
    return found


def registry(report: Report = lambda _: None) -> dict[str, Entry]:
    """Every entry by its id, in the order of the sections; ``report`` is told what is being derived.

    >>> len(registry()) >= 40
    True
    """
    return _merged(list(SECTIONS), report)


def _merged(names: list[str], report: Report) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for done, name in enumerate(names):
        report(f"deriving the formulas, section {done + 1} of {len(names)}: {name}")
        section = _section(name)
        if twice := found.keys() & section.keys():
            raise ValueError(f"two registry entries have the id {min(twice)}")
        found |= section
    return found


def entry(id: str) -> Entry:
    """The entry of an id; raises ``InputError`` for an unknown one."""
    return select([id])[0]


def select(ids: list[str], report: Report = lambda _: None) -> list[Entry]:
    """The entries of the given ids; an id may be a prefix up to a dot (``relations.3``).  No ids: all entries.

    Only the sections of the families asked for are derived.
    """
    if not ids:
        return list(registry(report).values())
    if "" in ids:
        raise InputError("the id of a formula is empty: give one, or leave it out for all of them")
    families = {id.partition(".")[0] for id in ids}
    known = _merged([name for name, names in SECTIONS.items() if families & {*names}], report)
    found: dict[str, Entry] = {}
    for id in ids:
        matching = {k: e for k, e in known.items() if k == id or k.startswith(f"{id}.")}
        if not matching:
            import difflib

            names = known or {family for names in SECTIONS.values() for family in names}
            spelt = {name.lower(): name for name in sorted(names)}
            near = [spelt[n] for n in difflib.get_close_matches(id.lower(), spelt, n=3, cutoff=0.5)]
            if id.partition(".")[0].lower() in spelt and not known:
                near = [id.lower()]
            hint = f"did you mean {', '.join(near)}?" if near else "see flrdt formulas"
            raise InputError(f"no formula {id!r}: {hint}")
        found |= matching
    return list(found.values())
