"""The runner on an engine that is made of events and locks: what runs when, and what is kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn

import pytest

from labctl.errors import EngineError, EngineGone, Terminated
from labctl.judge import judge
from labctl.model.evidence import Capture, Evidence
from labctl.model.packet import RawPacket
from labctl.model.plan import Plan, PlannedAttempt, PlannedLab
from labctl.model.result import Observation, Outcome, Verdict
from labctl.results.attempt import attempt_result, lab_error_result
from labctl.run import absence
from labctl.run.absence import STARTS
from labctl.run.examine import EndedAttempt, read_capture
from labctl.run.runner import Runner
from labctl.run.signals import terminable
from labctl.run.turns import Turns
from tests.unit.fake_engine import LIMIT_S, FakeEngine, interrupted, lab, press, service_error
from tests.unit.judge.samples import evidence, expectation, planned, raised, report, returned
from tests.unit.wire import build
from tests.unit.wire.captures import recorded

IN_VAIN_S = 0.1
"""How long a test gives what must not come about."""


def plan_of(*labs: PlannedLab) -> Plan:
    return Plan(labs=labs)


@dataclass
class Run:
    """A runner with what it told."""

    engine: FakeEngine
    jobs: int = 1
    told: list[EndedAttempt] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.runner = Runner(self.engine, jobs=self.jobs, limit_s=3.5)

    def go(self, *labs: PlannedLab) -> Run:
        for ended in self.runner.run(plan_of(*labs)):
            self.told.append(ended)
        return self

    @property
    def verdicts(self) -> dict[str, str]:
        return {r.attempt: str(r.verdict) for r in self.runner.results}

    @property
    def reasons(self) -> dict[str, Sequence[str]]:
        results = self.runner.results
        return {r.attempt: r.reasons for r in results if r.verdict is Verdict.ERROR}

    @property
    def errors(self) -> list[str]:
        return [error.message for error in self.runner.errors]


def test_every_attempt_is_made_once_and_told() -> None:
    engine = FakeEngine()
    run = Run(engine).go(lab("a", 3), lab("b", 1))
    assert engine.limit_s == 3.5
    assert sorted(run.verdicts) == ["a1", "a2", "a3", "b1"]
    assert len(run.runner.results) == 4
    assert [ended.without_bulk().result for ended in run.told] == run.runner.results
    assert {ended.attempt.attempt for ended in run.told} == set(run.verdicts)
    assert not run.errors


def test_one_job_makes_attempts_in_order_in_one_tap() -> None:
    engine = FakeEngine(client=lambda e, a: e.say(a.attempt))
    Run(engine).go(lab("a", 3))
    assert engine.said == ["lab a up", "tap", "a1", "a2", "a3", "lab a down"]


@pytest.mark.parametrize("labs", [[6], [3, 3], [2, 2, 2]])
def test_attempts_run_side_by_side_and_never_more_than_jobs(labs: list[int]) -> None:
    together = threading.Barrier(2)
    too_many = threading.Event()

    def meet(engine: FakeEngine, _attempt: PlannedAttempt) -> None:
        together.wait(LIMIT_S)  # passes only when another attempt is in progress
        if engine.busy > 2:
            too_many.set()
        too_many.wait(IN_VAIN_S)

    engine = FakeEngine(client=meet)
    run = Run(engine, jobs=2).go(*(lab("abc"[n], count) for n, count in enumerate(labs)))
    assert engine.busiest == 2
    assert len(run.verdicts) == 6
    assert not run.reasons


def starved(*times: str) -> FakeEngine:
    """An engine on which the first attempt of each name is late, as often as it is given here."""
    late = list(times)

    def leaves(attempt: PlannedAttempt) -> Evidence:
        if attempt.attempt not in late:
            return evidence(report())
        late.remove(attempt.attempt)
        return evidence(report(elapsed_s=12.0, starved_s=4.13), elapsed_s=12.5)

    return FakeEngine(client=lambda e, a: e.say(a.attempt), leaves=leaves)


def bounded(name: str, attempts: int) -> PlannedLab:
    """A lab whose attempts have ten seconds each."""
    made = lab(name, attempts)
    wanted = expectation(attrs=None, stack=None, elapsed={"max": "10s"})
    return replace(made, attempts=tuple(replace(a, expectation=wanted) for a in made.attempts))


def test_a_starved_attempt_that_failed_is_made_again_and_the_second_counts() -> None:
    engine = starved("a2")
    run = Run(engine).go(bounded("a", 3))
    assert engine.said == ["lab a up", "tap", "a1", "a2", "a2", "a3", "lab a down"]
    assert set(run.verdicts.values()) == {"pass"}
    assert [r.attempt for r in run.runner.results if r.made_again] == ["a2"]
    assert len(run.told) == 3


def test_one_that_is_starved_twice_is_inconclusive_and_says_why() -> None:
    run = Run(starved("a1", "a1")).go(bounded("a", 2))
    assert run.verdicts == {"a1": "inconclusive", "a2": "pass"}
    (first,) = [r for r in run.runner.results if r.attempt == "a1"]
    assert first.reasons[0] == (
        "the client and its services waited 4.1 s for a processor: the machine was too busy to tell"
    )
    assert first.made_again


def test_it_is_made_again_with_nothing_beside_it() -> None:
    engine = starved("a1", "a1", "b1", "b1")
    beside: list[int] = []
    tries: dict[str, int] = {}

    def client(engine: FakeEngine, attempt: PlannedAttempt) -> None:
        tries[attempt.attempt] = tries.get(attempt.attempt, 0) + 1
        if tries[attempt.attempt] > 1:
            beside.append(engine.busy)

    engine.client = client
    run = Run(engine, jobs=3).go(bounded("a", 3), bounded("b", 2), lab("c", 4))
    assert beside == [1, 1]
    assert sorted(name for name, v in run.verdicts.items() if v == "inconclusive") == ["a1", "b1"]


def test_a_run_alone_prepares_nothing_beside_its_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    alone: list[str] = []
    real = Turns.alone

    @contextmanager
    def counted(turns: Turns) -> Iterator[None]:
        alone.append("")
        with real(turns):
            yield

    monkeypatch.setattr(Turns, "alone", counted)
    engine = FakeEngine()
    runner = Runner(engine, jobs=1, limit_s=3.5, alone=True)
    assert len(list(runner.run(plan_of(lab("a", 3))))) == 3
    assert engine.upcoming == ["", "", ""]
    assert len(alone) == 3


def test_no_more_workers_are_put_to_work_than_there_are_attempts() -> None:
    engine = FakeEngine()
    Run(engine, jobs=8).go(lab("a", 2))
    assert engine.said.count("tap") <= 2


def test_a_tap_is_told_which_attempt_comes_next() -> None:
    engine = FakeEngine()
    Run(engine).go(lab("a", 3))
    assert engine.upcoming == ["a2", "a3", ""]


def test_a_worker_keeps_no_attempt_for_itself_that_another_could_make() -> None:
    engine = FakeEngine()
    Run(engine, jobs=2).go(lab("a", 2))
    assert engine.upcoming == ["", ""]


def test_what_was_to_come_next_is_an_error_too_where_no_tap_starts_any_more() -> None:
    def breaks(engine: FakeEngine, attempt: PlannedAttempt) -> None:
        if attempt.attempt == "a2":
            engine.broken_taps = 9
            raise EngineError("it broke")

    run = Run(FakeEngine(client=breaks)).go(lab("a", 4))
    assert run.verdicts == {"a1": "fail", "a2": "error", "a3": "error", "a4": "error"}


def test_serial_labs_make_one_attempt_at_a_time() -> None:
    engine = FakeEngine()
    Run(engine, jobs=4).go(replace(lab("a", 8), serial=True))
    assert (engine.busiest, engine.said.count("tap")) == (1, 1)


def test_a_serial_lab_that_broke_is_given_up() -> None:
    def breaks(engine: FakeEngine, attempt: PlannedAttempt) -> None:
        engine.say(attempt.attempt)
        if attempt.attempt == "a2":
            raise EngineError("it broke")

    engine = FakeEngine(client=breaks)
    run = Run(engine).go(replace(lab("a", 4), serial=True))
    assert run.verdicts == {"a1": "fail", "a2": "error", "a3": "error", "a4": "error"}
    assert engine.said == ["lab a up", "tap", "a1", "a2", "lab a down"]


def mixed(*needs: str) -> PlannedLab:
    """A lab whose attempts need one service each."""
    made = lab("a", len(needs))
    pairs = zip(made.attempts, needs, strict=True)
    return replace(made, attempts=tuple(replace(one, services=(need,)) for one, need in pairs))


@pytest.mark.parametrize("was_ready", [False, True])
def test_a_broken_service_is_an_error_of_the_attempts_that_need_it_alone(was_ready: bool) -> None:
    engine = FakeEngine(client=lambda e, a: e.say(a.attempt), broken_services={"mail": was_ready})
    run = Run(engine).go(mixed("mail", "closed", "mail", "closed"))
    assert run.verdicts == {"a1": "error", "a2": "fail", "a3": "error", "a4": "fail"}
    assert run.reasons == {"a1": ("service mail died",), "a3": ("service mail died",)}
    assert engine.said == ["lab a up", "tap", "a2", "a4", "lab a down"]
    assert not run.errors


def test_a_service_that_breaks_while_its_attempt_is_made_costs_the_others_nothing() -> None:
    def breaks(_engine: FakeEngine, attempt: PlannedAttempt) -> None:
        if "mail" in attempt.services:
            raise service_error("mail", was_ready=True)

    run = Run(FakeEngine(client=breaks)).go(mixed("mail", "closed", "closed"))
    assert run.verdicts == {"a1": "error", "a2": "fail", "a3": "fail"}


def test_a_serial_lab_goes_on_without_a_service_that_never_got_ready() -> None:
    engine = FakeEngine(broken_services={"mail": False})
    run = Run(engine).go(replace(mixed("closed", "mail", "closed"), serial=True))
    assert run.verdicts == {"a1": "fail", "a2": "error", "a3": "fail"}
    assert not run.errors


def test_a_serial_lab_is_given_up_when_an_attempt_needs_a_service_that_has_ended() -> None:
    engine = FakeEngine(broken_services={"mail": True})
    run = Run(engine).go(replace(mixed("closed", "mail", "closed"), serial=True))
    assert run.verdicts == {"a1": "fail", "a2": "error", "a3": "error"}
    assert run.errors == ["service mail died"]


def test_an_attempt_that_the_lab_broke_is_an_error_and_the_next_has_a_fresh_tap() -> None:
    def break_second(engine: FakeEngine, attempt: PlannedAttempt) -> None:
        engine.say(attempt.attempt)
        if attempt.attempt == "a2":
            raise EngineError("the tap is gone", hint="see the log")

    engine = FakeEngine(client=break_second)
    run = Run(engine).go(lab("a", 3))
    assert engine.said == ["lab a up", "tap", "a1", "a2", "tap", "a3", "lab a down"]
    assert run.reasons == {"a2": ("the tap is gone", "see the log")}
    assert len(run.verdicts) == 3
    assert not run.errors


def test_a_lab_that_cannot_start_is_an_error_of_all_its_attempts_and_of_no_others() -> None:
    run = Run(FakeEngine(broken_labs=frozenset("a"))).go(lab("a", 2), lab("b", 2))
    why = ("lab a can't start", "look at its log")
    assert run.reasons == {"a1": why, "a2": why}
    assert set(run.verdicts) == {"a1", "a2", "b1", "b2"}
    assert len(run.told) == 4
    assert run.errors == ["lab a can't start"]


def test_where_no_tap_starts_the_attempts_are_errors() -> None:
    run = Run(FakeEngine(broken_taps=99), jobs=3).go(lab("a", 5))
    assert set(run.reasons.values()) == {("a tap can't start",)}
    assert len(run.reasons) == 5


def test_where_one_tap_does_not_start_the_attempts_are_made_in_the_others() -> None:
    run = Run(FakeEngine(broken_taps=1), jobs=2).go(lab("a", 5))
    assert not run.reasons
    assert len(run.verdicts) == 5
    assert run.errors == ["a tap can't start"]


def test_a_lab_that_cannot_be_taken_down_is_a_trouble_and_no_verdict() -> None:
    run = Run(FakeEngine(stuck_labs=frozenset("a"))).go(lab("a", 2))
    assert not run.reasons
    assert len(run.verdicts) == 2
    assert run.errors == ["lab a can't be removed"]


def test_attempts_are_told_what_broke_first_and_the_rest_is_trouble() -> None:
    run = Run(FakeEngine(broken_taps=1, stuck_labs=frozenset("a"))).go(lab("a", 2))
    assert set(run.reasons.values()) == {("a tap can't start",)}
    assert run.errors == ["a tap can't start", "lab a can't be removed"]


def test_an_error_that_tells_another_in_its_own_words_is_one() -> None:
    class Engine(FakeEngine):
        def lab(self, lab: PlannedLab) -> NoReturn:
            raise EngineError(f"{lab.scenarios[0]} needs it") from EngineError("no image")

    run = Run(Engine()).go(lab("a", 1))
    assert run.errors == ["a needs it"]


def faltering(*names: str, returns: int = 0) -> FakeEngine:
    """An engine that goes away whenever one of these attempts is made, as often as it is given, and
    that answers when it was asked `returns` times in vain.
    """
    to_falter = list(names)

    class Engine(FakeEngine):
        asked = 0

        def answers(self) -> bool:
            self.asked += 1
            return self.asked > returns

    def client(engine: FakeEngine, attempt: PlannedAttempt) -> None:
        engine.say(attempt.attempt)
        if attempt.attempt in to_falter:
            to_falter.remove(attempt.attempt)
            raise EngineGone("starting the tap: no engine")

    return Engine(client=client)


@pytest.mark.parametrize("serial", [False, True])
def test_a_lab_whose_engine_went_away_is_started_anew_for_the_attempts_that_are_left(
    serial: bool,
) -> None:
    engine = faltering("a2")
    run = Run(engine).go(replace(lab("a", 4), serial=serial))
    made = sorted(say for say in engine.said if say[0] == "a")
    assert made == ["a1", "a2", "a2", "a3", "a4"], "what was won is kept"
    first = engine.said[: engine.said.index("lab a down") + 3]
    assert first[-3:] == ["lab a down", "sweep lost", "lab a up"]
    assert set(run.verdicts) == {"a1", "a2", "a3", "a4"}
    assert not run.reasons
    assert not run.errors


def test_an_engine_that_goes_away_is_told_once_and_waited_for_by_all_labs() -> None:
    told: list[str] = []
    run = Run(faltering("a1", "b1", "c1", returns=3), jobs=3)
    run.runner = Runner(run.engine, jobs=3, limit_s=1, on_gone=lambda: told.append("gone"))
    run.go(lab("a", 2), lab("b", 2), lab("c", 2))
    assert told == ["gone"]
    assert len(run.verdicts) == 6
    assert not run.reasons


def test_an_engine_that_stays_away_costs_the_attempts_that_are_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(absence, "PATIENCE_S", 0.1)
    run = Run(faltering("a2", "b1", returns=1000)).go(lab("a", 3), lab("b", 1))
    assert run.verdicts["a1"] != "error"
    assert set(run.reasons) == {"a2", "a3", "b1"}
    assert {reasons[0] for reasons in run.reasons.values()} == {
        "the engine went away, and did not answer for 0.1 s"
    }
    assert set(run.errors) == {"the engine went away, and did not answer for 0.1 s"}


def test_an_engine_that_goes_away_again_at_once_is_waited_for_again() -> None:
    engine = faltering("a2")
    engine.sweep_errors = [EngineGone("it has gone again"), EngineGone("and again")]
    run = Run(engine).go(lab("a", 3))
    assert engine.said.count("sweep lost") == 3
    assert engine.said.count("lab a up") == 2
    assert set(run.verdicts) == {"a1", "a2", "a3"}
    assert not run.reasons
    assert not run.errors


def test_what_an_engine_that_is_back_does_not_remove_is_a_trouble_and_no_verdict() -> None:
    engine = faltering("a2")
    engine.sweep_errors = [EngineError("after 20 s there are still 2 containers")]
    run = Run(engine).go(lab("a", 3))
    assert set(run.verdicts) == {"a1", "a2", "a3"}
    assert not run.reasons
    assert run.errors == ["after 20 s there are still 2 containers"]


def test_an_engine_that_goes_away_again_and_again_is_given_up() -> None:
    run = Run(faltering(*["a1"] * 99)).go(lab("a", 1))
    assert run.engine.said.count("lab a up") == STARTS
    assert run.reasons == {"a1": ("starting the tap: no engine",)}


def test_a_lab_that_breaks_for_its_own_reason_is_not_started_anew() -> None:
    engine = FakeEngine(broken_labs=frozenset("a"))
    Run(engine).go(lab("a", 2))
    assert "sweep lost" not in engine.said


@pytest.mark.usefixtures("_ctrl_c")
def test_an_interruption_ends_the_waiting_for_an_engine() -> None:
    engine = faltering("a1", returns=1_000_000)
    run = Run(engine)
    run.runner = Runner(engine, jobs=1, limit_s=1, on_gone=lambda: press(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        run.go(lab("a", 2))
    assert not run.verdicts
    assert "stop" in engine.said


@pytest.fixture
def _ctrl_c() -> Iterator[None]:
    """SIGINT raises, even where the tests run in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


