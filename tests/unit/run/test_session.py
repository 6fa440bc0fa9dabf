"""Labs that stay for as long as tests need them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from labctl.errors import EngineError, EngineGone
from labctl.model.evidence import Evidence
from labctl.model.plan import PlannedAttempt, PlannedLab
from labctl.model.result import Verdict
from labctl.model.scenario import Scenario
from labctl.run import absence
from labctl.run.attempts import service_names
from labctl.run.session import Session
from tests.unit.fake_engine import LIMIT_S, FakeEngine, FakeLab, service_error
from tests.unit.judge.samples import evidence, planned, report, scenario, service

IN_VAIN_S = 0.1
"""How long a test gives what must not come about."""
ONE = scenario("one")
OTHER = scenario("other", path=Path("other.yaml"))
MORE = scenario("more", services=(*ONE.services, service("mail", "mail.lab")))
APART = scenario("apart", compose=Path("apart/lab.yaml"))
ALONE = scenario("alone", exclusive=True)
ALONE_TOO = scenario("alone-too", exclusive=True)


@dataclass
class Engine(FakeEngine):
    """Notes the services of each lab, too."""

    services: list[list[str]] = field(default_factory=list)
    on_lab: Callable[[], None] = lambda: None
    """Called as each lab starts."""

    @contextmanager
    def lab(self, lab: PlannedLab) -> Iterator[FakeLab]:
        self.services.append([one.name for one in lab.services])
        self.on_lab()
        with super().lab(lab) as running:
            yield running


def attempt(one: Scenario, name: str = "smtplib") -> PlannedAttempt:
    services = service_names(one)
    return planned(scenario=one.name, attempt=name, services=services, expectation=None)


def make(session: Session, *scenarios: Scenario) -> None:
    for one in scenarios:
        session.make(one, attempt(one), limit_s=3.5)


def test_scenarios_of_one_compose_file_share_a_lab_and_a_tap() -> None:
    engine = Engine()
    session = Session(engine, [ONE, OTHER])
    ended = session.make(ONE, attempt(ONE), limit_s=3.5)
    make(session, OTHER, ONE)
    session.close(interrupted=False)
    assert ended.result.scenario == "one"
    assert ended.result.verdict is None
    assert engine.limit_s == 3.5
    assert engine.said == ["lab one up", "tap", "lab one down"]
    assert session.errors == []


def test_the_services_of_all_that_is_expected_start_with_the_first() -> None:
    engine = Engine()
    session = Session(engine, [ONE, MORE])
    make(session, ONE, MORE)
    assert engine.services == [["dns", "closed", "mail"]]


def test_what_was_not_expected_gets_a_lab_with_all_that_was() -> None:
    engine = Engine()
    session = Session(engine, [ONE])
    make(session, ONE, MORE, ONE)
    session.close(interrupted=False)
    assert engine.services == [["dns", "closed"], ["dns", "closed", "mail"]]
    assert engine.said == [
        "lab one up", "tap", "lab one down", "lab one up", "tap", "lab one down"
    ]  # fmt: skip


def test_one_that_needs_nothing_new_needs_not_be_expected() -> None:
    engine = Engine()
    make(Session(engine, [MORE]), MORE, OTHER)
    assert len(engine.services) == 1


def test_another_compose_file_is_another_lab_beside_it() -> None:
    engine = Engine()
    session = Session(engine)
    make(session, ONE, APART, ONE, APART)
    session.close(interrupted=False)
    assert engine.said == [
        "lab one up", "tap", "lab apart up", "tap", "lab one down", "lab apart down"
    ]  # fmt: skip


def test_an_exclusive_scenario_has_its_lab_alone_and_one_at_a_time() -> None:
    engine = Engine()
    session = Session(engine, [ONE, ALONE, ALONE_TOO])
    make(session, ONE, ALONE, ALONE, ALONE_TOO, ONE)
    session.close(interrupted=False)
    assert engine.said == [
        "lab one up", "tap", "lab alone up", "tap", "lab alone down", "lab alone-too up", "tap",
        "lab one down", "lab alone-too down",
    ]  # fmt: skip


def leaving_open(_attempt: PlannedAttempt) -> Evidence:
    """A client that was still running at the end of its time: its connections may go on."""
    return evidence(report(), exit=None)


def test_a_tap_that_is_left_unusable_is_replaced() -> None:
    engine = Engine(leaves=leaving_open)
    session = Session(engine)
    make(session, ONE, ONE)
    session.close(interrupted=False)
    assert engine.said == ["lab one up", "tap", "tap", "lab one down"]


def test_the_next_attempt_is_told_where_it_is_made_in_the_same_lab() -> None:
    engine = Engine()
    session = Session(engine, [ONE, OTHER])
    first, second, third = attempt(ONE, "a"), attempt(OTHER, "b"), attempt(APART, "c")
    session.make(ONE, first, limit_s=1, upcoming=(OTHER, second))
    session.make(OTHER, second, limit_s=1, upcoming=(APART, third))
    session.make(APART, third, limit_s=1)
    assert engine.upcoming == ["b", "", ""]


def test_what_would_need_another_lab_is_not_told() -> None:
    engine = Engine()
    session = Session(engine, [ONE])
    session.make(ONE, attempt(ONE), limit_s=1, upcoming=(MORE, attempt(MORE)))
    assert engine.upcoming == [""]


def broken_at(number: int) -> Callable[[FakeEngine, PlannedAttempt], None]:
    """Clients of which that one breaks the lab."""
    made = iter(range(100))

    def client(_engine: FakeEngine, _attempt: PlannedAttempt) -> None:
        if next(made) == number:
            raise EngineError("it broke", hint="mend it")

    return client


def test_a_lab_that_never_worked_is_not_started_again() -> None:
    engine = Engine(client=broken_at(0))
    session = Session(engine)
    said = []
    for _ in range(3):
        with pytest.raises(EngineError) as error:
            make(session, ONE)
        said.append((error.value.message, error.value.hint))
    assert said == [("it broke", "mend it")] * 3
    make(session, APART)
    assert engine.said == ["lab one up", "tap", "lab one down", "lab apart up", "tap"]


def test_one_that_can_not_start_is_not_tried_again() -> None:
    engine = Engine(broken_labs=frozenset({"one"}))
    session = Session(engine)
    for _ in range(2):
        with pytest.raises(EngineError, match="lab one can't start"):
            make(session, ONE)
    assert len(engine.services) == 1


def test_one_that_worked_goes_on_with_another_tap() -> None:
    engine = Engine(client=broken_at(1))
    session = Session(engine)
    make(session, ONE)
    with pytest.raises(EngineError, match="it broke"):
        make(session, ONE)
    make(session, ONE)
    assert engine.said == ["lab one up", "tap", "tap"]


def test_one_whose_service_has_ended_since_is_started_again_for_the_next_attempt() -> None:
    engine = Engine()
    session = Session(engine, [ONE, MORE])
    make(session, ONE, MORE)
    engine.broken_services["mail"] = True
    make(session, ONE)
    assert engine.said == ["lab one up", "tap"]
    engine.on_lab = engine.broken_services.clear
    make(session, MORE)
    assert engine.said == ["lab one up", "tap", "lab one down", "lab one up", "tap"]


def test_one_in_which_no_tap_starts_any_more_is_started_again() -> None:
    engine = Engine(leaves=leaving_open)
    session = Session(engine)
    make(session, ONE)
    engine.broken_taps = 1
    make(session, ONE)
    assert engine.said == ["lab one up", "tap", "lab one down", "lab one up", "tap"]


@pytest.mark.parametrize("was_ready", [False, True])
def test_a_service_that_never_worked_is_given_up_and_the_others_go_on(was_ready: bool) -> None:
    def client(engine: FakeEngine, attempt: PlannedAttempt) -> None:
        engine.say(attempt.scenario)
        if "mail" in attempt.services:
            raise service_error("mail", was_ready=was_ready)

    engine = Engine(client=client)
    session = Session(engine, [MORE, ONE])
    for _ in range(2):
        with pytest.raises(EngineError, match="service mail died"):
            make(session, MORE)
        make(session, ONE)
    assert engine.said == ["lab more up", "tap", "more", "tap", "one", "one"]


def test_a_service_that_is_known_not_to_start_is_not_started_in_another_lab() -> None:
    engine = Engine()
    session = Session(engine, [ONE, MORE])
    make(session, ONE)
    engine.broken_services["mail"] = False
    with pytest.raises(EngineError, match="service mail died"):
        make(session, MORE)
    make(session, ONE)
    assert engine.said == ["lab one up", "tap"]


def test_an_attempt_whose_engine_went_away_is_made_again_in_a_new_lab() -> None:
    to_falter = ["gone", "gone"]

    def client(engine: FakeEngine, made: PlannedAttempt) -> None:
        engine.say(made.attempt)
        if to_falter:
            raise EngineGone(to_falter.pop())

    told: list[str] = []
    engine = Engine(client=client)
    session = Session(engine, on_gone=lambda: told.append("gone"))
    ended = session.make(ONE, attempt(ONE), limit_s=1)
    assert ended.result.verdict is not Verdict.ERROR
    start = ["lab one up", "tap", "smtplib"]
    assert engine.said == [*[*start, "lab one down", "sweep lost"] * 2, *start]
    assert told == [], "an engine that is back at once is not waited for"
    session.close(interrupted=False)
    assert session.errors == []


def test_an_engine_that_falters_while_it_removes_lost_labs_costs_no_attempt() -> None:
    to_falter = ["gone"]

    def client(_engine: FakeEngine, _made: PlannedAttempt) -> None:
        if to_falter:
            raise EngineGone(to_falter.pop())

    engine = Engine(client=client)
    engine.sweep_errors = [EngineGone("gone again"), EngineError("2 containers are left")]
    session = Session(engine)
    make(session, ONE)
    session.close(interrupted=False)
    assert engine.said.count("sweep lost") == 2
    assert [one.message for one in session.errors] == ["2 containers are left"]
    assert engine.said[-1] == "sweep"


def test_an_engine_that_stays_away_breaks_every_attempt_and_waits_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []

    class Absent(Engine):
        def answers(self) -> bool:
            asked[-1] += 1
            return False

    def client(_engine: FakeEngine, _made: PlannedAttempt) -> None:
        raise EngineGone("gone")

    monkeypatch.setattr(absence, "PATIENCE_S", 0.1)
    told: list[str] = []
    session = Session(Absent(client=client), on_gone=lambda: told.append("gone"))
    for _ in range(3):
        asked.append(0)
        with pytest.raises(EngineGone, match=r"did not answer for 0\.1 s"):
            make(session, ONE)
    assert told == ["gone"]
    assert asked[0] > 1
    assert asked[1:] == [1, 1], "it is not waited for again"


def test_what_the_engine_does_not_let_go_of_is_noted() -> None:
    session = Session(Engine(held=EngineError("the engine does not let go of it")))
    make(session, ONE)
    session.close(interrupted=False)
    assert [one.message for one in session.errors] == ["the engine does not let go of it"]


def test_a_lab_that_can_not_be_taken_down_is_noted_and_swept() -> None:
    engine = Engine(stuck_labs=frozenset({"one"}))
    session = Session(engine)
    make(session, ONE, APART)
    session.close(interrupted=False)
    assert [one.message for one in session.errors] == ["lab one can't be removed"]
    assert engine.said[-3:] == ["lab one down", "lab apart down", "sweep"]


def test_after_an_interruption_the_engine_is_stopped_first() -> None:
    engine = Engine(stop_error=EngineError("it does not stop"))
    session = Session(engine)
    make(session, ONE)
    session.close(interrupted=True)
    assert engine.said[2:] == ["stop", "lab one down", "sweep"]
    assert [one.message for one in session.errors] == ["it does not stop"]


def test_threads_wait_for_each_other() -> None:
    begun, second = threading.Event(), threading.Event()

    def client(_engine: FakeEngine, _attempt: PlannedAttempt) -> None:
        if begun.is_set():
            second.set()
        begun.set()
        second.wait(IN_VAIN_S)

    engine = Engine(client=client)
    session = Session(engine)
    threads = [threading.Thread(target=make, args=(session, ONE)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)
    assert engine.busiest == 1
    assert len(engine.services) == 1


def test_the_expectation_is_judged() -> None:
    session = Session(Engine())
    made = planned(scenario="one")
    ended = session.make(ONE, made, limit_s=1)
    assert ended.result.verdict is Verdict.FAIL
    assert ended.attempt is made
