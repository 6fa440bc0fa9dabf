"""What services said, against the lines of `served:`."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.judge.served import judge_served, served_line
from labctl.model.result import Difference, ServerEvent
from labctl.model.served import parse_served
from tests.unit.judge.samples import event

CONNECT, EHLO, DISCONNECT = event("connect"), event("ehlo", name="me"), event("disconnect")
SENT: dict[str, Any] = {"from": "ada@lab.test", "to": "bob@lab.test", "size": 7}
MESSAGE = event("message", **SENT)
QUERY = event("query", service="dns", name="mail.lab", type="A", code="NOERROR")
ALL = (CONNECT, EHLO, MESSAGE, DISCONNECT)
LINES = ("mail connect", "mail ehlo", "mail message size=7", "mail disconnect")
NOT_EXPECTED = "service mail said something that was not expected:"


def messages(expected: tuple[str, ...], *events: ServerEvent) -> list[str]:
    return [one.message for one in judge_served(expected, events)]


def test_every_line_and_every_event_in_order() -> None:
    assert messages(LINES, *ALL) == []
    assert messages(()) == []


def test_a_line_that_nobody_said() -> None:
    assert judge_served(LINES, (CONNECT, EHLO, DISCONNECT)) == [
        Difference(
            what="served",
            expected="mail message size=7",
            actual="",
            message="service mail did not say message size=7",
        )
    ]


def test_an_event_that_no_line_expects() -> None:
    assert judge_served(("mail connect", "mail disconnect"), (CONNECT, EHLO, DISCONNECT)) == [
        Difference(
            what="served",
            expected="",
            actual="mail ehlo name=me",
            message=f"{NOT_EXPECTED} mail ehlo name=me",
        )
    ]
    assert messages((), DISCONNECT) == [f"{NOT_EXPECTED} mail disconnect"]
    assert messages(LINES, *ALL, CONNECT) == [f"{NOT_EXPECTED} mail connect"]


def test_events_in_another_order_are_both_missing_and_unexpected() -> None:
    assert messages(("mail ehlo", "mail connect"), CONNECT, EHLO) == [
        f"{NOT_EXPECTED} mail connect",
        "service mail did not say connect",
    ]


def test_an_event_counts_for_one_line_only() -> None:
    assert messages(("mail connect", "mail connect"), CONNECT) == [
        "service mail did not say connect"
    ]
    assert messages(("mail connect", "mail connect"), CONNECT, CONNECT) == []


def test_a_service_is_told_from_another_that_says_the_same() -> None:
    other = event("connect", service="mail2")
    assert messages(("mail connect",), other) == [
        "service mail did not say connect",
        "service mail2 said something that was not expected: mail2 connect",
    ]


def test_a_service_may_have_any_name_that_services_have() -> None:
    for name in ("mail.2", "2mail", "mail_a-b"):
        assert messages((f"{name} connect",), event("connect", service=name)) == []


def test_look_ups_count_only_where_a_line_names_the_resolver() -> None:
    assert messages(("mail connect",), QUERY, CONNECT) == []
    assert messages((), QUERY) == []
    assert messages(("dns query name=mail.lab", "mail connect"), QUERY, CONNECT) == []
    assert messages(("dns query",), QUERY, QUERY) == [
        (
            "service dns said something that was not expected: "
            "dns query name=mail.lab type=A code=NOERROR"
        )
    ]
    assert messages(("dns query",)) == ["service dns did not say query"]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (7, "7"),
        ("7", "7"),
        (True, "True"),
        (None, "None"),
        (1.5, "1.5"),
        ("a b", "'a b'"),
        ("", ""),
    ],
)
def test_details_are_compared_as_text(value: object, written: str) -> None:
    said = event("message", size=value)
    assert messages((f"mail message size={written}",), said) == []
    assert len(messages(("mail message size=8",), said)) == 2


def test_details_that_a_line_does_not_name_may_have_any_value() -> None:
    assert messages(("mail message to=bob@lab.test",), MESSAGE) == []


def test_a_detail_that_differs_is_told_with_what_was_said() -> None:
    assert messages(("mail message to=eve@lab.test",), MESSAGE) == [
        (
            "service mail did not say message to=eve@lab.test; "
            "it said mail message from=ada@lab.test to=bob@lab.test size=7"
        ),
        f"{NOT_EXPECTED} mail message from=ada@lab.test to=bob@lab.test size=7",
    ]


def test_a_detail_that_an_event_does_not_have_differs_from_every_text() -> None:
    assert len(messages(("mail disconnect error=None",), DISCONNECT)) == 2


def test_a_client_that_talks_and_talks_is_told_in_few_words() -> None:
    found = judge_served((), (event("ehlo", name="x" * 10_000),) * 50)
    assert len(found) == 21
    assert found[-1].message == "and 30 more differences in what the services said"
    assert max(len(one.message) for one in found) < 300


TEXT = st.text(st.characters(codec="utf-8"))
KEYS = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1)


@given(st.dictionaries(KEYS, TEXT | st.integers() | st.booleans() | st.none()))
def test_an_event_as_served_would_write_it_means_that_event(detail: dict[str, object]) -> None:
    said = ServerEvent(service="mail", at_s=0.0, event="message", detail=detail)
    line = served_line(said)
    assert parse_served(line).detail == {key: str(value) for key, value in detail.items()}
    assert judge_served((line,), (said,)) == []
