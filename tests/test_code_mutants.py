"""The list of mutants of the code that docs/evidence.md shows: drawn by its seed, and explained where no test notices."""

import json

import pytest

from tests.mutate_code import KNOWN, RESULTS, ROOT, SITES, drawn, load


@pytest.mark.slow
def test_sites_are_many_and_over_all_modules():
    found = drawn()
    assert len(found) == SITES >= 400 and len({s.key for s in found}) == SITES
    assert {s.module.split("/")[0] for s in found} == {"derive", "evaluate"}
    assert len({s.module for s in found}) > 150


def test_mutants_without_a_test_that_notices_are_explained():
    assert json.loads(RESULTS.read_text())["drawn"] == SITES
    open_ = [
        key for key, entry in load().items() if entry["outcome"] == "survived" and len(entry.get("reason", "")) < 20
    ]
    assert not open_
    assert all(entry["outcome"] != "killed" or "::" in entry["by"] for entry in load().values())


def test_known_changes_are_still_of_the_code():
    for module, before, after in KNOWN:
        assert before in (ROOT / module).read_text() and after != before, (module, before)