interrupt = interrupted(signal.SIGINT, "a2")


@pytest.mark.usefixtures("_ctrl_c")
@pytest.mark.parametrize("stop_error", [None, EngineError("the engine has gone")])
def test_an_interruption_stops_the_engine_and_keeps_what_was_won(
    stop_error: EngineError | None,
) -> None:
    engine = FakeEngine(client=interrupt, stop_error=stop_error)
    run = Run(engine)
    with pytest.raises(KeyboardInterrupt):
        run.go(lab("a", 4), lab("b", 4))
    assert engine.said == ["lab a up", "tap", "a1", "a2", "stop", "lab a down"]
    assert list(run.verdicts) == ["a1"]
    assert [ended.attempt.attempt for ended in run.told] == ["a1"]
    assert not run.reasons


@pytest.mark.usefixtures("_ctrl_c")
def test_an_interruption_leaves_no_errors_of_attempts_in_labs_side_by_side() -> None:
    other_begun = threading.Event()

    def client(engine: FakeEngine, attempt: PlannedAttempt) -> None:
        if attempt.scenario == "b":
            other_begun.set()
            assert engine.stopped.wait(LIMIT_S)
            raise EngineError("the run was stopped")
        assert other_begun.wait(LIMIT_S)
        interrupt(engine, attempt)

    engine = FakeEngine(client=client)
    run = Run(engine, jobs=4)  # of which one lab with three attempts can't take all
    with pytest.raises(KeyboardInterrupt):
        run.go(lab("a", 3), lab("b", 3))
    assert not run.reasons
    assert set(run.verdicts) <= {"a1", "a3"}
    assert {"lab a down", "lab b down"} <= set(engine.said)
    assert engine.busy == 0


