"""What was seen of a client."""

from __future__ import annotations

import pytest

from labctl.model.result import Ladder, LadderRow, Observation, Outcome, Verdict
from labctl.plugin.lab_result import Seen
from tests.unit.judge.samples import event, exception, expectation, flow, raised, result, returned

BASES = ("http.client.IncompleteRead", "http.client.HTTPException", "Exception", "BaseException")


def seen(observation: Observation, **changes: object) -> Seen:
    made = result(observation, expectation=None, attempt="fetch").model_copy(update=changes)
    return Seen(result=made, observation=observation)


class Own(Exception):
    pass


@pytest.mark.parametrize(
    ("kind", "is_it"),
    [
        ("http.client.IncompleteRead", True),
        ("IncompleteRead", True),
        ("HTTPException", True),
        ("Exception", True),
        ("client.IncompleteRead", False),
        ("Incomplete", False),
        ("OSError", False),
        (Exception, True),
        (OSError, False),
    ],
)
def test_an_exception_is_known_by_its_names_and_bases(
    kind: str | type[BaseException], is_it: bool
) -> None:
    error = exception("http.client.IncompleteRead", bases=BASES)
    assert seen(raised(exception=error)).raised(kind) is is_it


def test_classes_of_tests_and_of_modules_are_known() -> None:
    for name in ("__main__.Own", f"{__name__}.Own"):
        assert seen(raised(exception=exception(name, bases=(name, "Exception")))).raised(Own)
    other = exception("other.Own", bases=("other.Own", "Exception"))
    assert not seen(raised(exception=other)).raised(Own)
    assert not seen(returned()).raised("BaseException")


def test_the_value_is_what_was_returned() -> None:
    assert seen(returned("{'a': [1, None]}")).value == {"a": [1, None]}
    assert seen(returned(None)).value is None
    assert seen(returned("'x'")).returned == "'x'"
    with pytest.raises(ValueError, match=r"^the client returned no plain value: <a b>$"):
        assert seen(returned("<a b>")).value
    with pytest.raises(ValueError, match=r"^the client returned nothing: ConnectionRefusedError: "):
        assert seen(raised()).value


def test_the_rest_is_of_the_observation() -> None:
    ladder = Ladder(hosts=("closed.lab",), rows=(LadderRow(source=0, target=1, text="SYN"),))
    observation = raised(
        flows=(flow(), flow("answered", protocol="dns", host="closed.lab")),
        served=(event("query", service="dns"), event("read", size=1, text="h")),
        stdout="out",
        stderr="err",
    )
    one = seen(observation, ladder=ladder, because="since")
    assert one.exception is observation.exception
    assert one.outcome is Outcome.RAISED
    assert one.elapsed_s == 0.04
    assert one.waited_s == pytest.approx(0.03)
    assert seen(raised(calls=())).waited_s == 0.0
    assert one.stack == observation.stack
    assert one.flows == observation.flows
    assert one.wire == ["tcp closed.lab:2525 refused", "dns closed.lab ? answered"]
    assert [event.event for event in one.served] == ["read"]
    assert one.said == ["mail read size=1 text=h"]
    assert (one.stdout, one.stderr) == ("out", "err")
    assert one.because == "since"
    assert one.ladder.endswith("├─ SYN ──────────────────────────────────────▶│")
    assert "├─ SYN ─" in str(one)
    assert seen(raised()).ladder == ""
    assert seen(raised()).flows == ()


def test_it_is_judged_where_something_was_expected() -> None:
    made = result(raised(), expectation=expectation(attrs={"errno": 5}))
    one = Seen(result=made, observation=raised())
    assert one.verdict is Verdict.FAIL
    assert one.reasons == ("expected errno to be 5, but it was ECONNREFUSED (111)",)
    assert seen(raised()).verdict is None


def test_in_one_line_and_in_many() -> None:
    one = seen(raised())
    assert repr(one) == (
        "<refused-port, fetch on Python 3.13: "
        "ConnectionRefusedError: [Errno 111] Connection refused>"
    )
    assert (
        str(one)
        == """\
  fetch on Python 3.13
  ├─ application ───────────────────────
  │    smtplib:SMTP.__init__
  │    smtplib:SMTP.connect
  │    smtplib:SMTP._get_socket
  ├─ transport ─────────────────────────
  │    socket:create_connection
  ╰▶ ConnectionRefusedError: [Errno 111] Connection refused
       errno 111 is ECONNREFUSED"""
    )


def test_what_a_client_makes_up_steers_no_terminal() -> None:
    odd = exception("\x1b[2J", message="\u202e")
    one = seen(raised(exception=odd))
    assert "\x1b" not in repr(one) + str(one)
    assert "\u202e" not in repr(one) + str(one)
