"""Fewer files are read where that changes nothing."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

import pytest

from labctl.explain.parse import parse
from labctl.explain.raised import Raised
from labctl.explain.search import candidates, search, words
from labctl.load.bundled import bundled_compose, bundled_folder
from labctl.load.catalogue import Catalogue
from labctl.model.exceptions import known_names
from labctl.model.scenario import Scenario
from tests.unit.explain.test_parse import REFUSED


@cache
def catalogue() -> Catalogue:
    return Catalogue([bundled_folder("scenarios")], bundled_compose())


@cache
def texts() -> dict[str, str]:
    return {one.name: one.path.read_text("utf-8") for one in catalogue().all()}


@cache
def scenarios() -> dict[str, Scenario]:
    return {one.name: one for one in catalogue().all()}


def mentioning(wanted: Collection[str]) -> list[Scenario]:
    """As the catalogue's own, with each file read once for all tests."""
    return [scenarios()[k] for k, text in texts().items() if any(w in text for w in wanted)]


def exceptions() -> list[Raised]:
    """Every exception that a scenario expects, with the number and without, and those of Python."""
    expected = [e for s in scenarios().values() for a in s.attempts for e in a.expectations]
    found = [
        Raised(type=e.raises, message=f"[Errno] {e.attrs.get('errno', '')}: {e.message or ''}")
        for e in expected
        if e.raises
    ]
    return list(dict.fromkeys([*found, *(Raised(type=name) for name in known_names())]))


def test_what_is_named_is_the_same_as_of_all_files() -> None:
    for raised in exceptions():
        whole = candidates(raised, mentioning(words(raised)))
        assert search(raised, mentioning) == whole, raised


@pytest.mark.parametrize(
    ("raised", "often"),
    [(parse(REFUSED)[0], 1), (Raised(type="OSError"), 2)],
    ids=["found by its own name", "too little is known of it"],
)
def test_what_is_only_related_is_read_where_it_may_be_named(raised: Raised, often: int) -> None:
    asked = []

    def counting(wanted: Collection[str]) -> list[Scenario]:
        asked.append(wanted)
        return mentioning(wanted)

    search(raised, counting)
    assert len(asked) == often