def test_a_bug_in_a_worker_is_raised_and_the_others_need_not_go_on() -> None:
    def client(_engine: FakeEngine, attempt: PlannedAttempt) -> None:
        if attempt.attempt == "a2":
            raise ValueError("a bug")

    engine = FakeEngine(client=client)
    run = Run(engine)
    with pytest.raises(ValueError, match="a bug"):
        run.go(lab("a", 4), lab("b", 4))
    assert list(run.verdicts) == ["a1"]
    assert engine.said == ["lab a up", "tap", "lab a down"]


def test_a_bug_is_raised_whatever_else_breaks_with_it() -> None:
    def client(_engine: FakeEngine, _attempt: PlannedAttempt) -> None:
        raise ValueError("a bug")

    engine = FakeEngine(client=client, broken_taps=1, stuck_labs=frozenset("a"))
    with pytest.raises(ValueError, match="a bug"):
        Run(engine, jobs=2).go(lab("a", 4))


def test_a_caller_that_gives_up_has_the_lab_removed() -> None:
    engine = FakeEngine()
    attempts = Runner(engine, jobs=2, limit_s=3.5).run(plan_of(lab("a", 4)))
    next(attempts)
    attempts.close()
    assert engine.said[-2:] == ["stop", "lab a down"]
    assert engine.busy == 0


