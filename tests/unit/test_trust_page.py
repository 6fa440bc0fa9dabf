"""What docs/trust.md says of the hostile submissions, there are."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.hostile import HOSTILE, Kind
from tests.unit.submissions.hostile import HOSTILE as ARCHIVES

PAGE = (Path(__file__).parents[2] / "docs" / "trust.md").read_text("utf-8")
ROWS: dict[str, Kind] = {
    "forging": "forging",
    "reading": "reading",
    "escaping": "escaping",
    "using up": "exhausting",
    "leaving behind": "persisting",
}


@pytest.mark.parametrize("row", ROWS)
def test_the_table_counts_each_kind(row: str) -> None:
    found = re.search(rf"^\| {row}: [^|]*\| (\d+) \|", PAGE, re.MULTILINE)
    assert found
    assert int(found[1]) == Counter(one.kind for one in HOSTILE)[ROWS[row]]


def test_and_the_archives() -> None:
    assert re.search(rf"^\| archives: [^|]*\| {len(ARCHIVES)} \|", PAGE, re.MULTILINE)


def test_names_are_of_one_submission_each_and_say_what_it_is_after() -> None:
    assert len({one.name for one in HOSTILE}) == len(HOSTILE)
    assert all(one.tries and one.states and one.gains >= 0 for one in HOSTILE)
