"""Runs to their parts: points, hints, doubts; and nothing for a program that never tried."""

from __future__ import annotations

from typing import Any

import pytest

from labctl.mark.client import mark_run, mark_unmade_run, may_be_starved
from labctl.model.exercise import Check
from labctl.model.flow_detail import DnsDetail, FlowDetail
from labctl.model.grade import GradeState
from labctl.model.result import Observation, Origin, Outcome
from labctl.model.scenario import Target
from tests.unit.judge.samples import exception, flow, raised, returned
from tests.unit.mark.samples import PLACEHOLDERS, check, evidence, observed, run, secret, sent

EXIT = check(exit=0, points=2, hint="sys.exit(0)")
QUIET = check(tries={"min": 0, "max": 0}, points=3)
LOOKED_UP = flow("answered", protocol="dns", address="198.18.0.2", port=53, detail=FlowDetail(
    dns=DnsDetail(name="closed.lab", type="A", code="NOERROR"),
))  # fmt: skip


def test_each_check_has_its_mark() -> None:
    part = mark_run(
        run(EXIT, QUIET, title="Nobody listens"), evidence(observed(stdout="o", stderr="e"))
    )
    assert (part.name, part.kind, part.title) == ("client/run", "client", "Nobody listens")
    assert (part.points, part.max_points, part.state) == (2, 5, GradeState.GRADED)
    assert (part.stdout, part.stderr, part.elapsed_s) == ("o", "e", 0.5)
    one, other = part.marks
    assert (one.title, one.expected, one.actual) == (
        "it exits with 0", "it exits with 0", "it exited with 0",
    )  # fmt: skip
    assert (one.points, one.max_points, one.message, one.hint) == (2, 2, "", "sys.exit(0)")
    assert (other.points, other.max_points, other.hint) == (0, 3, "")
    assert (other.actual, other.message) == ("once", "")


@pytest.mark.parametrize("given", [{"hidden": True}, {"bonus": True}])
def test_what_is_hidden_or_a_bonus_is_so_of_the_part(given: dict[str, bool]) -> None:
    for part in (
        mark_run(run(**given), evidence()),
        mark_unmade_run(run(**given), GradeState.ERROR, "it broke"),
    ):
        assert (part.hidden, part.bonus) == (given.get("hidden", False), given.get("bonus", False))


@pytest.mark.parametrize(
    "flows",
    [(), (flow(host="mail.lab"),), (flow(port=25),), (LOOKED_UP.model_copy(update={"host": "x"}),)],
)
def test_who_never_tried_has_no_points(flows: tuple[object, ...]) -> None:
    one = Observation.model_validate({**observed().model_dump(), "flows": flows, "exit": 0})
    part = mark_run(run(EXIT, QUIET), evidence(one))
    why = "it never tried to reach its target"
    assert [(mark.points, mark.actual, mark.message) for mark in part.marks] == [(0, why, "")] * 2
    assert (part.max_points, part.state) == (5, GradeState.GRADED)


@pytest.mark.parametrize(
    "one", [flow(), LOOKED_UP, LOOKED_UP.model_copy(update={"host": "CLOSED.lab"})]
)
def test_to_ask_for_its_name_is_to_try(one: object) -> None:
    made = Observation.model_validate({**observed().model_dump(), "flows": (one,), "exit": 0})
    assert mark_run(run(EXIT), evidence(made)).points == 2


def test_a_target_may_be_an_address() -> None:
    target = Target(host="198.18.0.11", port=2525)
    assert mark_run(run(EXIT), evidence(target=target)).points == 2
    assert mark_run(run(EXIT), evidence(target=Target(host="198.18.0.12", port=2525))).points == 0


def test_of_a_port_the_last_16_bits_count() -> None:
    target = Target(host="closed.lab", port=65536 + 2525)
    assert mark_run(run(EXIT), evidence(target=target)).points == 2


def test_tampering_is_told_and_the_points_are_what_wire_and_servers_say() -> None:
    changed = observed(tampered=("replaced os.write", "replaced os.write"))
    part = mark_run(run(EXIT, check(tries={"min": 1})), evidence(changed))
    assert part.state is GradeState.TAMPERED
    assert part.reasons == ("the program replaced os.write",)
    assert [mark.points for mark in part.marks] == [2, 1]


def test_what_is_no_report_is_tampering() -> None:
    garbled = returned(flows=(flow(),)).model_copy(update={"outcome": Outcome.GARBLED})
    part = mark_run(run(EXIT), evidence(garbled))
    assert part.state is GradeState.TAMPERED
    assert part.reasons == ("what came out of the program's container was not a report",)
    assert part.points == 0


def test_a_doubt_takes_the_points_and_is_told() -> None:
    made = raised(exception=exception(origin=Origin(client=True, line=1, how="raise")))
    rule = check(isa="OSError", points=2)
    part = mark_run(run(rule), evidence(made.model_copy(update={"flows": (flow(),)})))
    assert (part.points, part.state) == (0, GradeState.TAMPERED)
    assert part.reasons == (part.marks[0].message,)
    assert part.reasons[0].startswith("ConnectionRefusedError was raised by the client's own code")


def test_what_could_not_be_made_says_why() -> None:
    part = mark_unmade_run(run(EXIT, check(again_after="reset")), GradeState.ERROR, "it broke")
    assert (part.points, part.max_points, part.state) == (0, 3, GradeState.ERROR)
    assert part.reasons == ("it broke",)
    assert [(mark.title, mark.actual) for mark in part.marks] == [
        ("exit", "it broke"),
        ("again after", "it broke"),
    ]


TWO_SECONDS = check(elapsed={"max": "2s"})


@pytest.mark.parametrize(
    ("what", "changes", "excused"),
    [
        (EXIT, {"exit": 1, "starved_s": 1.0}, True),
        (EXIT, {"exit": 1, "starved_s": 0.1}, False),
        (EXIT, {"exit": 1, "starved_s": 1.0, "process_s": 25.0}, False),
        (EXIT, {"exit": 0, "starved_s": 1.0}, False),
        (QUIET, {"starved_s": 1.0, "lost_packets": 9}, False),
        (EXIT, {"outcome": Outcome.TIMED_OUT, "exit": None, "starved_s": 9.0}, False),
        (
            EXIT,
            {"outcome": Outcome.TIMED_OUT, "exit": None, "cut_short": True, "starved_s": 9},
            True,
        ),
        (EXIT, {"exit": 1, "starved_s": 1.0, "tampered": ("wrote",)}, False),
        # It took 2.4 s, and with what it waited, or the lab did, it is still too slow, or not.
        (TWO_SECONDS, {"starved_s": 0.5}, True),
        (TWO_SECONDS, {"starved_s": 0.3}, False),
        (TWO_SECONDS, {"starved_s": 0.3, "process_s": 2.2}, True),
    ],
)
def test_points_that_a_busy_machine_may_have_cost(
    what: Check, changes: dict[str, Any], excused: bool
) -> None:
    seen = evidence(observed().model_copy(update=changes), took_s=2.4)
    assert may_be_starved(run(what), seen, mark_run(run(what), seen)) is excused


def test_a_secret_that_was_sent_was_sent_on_any_machine() -> None:
    told = secret("{nonce}")
    seen = evidence(observed(starved_s=1.0), wire=sent(PLACEHOLDERS["nonce"].encode()))
    part = mark_run(run(told), seen)
    assert part.points == 0
    assert not may_be_starved(run(told), seen, part)
