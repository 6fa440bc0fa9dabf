"""What the client makes of a network that fails: each test runs it in a lab where that happens."""

from __future__ import annotations

from labctl.plugin import Lab

from orders import Busy, Orders, Unanswered, Unreachable


def place(host: str, port: int, tries: int = 3) -> int:
    return Orders(host, port, timeout_s=0.5, tries=tries).place("tea")


def status(host: str, port: int) -> str:
    return Orders(host, port, timeout_s=0.5).status(17)


def test_an_order_is_placed_again_where_nothing_listens(lab: Lab) -> None:
    seen = lab.run("refused-port", place)
    assert seen.raised(Unreachable)
    assert seen.exception.cause.type == "ConnectionRefusedError"
    assert seen.wire.count("tcp closed.lab:2525 refused") == 3


def test_where_there_is_no_such_host_none_is_tried(lab: Lab) -> None:
    seen = lab.run("unresolvable-host", place)
    assert seen.raised(Unreachable)
    assert seen.exception.cause.type == "socket.gaierror"
    assert not [flow for flow in seen.flows if flow.protocol == "tcp"]


def test_an_order_that_may_have_arrived_is_not_placed_again(lab: Lab) -> None:
    seen = lab.run("reset-on-read", place)
    assert seen.raised(Unanswered)
    assert seen.wire.count("tcp tcp.lab:2001 reset") == 1


def test_to_ask_again_does_no_harm(lab: Lab) -> None:
    seen = lab.run("reset-on-read", status)
    assert seen.raised(Unanswered)
    assert seen.wire.count("tcp tcp.lab:2001 reset") == 3


def test_a_silent_shop_is_waited_for_in_vain_once(lab: Lab) -> None:
    seen = lab.run("silent-server", place)
    assert seen.raised(Unanswered)
    assert len([flow for flow in seen.flows if flow.protocol == "tcp"]) == 1
    assert 0.5 <= seen.waited_s < 5


def test_half_an_answer_is_none(lab: Lab) -> None:
    seen = lab.run("http-short-body", status)
    assert seen.raised(Unanswered)
    assert seen.exception.cause.type == "http.client.IncompleteRead"


def test_a_busy_shop_takes_the_order_a_moment_later(lab: Lab) -> None:
    """The scenario is this project's own."""
    seen = lab.run("busy-once", place)
    assert seen.value == 17
    assert sum("POST /orders" in line for line in seen.said) == 2


def test_unless_it_may_ask_only_once(lab: Lab) -> None:
    seen = lab.run("busy-once", place, args={"tries": 1})
    assert seen.raised(Busy)
