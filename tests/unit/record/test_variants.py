"""Pythons that are alike share a variant; its specifier admits them, and no others that differ."""

from __future__ import annotations

import pytest
from packaging.specifiers import SpecifierSet

from labctl.pythons import SERIES
from labctl.record.facts import Facts
from labctl.record.variants import variants


def made(kinds: dict[str, str]) -> list[tuple[str | None, str]]:
    """(specifier, what it expects) of each variant, where the Pythons raise these kinds."""
    pythons = [Facts(series=series, expected={"raises": kind}) for series, kind in kinds.items()]
    return [(one.get("python"), one["raises"]) for one in variants(pythons, known=SERIES)]


@pytest.mark.parametrize(
    ("kinds", "specifiers"),
    [
        ("aaaaaa", [None]),
        ("aaaabb", [">=3.13", "<3.13"]),
        ("abbbcc", [">=3.13", ">=3.10,<3.13", "<3.10"]),
        ("aabccc", [">=3.12", "==3.11.*", "<3.11"]),
        ("aaaaab", [">=3.14", "<3.14"]),
        ("abaaaa", [">=3.11", "==3.10.*", "<3.10"]),
        ("a   b ", [">=3.13", "<3.10"]),
        ("  a b ", [">=3.13", "==3.11.*"]),
        ("a a b ", [">=3.13", "<3.12"]),
        (" a    ", [None]),
    ],
)
def test_the_fewest_specifiers(kinds: str, specifiers: list[str | None]) -> None:
    tried = {series: kind for series, kind in zip(SERIES, kinds, strict=True) if kind != " "}
    found = made(tried)
    assert [specifier for specifier, _ in found] == specifiers
    for series, kind in tried.items():
        fitting = [k for s, k in found if SpecifierSet(s or "").contains(f"{series}.7")]
        assert fitting == [kind]


def test_the_order_in_which_pythons_were_run_does_not_matter() -> None:
    assert made({"3.9": "a", "3.14": "b", "3.10": "a"}) == [(">=3.14", "b"), ("<3.11", "a")]
