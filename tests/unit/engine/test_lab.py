"""Labs on a Runtime in memory: services, taps, attempts, and what is left in the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from labctl.engine import service as service_module
from labctl.engine.container_engine import ContainerEngine
from labctl.engine.runtime import InNamespaceOf, OnNetwork
from labctl.errors import EngineError
from labctl.model.compose import Attachment, Dependency, Service
from labctl.model.plan import PlannedAttempt, PlannedLab
from tests.unit.engine.fake_runtime import (
    CLIENT_ADDRESS,
    FakeRuntime,
    Write,
    event,
    service,
)
from tests.unit.judge.samples import planned

LIMIT_S = 5.0
DNS = Service(name="dns", image="labctl/lab", command=("dns",))
MAIL = Service(
    name="mail",
    image="labctl/lab",
    networks={"lab": Attachment(aliases=("mail.lab",), ipv4_address="198.18.0.11")},
)
WEB = Service(name="web", image="own/web")


def attempt(name: str = "smtplib") -> PlannedAttempt:
    return planned(key=name, attempt=name)


def lab_of(*services: Service) -> PlannedLab:
    return PlannedLab(compose=Path("lab.yaml"), services=services, attempts=(attempt(),))


def engine(runtime: FakeRuntime, *, keep: bool = False) -> ContainerEngine:
    return ContainerEngine(runtime, run="beef", keep=keep)


def test_an_attempt_leaves_evidence_and_nothing_on_the_engine() -> None:
    runtime = FakeRuntime()
    with engine(runtime).lab(lab_of(DNS, MAIL)) as lab, lab.tap() as tap:
        evidence = tap.attempt(attempt(), limit_s=LIMIT_S)
    assert evidence.report == b"smtplib.py\n"
    assert [(e.service, e.peer) for e in evidence.served] == [
        ("dns", f"{CLIENT_ADDRESS}:40000"),
        ("mail", f"{CLIENT_ADDRESS}:40000"),
    ]
    assert evidence.capture is not None
    assert [packet.data for packet in evidence.capture.packets] == [b"abc"]
    assert runtime.is_empty


def test_every_container_carries_the_labels_of_its_run() -> None:
    runtime = FakeRuntime()
    with engine(runtime).lab(lab_of(DNS)) as lab, lab.tap() as tap:
        tap.attempt(attempt(), limit_s=LIMIT_S)
    assert len(runtime.made) == 3
    assert {spec.labels["labctl.run"] for spec in runtime.made} == {"beef"}


def test_a_client_is_in_the_namespace_of_its_tap() -> None:
    runtime = FakeRuntime()
    with engine(runtime).lab(lab_of(DNS)) as lab, lab.tap() as tap:
        tap.attempt(attempt(), limit_s=LIMIT_S)
    tap_spec = next(spec for spec in runtime.made if spec.command == ("tap",))
    places = [spec.place for spec in runtime.made if isinstance(spec.place, InNamespaceOf)]
    assert places == [InNamespaceOf(container=f"id-{tap_spec.name}")]


def test_a_kept_lab_stays_but_for_its_clients() -> None:
    runtime = FakeRuntime()
    with engine(runtime, keep=True).lab(lab_of(DNS)) as lab, lab.tap() as tap:
        tap.attempt(attempt(), limit_s=LIMIT_S)
    assert sorted(c.spec.command for c in runtime.containers.values()) == [("dns",), ("tap",)]
    assert len(runtime.networks) == 1
    environments = [c.spec.environment for c in runtime.containers.values()]
    assert [environment["LABCTL_LIFELINE"] for environment in environments] == ["keep", "keep"]


def test_a_service_starts_when_those_it_depends_on_are_ready() -> None:
    ready: list[str] = []

    def base(stdin: Iterator[str], write: Write) -> int:
        assert len(runtime.made) == 1
        ready.append("base")
        return service(stdin, write)

    runtime = FakeRuntime(base=base)
    first = DNS.model_copy(update={"name": "base"})
    second = DNS.model_copy(update={"depends_on": {"base": Dependency()}})
    with engine(runtime).lab(lab_of(first, second)) as lab:
        lab.wait_until_ready()
    assert ready == ["base"]
    assert [
        spec.place.aliases[0] for spec in runtime.made if isinstance(spec.place, OnNetwork)
    ] == [
        "base",
        "dns",
    ]


def test_the_next_client_is_started_while_one_runs_and_is_then_taken() -> None:
    runtime = FakeRuntime()
    first, second, third = attempt("first"), attempt("second"), attempt("third")
    with engine(runtime).lab(lab_of(DNS)) as lab, lab.tap() as tap:
        tap.attempt(first, limit_s=LIMIT_S, upcoming=second)
        # An attempt that is equal is the same: plans may have been sent by then.
        evidence = tap.attempt(replace(second), limit_s=LIMIT_S, upcoming=third)
    assert evidence.report == b"second.py\n"
    clients = [spec for spec in runtime.made if isinstance(spec.place, InNamespaceOf)]
    assert len(clients) == 3
    assert runtime.is_empty, "the third, which was never made, is left"


def test_another_attempt_than_the_one_prepared_gets_a_container_of_its_own() -> None:
    runtime = FakeRuntime()
    with engine(runtime).lab(lab_of(DNS)) as lab, lab.tap() as tap:
        tap.attempt(attempt("first"), limit_s=LIMIT_S, upcoming=attempt("second"))
        evidence = tap.attempt(attempt("another"), limit_s=LIMIT_S)
    assert evidence.report == b"another.py\n"
    assert runtime.is_empty


def test_a_service_that_dies_at_its_start_says_why() -> None:
    def dies(stdin: Iterator[str], write: Write) -> int:
        assert next(stdin) == "go"
        write("no such file")
        return 3

    runtime = FakeRuntime(dns=dies)
    with pytest.raises(EngineError) as caught, engine(runtime).lab(lab_of(DNS)) as lab:
        lab.wait_until_ready()
    assert str(caught.value).startswith("service dns died (exit code 3); the last it said:")
    assert "no such file" in str(caught.value)
    assert "it said this on stderr" in str(caught.value)
    assert runtime.is_empty


def test_a_lab_that_has_lost_a_service_makes_no_tap() -> None:
    released = threading.Event()

    def dns(_stdin: Iterator[str], _write: Write) -> int:
        released.wait(LIMIT_S)
        return 137

    runtime = FakeRuntime(dns=dns)
    with engine(runtime).lab(lab_of(DNS.model_copy(update={"image": "own/web"}))) as lab:
        lab.wait_until_ready()
        released.set()
        [container] = runtime.containers.values()
        container.ended.wait(LIMIT_S)
        with pytest.raises(EngineError, match=r"service dns died \(exit code 137\)"), lab.tap():
            pass
    assert len(runtime.made) == 1


def test_any_other_image_is_ready_when_it_is_healthy() -> None:
    goes_on = threading.Event()

    def web(_stdin: Iterator[str], _write: Write) -> int:
        [container] = [c for c in runtime.containers.values() if c.spec.image == "own/web"]
        container.state = replace(container.state, is_healthy=True)
        goes_on.wait(LIMIT_S)
        return 0

    runtime = FakeRuntime(web=web)
    with engine(runtime).lab(lab_of(DNS, WEB)) as lab:
        lab.wait_until_ready()
        goes_on.set()
    web_spec = next(spec for spec in runtime.made if spec.image == "own/web")
    assert (web_spec.has_stdin, dict(web_spec.environment)) == (False, {})


@pytest.mark.parametrize(
    ("is_healthy", "message"),
    [(False, "service web did not get healthy"), (None, "did not get ready within 0.1 s")],
)
def test_a_service_that_does_not_get_healthy(
    monkeypatch: pytest.MonkeyPatch, is_healthy: bool | None, message: str
) -> None:
    monkeypatch.setattr(service_module, "READY_S", 0.1)
    release = threading.Event()

    def web(_stdin: Iterator[str], _write: Write) -> int:
        release.wait(LIMIT_S)
        return 0

    runtime = FakeRuntime(web=web)
    real = runtime.state
    monkeypatch.setattr(
        runtime, "state", lambda container: replace(real(container), is_healthy=is_healthy)
    )
    with pytest.raises(EngineError, match=message), engine(runtime).lab(lab_of(WEB)) as lab:
        lab.wait_until_ready()
    release.set()


def test_a_client_that_is_killed_from_outside_breaks_the_lab() -> None:
    runtime = FakeRuntime(client=lambda _stdin, _write: 137)
    with (
        engine(runtime).lab(lab_of(DNS)) as lab,
        lab.tap() as tap,
        pytest.raises(EngineError, match="was killed from outside"),
    ):
        tap.attempt(attempt(), limit_s=LIMIT_S)


def test_a_client_without_memory_ends_with_an_exit_code() -> None:
    def greedy(_stdin: Iterator[str], _write: Write) -> int:
        [container] = [
            c for c in runtime.containers.values() if isinstance(c.spec.place, InNamespaceOf)
        ]
        container.state = replace(container.state, is_out_of_memory=True)
        return 137

    runtime = FakeRuntime(client=greedy)
    with engine(runtime).lab(lab_of(DNS)) as lab, lab.tap() as tap:
        evidence = tap.attempt(attempt(), limit_s=LIMIT_S)
    assert (evidence.report, evidence.exit, evidence.out_of_memory) == (b"", 137, True)


def test_a_tap_that_does_not_get_ready() -> None:
    def tap(stdin: Iterator[str], write: Write) -> int:
        assert next(stdin) == "go"
        write(event("sorry"))
        return 1

    runtime = FakeRuntime(tap=tap)
    with (
        engine(runtime).lab(lab_of(DNS)) as lab,
        lab.tap() as running,
        pytest.raises(EngineError, match="the tap did not get ready: it said this on stderr"),
    ):
        running.attempt(attempt(), limit_s=LIMIT_S)
    assert runtime.is_empty


def test_a_service_that_does_not_answer_breaks_the_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labctl.engine.tap._ANSWER_S", 0.1)

    def silent(stdin: Iterator[str], write: Write) -> int:
        assert next(stdin) == "go"
        write(event("ready"))
        for _ in stdin:
            pass
        return 0

    runtime = FakeRuntime(mail=silent)
    with (
        engine(runtime).lab(lab_of(DNS, MAIL)) as lab,
        lab.tap() as tap,
        pytest.raises(EngineError, match="service mail does not answer any more"),
    ):
        tap.attempt(attempt(), limit_s=LIMIT_S)


def test_a_lab_takes_the_first_subnet_that_is_free() -> None:
    runtime = FakeRuntime()
    runtime.taken_subnets = 3
    with engine(runtime).lab(lab_of(DNS)):
        assert len(runtime.networks) == 1
    assert runtime.is_empty


def test_a_lab_for_which_no_subnet_is_free() -> None:
    runtime = FakeRuntime()
    runtime.taken_subnets = 1000
    with pytest.raises(EngineError, match="no free subnet"), engine(runtime).lab(lab_of(DNS)):
        pass


def test_an_image_that_the_engine_lacks() -> None:
    missing = Service(name="own", image="own/other")
    with pytest.raises(EngineError) as caught, engine(FakeRuntime()).lab(lab_of(missing)):
        pass
    assert str(caught.value) == "the engine has no image own/other, which service own needs"


def test_a_run_that_is_stopped_starts_nothing_more_and_leaves_nothing() -> None:
    runtime = FakeRuntime()
    running = engine(runtime)
    with running.lab(lab_of(DNS)) as lab:
        lab.wait_until_ready()
        running.stop()
        assert runtime.is_empty
        with pytest.raises(EngineError, match=r"service dns|the run was stopped"), lab.tap():
            pass
    with pytest.raises(EngineError, match="the run was stopped"), running.lab(lab_of(DNS)):
        pass
    assert runtime.is_empty
