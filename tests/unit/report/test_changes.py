"""What changed between two runs, as people read it."""

from __future__ import annotations

import json
from typing import Any

from labctl.report.changes import changes_json, render_changes
from labctl.results.changes import Change, ChangeKind, Changes
from tests.unit.report.rendered import text_of


def change(kind: ChangeKind = ChangeKind.WORSE, **changes: Any) -> Change:
    given = {
        "scenario": "refused-port",
        "attempt": "smtplib",
        "client": "",
        "pythons": ("3.12.1", "3.13.5"),
        "before": "pass: it was raised",
        "now": "fail: it was not",
    }
    return Change(kind=kind, **{**given, **changes})


def shown(*attempts: Change, setting: tuple[tuple[str, str, str], ...] = ()) -> str:
    return text_of(render_changes(Changes(setting=setting, attempts=attempts, compared=9)))


def test_nothing_changed() -> None:
    assert shown() == "9 attempts compared: nothing changed"


def test_the_worst_stands_first_with_what_was_and_is() -> None:
    told = shown(
        change(), change(ChangeKind.NEW, before=""), setting=(("labctl", "0.1.0", "0.2.0"),)
    )
    assert told == (
        """\
labctl: 0.1.0 before, 0.2.0 now

worse  refused-port/smtplib  Python 3.12 to 3.13
    before: pass: it was raised
    now:    fail: it was not

new  refused-port/smtplib  Python 3.12 to 3.13
    now:    fail: it was not

9 attempts compared: 1 worse, 1 new"""
    )


def test_what_changed_alike_is_told_once() -> None:
    told = shown(
        *(change(attempt=name) for name in "abcdef"),
        change(attempt="a", pythons=("3.9.2", "3.9.2")),
        change(attempt="z", client="my.py", now="other"),
    )
    assert "worse  refused-port/a, b, c, d and 2 more  Python 3.12 to 3.13, 3.9\n" in told
    assert "worse  refused-port/my.py  Python 3.12 to 3.13\n" in told
    assert told.endswith("9 attempts compared: 8 worse")


def test_long_and_hostile_texts_stay_in_their_lines() -> None:
    told = shown(change(before="\x1b[2J\u202e" + "x y " * 400, scenario="s" * 90))
    assert "\x1b" not in told
    assert "\\x1b[2J\\u202e" in told
    assert len(told.splitlines()) == 7


def test_of_hundreds_the_rest_is_counted() -> None:
    told = shown(*(change(scenario=f"s{n:03}") for n in range(50)))
    assert told.count("worse  s") == 40
    assert "and 10 changes more; --json has them all" in told


def test_as_json_all_is_there() -> None:
    found = Changes(
        setting=(("labctl", "1", "2"),),
        attempts=tuple(change(ChangeKind.SLOWER, scenario=f"s{n}") for n in range(50)),
        compared=50,
    )
    document = json.loads(changes_json(found))
    assert (document["worse"], document["compared"]) == (False, 50)
    assert document["setting"] == [{"what": "labctl", "before": "1", "now": "2"}]
    assert len(document["attempts"]) == 50
    assert document["attempts"][0] == {
        "kind": "slower",
        "scenario": "s0",
        "attempt": "smtplib",
        "client": "",
        "python": {"before": "3.12.1", "now": "3.13.5"},
        "before": "pass: it was raised",
        "now": "fail: it was not",
    }
