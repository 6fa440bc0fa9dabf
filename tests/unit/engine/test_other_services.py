"""Attempts in labs with services that they do not need, and that are broken."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from labctl.engine import addresses
from labctl.engine import service as service_module
from labctl.engine.runtime import ContainerState, Refusal
from labctl.errors import ServiceError
from labctl.model.compose import Dependency
from tests.unit.engine.fake_runtime import FakeRuntime, Program, Write, client, event, service
from tests.unit.engine.test_lab import DNS, LIMIT_S, MAIL, WEB, attempt, engine, lab_of

HANGING_S = 30.0
"""How long a service hangs: long enough that nobody waited for it who took less."""


def dying(stdin: Iterator[str], _write: Write) -> int:
    """A service that can't start."""
    next(stdin, "")
    return 3


def deaf(stdin: Iterator[str], write: Write) -> int:
    """A service that answers nothing."""
    next(stdin, "")
    write(event("ready"))
    list(stdin)
    return 0


def ending(stdin: Iterator[str], write: Write) -> int:
    """A service that ends as soon as it is ready."""
    next(stdin, "")
    write(event("ready"))
    return 3


@pytest.mark.parametrize("mail", [service, dying, deaf, ending])
def test_nothing_is_asked_of_a_service_that_an_attempt_does_not_need(mail: Program) -> None:
    runtime = FakeRuntime(mail=mail)
    with engine(runtime).lab(lab_of(DNS, MAIL)) as lab, lab.tap() as tap:
        for _ in range(2):
            evidence = tap.attempt(attempt(), limit_s=LIMIT_S)
            assert evidence.report == b"smtplib.py\n"
            assert {event.service for event in evidence.served} == {"dns"}
            assert evidence.served_lost == 0
    assert runtime.is_empty


def test_the_error_is_that_of_the_service_which_others_wait_for() -> None:
    web = WEB.model_copy(update={"depends_on": {"mail": Dependency()}})
    runtime = FakeRuntime(mail=dying)
    with engine(runtime).lab(lab_of(DNS, MAIL, web)) as lab, lab.tap() as tap:
        with pytest.raises(ServiceError, match=r"service mail died \(exit code 3\)") as caught:
            tap.attempt(attempt("smtplib", "web"), limit_s=LIMIT_S)
        assert tap.attempt(attempt("again"), limit_s=LIMIT_S).report == b"again.py\n"
    assert (caught.value.service, caught.value.was_ready) == ("mail", False)
    assert caught.value.hint


def test_a_service_that_the_engine_does_not_start_is_an_error_of_that_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runtime = FakeRuntime()
    real = runtime.start

    def start(container: str) -> None:
        if "-mail-" in container and "-host-" not in container:
            raise Refusal("no such program")
        real(container)

    monkeypatch.setattr(runtime, "start", start)
    mail = MAIL.model_copy(update={"image": "own/web"})
    with engine(runtime).lab(lab_of(DNS, mail)) as lab, lab.tap() as tap:
        assert tap.attempt(attempt(), limit_s=LIMIT_S).report
        with pytest.raises(ServiceError, match=r"starting service mail.*no such program") as caught:
            tap.attempt(attempt("smtplib", "mail"), limit_s=LIMIT_S)
    assert caught.value.service == "mail"


@pytest.mark.parametrize("other", [MAIL, WEB])
def test_a_lab_is_taken_down_while_a_service_that_nobody_needs_still_starts(
    monkeypatch: pytest.MonkeyPatch, other: object
) -> None:
    """`mail` never says that it is ready, and `web` is never healthy."""
    assert other in (MAIL, WEB)
    monkeypatch.setattr(service_module, "READY_S", HANGING_S)
    begun, never = threading.Event(), threading.Event()

    def hanging(_stdin: Iterator[str], _write: Write) -> int:
        begun.set()
        never.wait(HANGING_S)
        return 0

    runtime = FakeRuntime(mail=hanging, web=hanging)
    real = runtime.state

    def state(container: str) -> ContainerState:
        return replace(real(container), is_healthy=None)

    monkeypatch.setattr(runtime, "state", state)
    began = time.monotonic()
    second = WEB.model_copy(update={"name": "second", "depends_on": {"mail": Dependency()}})
    services = (DNS, MAIL, second) if other is MAIL else (DNS, WEB)
    with engine(runtime).lab(lab_of(*services)) as lab, lab.tap() as tap:
        assert tap.attempt(attempt(), limit_s=LIMIT_S).report
        assert begun.wait(LIMIT_S)
    assert time.monotonic() - began < HANGING_S
    assert runtime.is_empty
    never.set()


def test_services_that_hang_keep_none_from_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "READY_S", HANGING_S)
    never = threading.Event()

    def hanging(_stdin: Iterator[str], _write: Write) -> int:
        never.wait(HANGING_S)
        return 0

    names = [f"hanging{number}" for number in range(20)]
    runtime = FakeRuntime(**dict.fromkeys(names, hanging))
    others = [DNS.model_copy(update={"name": name}) for name in names]
    began = time.monotonic()
    with engine(runtime).lab(lab_of(*others, DNS)) as lab, lab.tap() as tap:
        assert tap.attempt(attempt(), limit_s=LIMIT_S).report
    assert time.monotonic() - began < HANGING_S
    never.set()


def test_a_kept_lab_has_all_its_services() -> None:
    leaving = threading.Event()
    hung_up: list[bool] = []

    def slow(stdin: Iterator[str], write: Write) -> int:
        next(stdin, "")
        leaving.wait(LIMIT_S)
        [container] = [c for name, c in runtime.containers.items() if "-services-" in name]
        hung_up.append(not container.stdin.empty())
        write(event("ready"))
        return len(list(stdin))

    runtime = FakeRuntime(mail=slow)
    with engine(runtime, keep=True).lab(lab_of(DNS, MAIL)) as lab, lab.tap() as tap:
        tap.attempt(attempt(), limit_s=LIMIT_S)
        threading.Timer(0.2, leaving.set).start()
    assert hung_up == [False]


def test_a_service_forgets_the_client_of_an_attempt_that_did_not_need_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That client may have talked to it, from the same address as the next one: that of its tap,
    or of another tap that came after it.
    """
    monkeypatch.setattr(addresses, "_FIRST_TAP", 254)  # one address for all taps
    order: list[str] = []

    def mail(stdin: Iterator[str], write: Write) -> int:
        def noted() -> Iterator[str]:
            for line in stdin:
                order.append(line.split()[0])
                yield line

        return service(noted(), write)

    def noted_client(stdin: Iterator[str], write: Write) -> int:
        def said(line: str) -> None:
            if line != "ready":
                order.append(line)
            write(line)

        return client(stdin, said)

    runtime = FakeRuntime(mail=mail, client=noted_client)
    with engine(runtime).lab(lab_of(DNS, MAIL)) as lab:
        lab.wait_until_ready()
        for made in (attempt("without"), attempt("with", "mail"), attempt("again", "mail")):
            with lab.tap() as tap:
                evidence = tap.attempt(made, limit_s=LIMIT_S)
            assert len(evidence.served) == 1
    assert order == ["go", "without.py", "sync", "with.py", "sync", "again.py", "sync"]