def test_what_is_to_be_prepared_is_so_before_the_first_attempt_is_there() -> None:
    is_prepared = threading.Event()

    def prepare() -> None:
        is_prepared.wait(IN_VAIN_S)
        is_prepared.set()

    for _ in Runner(FakeEngine(), jobs=2, limit_s=3.5, prepare=prepare).run(plan_of(lab("a", 2))):
        assert is_prepared.is_set()


def test_what_can_not_be_prepared_is_raised_and_the_lab_is_removed() -> None:
    engine = FakeEngine()

    def prepare() -> None:
        raise ValueError("not today")

    with pytest.raises(ValueError, match="not today"):
        list(Runner(engine, jobs=2, limit_s=3.5, prepare=prepare).run(plan_of(lab("a", 9))))
    assert engine.said.count("lab a up") == engine.said.count("lab a down")
    assert engine.busy == 0


def test_attempts_wait_for_the_caller_and_their_results_are_there() -> None:
    runner = Runner(FakeEngine(), jobs=4, limit_s=3.5)
    counts: list[int] = []
    for ended in runner.run(plan_of(lab("a", 4), lab("b", 4))):
        assert ended.without_bulk().result == runner.results[-1]
        counts.append(len(runner.results))
    assert counts == list(range(1, 9))


def test_the_last_attempt_is_there_while_the_lab_still_stands() -> None:
    engine = FakeEngine()
    for ended in Runner(engine, jobs=1, limit_s=3.5).run(plan_of(lab("a", 2))):
        engine.say(ended.attempt.attempt)
    assert engine.said == ["lab a up", "tap", "a1", "a2", "lab a down"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_while_the_caller_deals_with_an_attempt(number: signal.Signals) -> None:
    engine = FakeEngine()
    told: list[str] = []
    with terminable(), pytest.raises((KeyboardInterrupt, Terminated)):  # noqa: PT012 a loop
        for ended in Runner(engine, jobs=1, limit_s=3.5).run(plan_of(lab("a", 4))):
            if not told:
                press(number)
            told.append(ended.attempt.attempt)
    assert told[0] == "a1"
    assert len(told) < 4
    assert engine.said[-2:] == ["stop", "lab a down"]


def test_what_had_ended_before_a_signal_is_not_lost() -> None:
    """Both attempts have ended, and the caller has dealt with one, when the signal is raised."""
    both = threading.Barrier(2)

    def client(_engine: FakeEngine, _attempt: PlannedAttempt) -> None:
        both.wait(LIMIT_S)

    runner = Runner(FakeEngine(client=client), jobs=2, limit_s=3.5)
    told = []
    with terminable(), pytest.raises(KeyboardInterrupt):  # noqa: PT012 a loop
        for ended in runner.run(plan_of(lab("a", 2))):
            told.append(ended.attempt.attempt)
            press(signal.SIGINT)
    assert sorted(told) == ["a1", "a2"]
    assert len(runner.results) == 2


def ended(observed: Observation | None, capture: Capture | None = None) -> EndedAttempt:
    made = planned(expectation=None)
    if observed is None:
        return EndedAttempt(attempt=made, result=lab_error_result(made, EngineError("no")))
    return EndedAttempt(
        attempt=made,
        result=attempt_result(made, observed, judge(None, observed)),
        capture=capture,
        wire=read_capture(capture) if capture else None,
    )


@pytest.mark.parametrize(
    ("observed", "name", "traces"),
    [
        (raised(), "refused", False),
        (returned(), "greeting", False),
        (raised(), "early-fin", False),
        (raised(), "", False),
        (raised(), "open", True),
        (returned(), "open", True),
        (returned(lost_packets=1), "", True),
        (Observation(outcome=Outcome.TIMED_OUT), "greeting", True),
        (Observation(outcome=Outcome.KILLED), "", True),
        (Observation(outcome=Outcome.GARBLED), "refused", True),
        (Observation(outcome=Outcome.EXITED, exit=0), "refused", True),
        (Observation(outcome=Outcome.OUT_OF_MEMORY), "refused", True),
        (None, "", True),
    ],
)
def test_who_ends_without_a_word_or_leaves_a_connection_open_is_dirty(
    observed: Observation | None, name: str, traces: bool
) -> None:
    captures = {"": None, "open": captured(*still_open())}
    capture = captures[name] if name in captures else captured(*recorded(name))
    assert ended(observed, capture).is_dirty is traces


def still_open() -> list[RawPacket]:
    made = build.Capture()
    made.connection(build.MAIL, 25).syn().accept()
    return made.raws


def captured(*packets: RawPacket) -> Capture:
    return Capture(packets=packets, lost=0, names={}, resolvers=())


def test_after_an_attempt_that_is_dirty_the_next_has_a_fresh_tap() -> None:
    def leaves(attempt: PlannedAttempt) -> Evidence:
        capture = captured(*still_open()) if attempt.attempt == "a1" else None
        out = attempt.attempt == "a3"
        return evidence(b"" if out else report(), exit=None if out else 0, capture=capture)

    engine = FakeEngine(client=lambda e, a: e.say(a.attempt), leaves=leaves)
    run = Run(engine).go(lab("a", 4))
    assert engine.said == [
        "lab a up", "tap", "a1", "tap", "a2", "a3", "tap", "a4", "lab a down",
    ]  # fmt: skip
    assert [one.wire is None for one in run.told] == [False, True, True, True]
    assert run.told[0].capture is not None


def test_what_the_tap_saw_is_judged() -> None:
    def leaves(_attempt: PlannedAttempt) -> Evidence:
        return evidence(report(), capture=captured(*still_open()))

    made = planned(expectation=expectation(stack=None, attrs=None, wire="nothing"))
    one = PlannedLab(compose=Path("a.yaml"), scenarios=("a",), services=(), attempts=(made,))
    (result,) = Run(FakeEngine(leaves=leaves)).go(one).runner.results
    assert result.reasons == (
        f"expected nothing on the wire, but `tcp {build.MAIL}:25 open` is there",
    )
