"""What counts as aimed at the target: by address, and of a server's events those of its port."""

from __future__ import annotations

from typing import Any

from labctl.mark.evidence import RunEvidence
from labctl.mark.rules import apply_rule
from labctl.model.flow_detail import DnsDetail, FlowDetail
from labctl.model.result import Flow, ServerEvent
from tests.unit.judge.samples import flow
from tests.unit.mark.samples import check, evidence, observed

ADDRESS = "198.18.0.11"
LOOKED_UP = flow(
    "answered", protocol="dns", port=53, address="198.18.0.2",
    detail=FlowDetail(dns=DnsDetail(name="closed.lab", type="A", answers=(ADDRESS,))),
)  # fmt: skip
ONCE = check(served="smtp message", times={"min": 1, "max": 1})


def made(port: int, source_port: int, **changes: Any) -> Flow:
    detail = FlowDetail(source="198.18.0.130", source_port=source_port)
    return flow("closed", port=port, detail=detail, **changes)


def message(source_port: int, service: str = "smtp") -> ServerEvent:
    peer = f"198.18.0.130:{source_port}"
    return ServerEvent(service=service, at_s=1, event="message", peer=peer)


def at_smtp(*flows: Flow, served: tuple[ServerEvent, ...] = ()) -> RunEvidence:
    return evidence(observed(LOOKED_UP, *flows, served=served), target_services=frozenset({"smtp"}))


def test_a_message_to_the_target_counts() -> None:
    assert apply_rule(ONCE, at_smtp(made(2525, 40000), served=(message(40000),))).holds


def test_a_message_to_another_port_of_the_target_s_host_does_not() -> None:
    flows = made(2525, 40000), made(2600, 40001)
    found = apply_rule(ONCE, at_smtp(*flows, served=(message(40001),)))
    assert (found.holds, found.actual) == (False, "never")


def test_nor_does_one_by_another_name_of_the_host() -> None:
    flows = made(2525, 40000), made(2600, 40001, host="smtp.lab")
    assert not apply_rule(ONCE, at_smtp(*flows, served=(message(40001),))).holds


def test_one_source_port_for_two_of_the_server_s_is_for_neither() -> None:
    flows = made(2525, 40000), made(2600, 40000)
    assert not apply_rule(ONCE, at_smtp(*flows, served=(message(40000),))).holds


def test_nor_does_what_came_over_no_connection_of_this_run() -> None:
    assert not apply_rule(ONCE, at_smtp(made(2525, 40000), served=(message(39999),))).holds


def test_what_other_services_say_counts_as_it_is() -> None:
    other = check(served="proxy message")
    assert apply_rule(other, at_smtp(made(2525, 40000), served=(message(1, "proxy"),))).holds


def test_a_connection_by_another_name_of_the_host_is_a_try_too() -> None:
    flows = LOOKED_UP, made(2525, 40000), made(2525, 40001, host="smtp.lab")
    assert not apply_rule(check(tries={"min": 1, "max": 1}), evidence(observed(*flows))).holds
    assert apply_rule(check(tries={"min": 2, "max": 2}), evidence(observed(*flows))).holds


def test_another_host_on_the_same_port_is_not() -> None:
    other = made(2525, 40000, host="mail.lab", address="198.18.0.13")
    assert apply_rule(check(tries={"min": 0, "max": 0}), evidence(observed(LOOKED_UP, other))).holds
