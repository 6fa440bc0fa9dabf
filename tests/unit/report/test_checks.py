"""What `labctl doctor` prints."""

from __future__ import annotations

import pytest

from labctl.model.check import Check, CheckState
from labctl.report.checks import render_check
from tests.unit.report.rendered import text_of


@pytest.mark.parametrize(
    ("check", "shown"),
    [
        (
            Check(name="engine", state=CheckState.OK, seen="docker 28.1"),
            "ok      engine: docker 28.1",
        ),
        (
            Check(
                name="kernel", state=CheckState.LIMITED, seen="no numgen", hint="load nft_numgen"
            ),
            "limited kernel: no numgen\n        hint: load nft_numgen",
        ),
        (
            Check(
                name="engine", state=CheckState.MISSING, seen="none\x1b[2J", hint="start\u202e it"
            ),
            "missing engine: none\\x1b[2J\n        hint: start\\u202e it",
        ),
    ],
)
def test_a_check_is_a_line_and_its_hint_another(check: Check, shown: str) -> None:
    assert text_of(render_check(check)) == shown


def test_a_long_hint_is_wrapped_beside_the_checks() -> None:
    check = Check(name="images", state=CheckState.LIMITED, seen="none", hint="words " * 30)
    head, *rest = text_of(render_check(check)).splitlines()
    assert head == "limited images: none"
    assert len(rest) > 1
    assert all(line.startswith("        ") for line in rest)


def test_only_what_is_missing_blocks() -> None:
    assert [s for s in CheckState if Check(name="a", state=s, seen="").blocks] == [
        CheckState.MISSING
    ]
