"""Labs on a Runtime in memory: services, taps, attempts, and what is left in the end."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labctl.engine import cleanup
from labctl.engine import service as service_module
from labctl.engine.container_engine import ContainerEngine
from labctl.engine.runtime import CheckResult, InNamespaceOf, OnNetwork
from labctl.errors import EngineError, EngineGone, ServiceError
from labctl.model.compose import Attachment, Dependency, Healthcheck, Service
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
HANGING_S = 30.0
DNS = Service(name="dns", image="labctl/lab", command=("dns",))
MAIL = Service(
    name="mail",
    image="labctl/lab",
    command=("mail",),
    networks={"lab": Attachment(aliases=("mail.lab",), ipv4_address="198.18.0.11")},
)
FIREWALL = Service(name="firewall", image="labctl/lab", command=("script",), cap_add=("NET_ADMIN",))
WEB = Service(name="web", image="own/web")


def attempt(name: str = "smtplib", *needs: str) -> PlannedAttempt:
    return planned(key=name, attempt=name, services=needs or ("dns",))


def lab_of(*services: Service) -> PlannedLab:
    """A lab with these services, and with a name server, which every lab has."""
    if "dns" not in {service.name for service in services}:
        services = (DNS, *services)
    return PlannedLab(compose=Path("lab.yaml"), services=services, attempts=(attempt(),))


def engine(runtime: FakeRuntime, *, keep: bool = False) -> ContainerEngine:
    return ContainerEngine(runtime, own_image, run="beef", keep=keep)


def own_image(name: str) -> str | None:
    """What the engine calls labctl's own images."""
    if name == "labctl/client:3.9":
        raise EngineError(f"the image {name} is missing", hint="build it")
    return "labctl/lab:1f" if name.partition(":")[0] == "labctl/lab" else None


def test_an_attempt_leaves_evidence_and_nothing_on_the_engine() -> None:
    runtime = FakeRuntime()
    with engine(runtime).lab(lab_of(DNS, MAIL)) as lab, lab.tap() as tap:
        evidence = tap.attempt(attempt("smtplib", "dns", "mail"), limit_s=LIMIT_S)
    assert evidence.report == b"smtplib.py\n"
    assert [(e.service, e.peer) for e in evidence.served] == [
        ("dns", f"{CLIENT_ADDRESS}:40000"),
        ("mail", f"{CLIENT_ADDRESS}:40000"),
    ]
    assert evidence.capture is not None
    assert [packet.data for packet in evidence.capture.packets] == [b"abc"]
    assert runtime.is_empty


@pytest.mark.parametrize("goes_whole", [False, True])
def test_services_are_removed_one_by_one_only_where_they_do_not_go_with_their_network(
    goes_whole: bool,
) -> None:
    runtime = FakeRuntime()
    runtime.removes_whole_networks = goes_whole
    with engine(runtime).lab(lab_of(DNS, MAIL)) as lab:
        lab.wait_until_ready()
        services = list(runtime.containers)
        assert services
    assert runtime.is_empty
    assert [one for one in services if f"container {one}" in runtime.removed] == (
        [] if goes_whole else services
    )


def test_the_engine_is_asked_once_for_an_image_whatever_its_users_call_it() -> None:
    runtime = FakeRuntime()
    asked: list[str] = []

    def find_own(name: str) -> str | None:
        asked.append(name)
        return own_image(name)

    with ContainerEngine(runtime, find_own, run="beef").lab(lab_of(DNS, MAIL)):
        assert asked == ["labctl/lab:latest"]


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
    assert sorted(c.spec.command for c in runtime.containers.values()) == [("host",), ("tap",)]
    assert len(runtime.networks) == 1
    environments = [c.spec.environment for c in runtime.containers.values()]
    assert [environment["LABCTL_LIFELINE"] for environment in environments] == ["keep", "keep"]


def test_a_service_starts_when_those_it_depends_on_are_ready() -> None:
    ready: list[str] = []

    def base(stdin: Iterator[str], write: Write) -> int:
        assert not [spec for spec in runtime.made if "-mail-" in spec.name]
        ready.append("base")
        return service(stdin, write)

    runtime = FakeRuntime(base=base)
    first = DNS.model_copy(update={"name": "base"})
    second = MAIL.model_copy(update={"depends_on": {"base": Dependency()}})
    with engine(runtime).lab(lab_of(first, DNS, second)) as lab:
        lab.wait_until_ready()
    assert ready == ["base"]
    assert [spec.name.split("-")[3] for spec in runtime.made] == ["services", "mail"]


def shared(runtime: FakeRuntime) -> dict[str, dict[str, Any]]:
    """The programs of the host that services share, by their names."""
    [spec] = [spec for spec in runtime.made if spec.command == ("host",)]
    programs: dict[str, dict[str, Any]] = json.loads(spec.environment["LABCTL_PROGRAMS"])
    return programs


def test_services_share_a_host_where_each_has_an_address_of_its_own() -> None:
    runtime = FakeRuntime()
    by_hand = DNS.model_copy(update={"environment": {"LAB_ZONE": "a=198.18.0.9"}})
    with engine(runtime).lab(lab_of(by_hand, MAIL)) as lab:
        lab.wait_until_ready()
    [spec] = runtime.made
    zone = "dns=198.18.0.64 mail.lab=198.18.0.11"
    assert spec.environment["LAB_ZONE"] == zone
    assert isinstance(spec.place, OnNetwork)
    assert spec.place.addresses == ("198.18.0.64", "198.18.0.11")
    assert shared(runtime) == {
        "dns": {
            "command": ["dns"],
            "environment": {"LAB_ADDRESS": "198.18.0.64"},
        },
        "mail": {
            "command": ["mail"],
            "environment": {"LAB_ADDRESS": "198.18.0.11"},
        },
    }


SCRIPT = {"LAB_PORTS": "2001: [reset]"}


def test_no_more_services_share_a_host_than_a_variable_has_room_for() -> None:
    runtime = FakeRuntime()
    long = {"LAB_PORTS": f"# {'x' * 60_000}"}
    services = [
        Service(name=name, image="labctl/lab", command=("script",), environment=long)
        for name in ("a", "b")
    ]
    with engine(runtime).lab(lab_of(DNS, *services)) as lab:
        lab.wait_until_ready()
    assert list(shared(runtime)) == ["dns", "a"]


@pytest.mark.parametrize(
    ("entry", "shares"),
    [
        ({"command": ("script",), "environment": SCRIPT}, True),
        ({"command": ("script",), "read_only": True, "cap_add": ("NET_BIND_SERVICE",)}, True),
        ({"command": ("script",), "sysctls": {"net.ipv4.icmp_ratelimit": "0"}}, True),
        ({"command": ("script",), "sysctls": {"net.ipv4.icmp_ratelimit": "9"}}, False),
        ({"command": ("script",), "environment": {"LAB_RULES": "chain x {}"}}, False),
        ({"command": ("script",), "cap_add": ("NET_ADMIN",)}, False),
        ({"command": ("script",), "hostname": "web-1"}, False),
        ({"command": ("script",), "user": "1000"}, False),
        ({"command": ("script",), "healthcheck": Healthcheck(test="true")}, False),
        ({"command": ("script",), "depends_on": {"dns": Dependency()}}, False),
        ({"command": ("script",), "environment": {"LAB_PORTS": "1: [{tls: {}}]"}}, False),
        ({"command": ("script",), "mem_limit": "64m"}, False),
        ({"command": ("script",), "pids_limit": 9}, False),
        ({"command": ("script",), "stop_signal": "SIGINT"}, False),
        ({"command": ("script",), "environment": {"PYTHONUTF8": "0"}}, False),
        ({"command": ("scripts",)}, False),
        ({"command": ("script",), "image": "own/web"}, False),
    ],
)
def test_a_service_that_wants_something_of_its_host_has_one_of_its_own(
    entry: dict[str, Any], shares: bool
) -> None:
    runtime = FakeRuntime()
    own = Service.model_validate({"name": "own", "image": "labctl/lab", **entry})
    with engine(runtime).lab(lab_of(DNS, own)) as lab:
        lab.wait_until_ready()
    host = next(spec for spec in runtime.made if spec.command == ("host",))
    programs = json.loads(host.environment["LABCTL_PROGRAMS"])
    assert ("own" in programs) is shares
    assert runtime.is_empty


def test_a_program_that_is_not_labctls_own_gets_a_host_that_labctl_has_linked() -> None:
    goes_on = threading.Event()

    def web(_stdin: Iterator[str], _write: Write) -> int:
        goes_on.wait(LIMIT_S)
        return 0

    def holder_program(stdin: Iterator[str], write: Write) -> int:
        assert next(stdin) == "go"
        assert len(runtime.made) == 2, "the host is on the network before the service is made"
        write(f" {event('ready')}")
        return len(list(stdin))

    runtime = FakeRuntime(web=web)
    held = WEB.model_copy(update={"hostname": "web-1", "sysctls": {"net.core.somaxconn": "9"}})
    real = runtime.program
    runtime.program = lambda spec: (  # type: ignore[method-assign]
        holder_program if "-web-host-" in spec.name else real(spec)
    )
    with engine(runtime).lab(lab_of(DNS, held)) as lab:
        lab.wait_until_ready()
        goes_on.set()
    _, holder, web_spec = runtime.made
    assert (holder.image, holder.command, holder.hostname) == ("labctl/lab:1f", ("host",), "web-1")
    assert holder.sysctls["net.core.somaxconn"] == "9"
    assert isinstance(holder.place, OnNetwork)
    assert holder.place.names["web"] == holder.place.addresses[0]
    assert web_spec.place == InNamespaceOf(container=f"id-{holder.name}")
    assert (web_spec.hostname, web_spec.sysctls) == ("", {})
    assert runtime.is_empty


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

    runtime = FakeRuntime(firewall=dies)
    with (
        pytest.raises(EngineError) as caught,
        engine(runtime).lab(lab_of(DNS, FIREWALL)) as lab,
    ):
        lab.wait_until_ready()
    assert str(caught.value).startswith("service firewall died (exit code 3); the last it said:")
    assert "no such file" in str(caught.value)
    assert "it said this on stderr" in str(caught.value)
    assert runtime.is_empty


def test_a_service_that_dies_on_a_shared_host_says_why_and_the_others_go_on() -> None:
    def dies(stdin: Iterator[str], write: Write) -> int:
        assert next(stdin) == "go"
        write(event("error", text="no such file"))
        return 3

    runtime = FakeRuntime(mail=dies)
    with engine(runtime).lab(lab_of(DNS, MAIL)) as lab, lab.tap() as tap:
        with pytest.raises(ServiceError) as caught:
            lab.wait_until_ready()
        assert caught.value.message == (
            "service mail died (exit code 3); the last it said:\n    no such file"
        )
        assert tap.attempt(attempt("smtplib", "dns"), limit_s=LIMIT_S).report
    assert runtime.is_empty


def test_where_the_shared_host_dies_its_services_say_why() -> None:
    """Where the kernel knows no bridges, for instance."""
    runtime = FakeRuntime()
    real = runtime.program
    runtime.program = lambda spec: (  # type: ignore[method-assign]
        (lambda _stdin, _write: 1) if spec.command == ("host",) else real(spec)
    )
    with engine(runtime).lab(lab_of(DNS, MAIL)) as lab:
        with pytest.raises(ServiceError) as caught:
            lab.wait_until_ready()
        assert caught.value.message == (
            "service dns died (exit code 1); the last it said:\n    it said this on stderr"
        )
    assert runtime.is_empty


def test_a_service_whose_host_is_never_linked_is_given_up_with_the_lab() -> None:
    begun, never = threading.Event(), threading.Event()

    def hanging(_stdin: Iterator[str], _write: Write) -> int:
        begun.set()
        never.wait(HANGING_S)
        return 0

    runtime = FakeRuntime()
    real = runtime.program
    runtime.program = lambda spec: (  # type: ignore[method-assign]
        hanging if "-web-host-" in spec.name else real(spec)
    )
    began = time.monotonic()
    with engine(runtime).lab(lab_of(DNS, WEB)) as lab, lab.tap() as tap:
        assert tap.attempt(attempt(), limit_s=LIMIT_S).report
        assert begun.wait(LIMIT_S)
    assert time.monotonic() - began < HANGING_S
    assert not [spec for spec in runtime.made if spec.image == "own/web"]
    assert runtime.is_empty
    never.set()


def test_a_service_that_has_ended_is_noticed_by_who_asks_for_it() -> None:
    released = threading.Event()

    def dns(_stdin: Iterator[str], _write: Write) -> int:
        released.wait(LIMIT_S)
        return 137

    runtime = FakeRuntime(dns=dns)
    with engine(runtime).lab(lab_of(DNS.model_copy(update={"image": "own/web"}))) as lab:
        lab.wait_until_ready()
        released.set()
        [container] = [c for c in runtime.containers.values() if c.spec.image == "own/web"]
        container.ended.wait(LIMIT_S)
        with pytest.raises(ServiceError, match=r"service dns died \(exit code 137\)") as caught:
            lab.check_alive(["dns"])
        lab.check_alive([])
    assert (caught.value.service, caught.value.was_ready) == ("dns", True)


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


@contextmanager
def web_with_health(
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_healthy: bool | None,
    last_check: CheckResult | None = None,
) -> Iterator[FakeRuntime]:
    """A runtime whose service `web` runs on, and never gets healthy. It may take 0.1 s."""
    monkeypatch.setattr(service_module, "READY_S", 0.1)
    release = threading.Event()

    def web(_stdin: Iterator[str], _write: Write) -> int:
        release.wait(LIMIT_S)
        return 0

    runtime = FakeRuntime(web=web)
    real = runtime.state
    monkeypatch.setattr(
        runtime,
        "state",
        lambda container: replace(real(container), is_healthy=is_healthy, last_check=last_check),
    )
    try:
        yield runtime
    finally:
        release.set()


@pytest.mark.parametrize(
    ("is_healthy", "message"),
    [(False, "service web did not get healthy"), (None, "did not get ready within 0.1 s")],
)
def test_a_service_that_does_not_get_healthy(
    monkeypatch: pytest.MonkeyPatch, is_healthy: bool | None, message: str
) -> None:
    with (
        pytest.raises(EngineError, match=message),
        web_with_health(monkeypatch, is_healthy=is_healthy) as runtime,
        engine(runtime).lab(lab_of(WEB)) as lab,
    ):
        lab.wait_until_ready()


@pytest.mark.parametrize(
    ("is_healthy", "check", "says"),
    [
        (
            False,
            CheckResult(exit_code=7, output="one\ncurl: (7) refused\n"),
            (
                "get healthy; its health check ended with exit code 7 and said:\n"
                "    one\n    curl: (7) refused"
            ),
        ),
        (
            None,
            CheckResult(exit_code=1, output="\n"),
            "get ready within 0.1 s; its health check ended with exit code 1",
        ),
        (
            None,
            CheckResult(exit_code=None, output="cut off after 1 s"),
            (
                "get ready within 0.1 s; its health check took too long and said:\n"
                "    cut off after 1 s"
            ),
        ),
    ],
)
def test_a_failed_health_check_tells_what_it_said(
    monkeypatch: pytest.MonkeyPatch, is_healthy: bool | None, check: CheckResult, says: str
) -> None:
    with (
        pytest.raises(EngineError) as caught,
        web_with_health(monkeypatch, is_healthy=is_healthy, last_check=check) as runtime,
        engine(runtime).lab(lab_of(WEB)) as lab,
    ):
        lab.wait_until_ready()
    own = "  the last it said:\n    it said this on stderr"
    assert str(caught.value) == f"service web did not {says}\n{own}"


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
        pytest.raises(ServiceError, match="service mail does not answer any more"),
    ):
        tap.attempt(attempt("smtplib", "dns", "mail"), limit_s=LIMIT_S)


@pytest.mark.parametrize(
    ("image", "says", "hint"),
    [
        ("own/other", "the engine has no image own/other", "pull own/other"),
        ("labctl/client:3.9", "the image labctl/client:3.9 is missing", "build it"),
    ],
)
def test_an_image_that_the_engine_lacks_is_an_error_of_who_needs_it(
    image: str, says: str, hint: str
) -> None:
    missing = Service(name="own", image=image)
    runtime = FakeRuntime()
    with engine(runtime).lab(lab_of(DNS, missing)) as lab, lab.tap() as tap:
        assert tap.attempt(attempt(), limit_s=LIMIT_S).report
        with pytest.raises(ServiceError) as caught:
            tap.attempt(attempt("other", "own"), limit_s=LIMIT_S)
    assert str(caught.value) == f"{says}, which service own needs"
    assert caught.value.hint.startswith(hint)
    assert runtime.is_empty


def test_without_the_image_of_its_taps_there_is_no_lab() -> None:
    runtime = FakeRuntime()
    runtime.images.pop("labctl/lab:1f")
    with (
        pytest.raises(EngineError, match="has no image labctl/lab:1f, which taps need"),
        engine(runtime).lab(lab_of(WEB)),
    ):
        pass


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


def test_an_engine_that_goes_away_in_an_attempt_is_told_apart_from_a_lab_that_breaks() -> None:
    def go_away(_stdin: Iterator[str], _write: Write) -> int:
        runtime.go_away()
        return 1

    runtime = FakeRuntime(client=go_away)
    made = engine(runtime)
    with pytest.raises(EngineGone), made.lab(lab_of(DNS)) as lab, lab.tap() as tap:
        tap.attempt(attempt(), limit_s=LIMIT_S)
    assert not made.answers()
    runtime.is_there = True
    assert made.answers()
    assert runtime.containers
    made.sweep_lost()
    assert runtime.is_empty
    assert made.trouble() is None


def test_an_engine_that_is_just_ending_takes_no_new_connections() -> None:
    def end(stdin: Iterator[str], write: Write) -> int:
        next(stdin)
        write(event("ready", address=CLIENT_ADDRESS))
        runtime.is_there = False  # its old connections stand as long as it lives
        return 1

    runtime = FakeRuntime(tap=end)
    with engine(runtime).lab(lab_of(DNS)) as lab, lab.tap() as tap:
        with pytest.raises(EngineGone):
            tap.attempt(attempt(), limit_s=LIMIT_S)
        runtime.is_there = True
    assert runtime.is_empty


def test_a_service_that_has_ended_with_an_engine_that_is_back_is_not_its_own_fault() -> None:
    runtime = FakeRuntime()
    with engine(runtime).lab(lab_of(DNS)) as lab:
        lab.wait_until_ready()
        runtime.go_away()
        runtime.is_there = True
        with lab.tap() as tap, pytest.raises(EngineGone, match="service dns died"):
            tap.attempt(attempt(), limit_s=LIMIT_S)
    assert runtime.is_empty


@pytest.mark.parametrize("is_back", [False, True])
def test_a_service_that_ends_with_its_engine_is_the_engines_fault(is_back: bool) -> None:
    def go_away(_stdin: Iterator[str], _write: Write) -> int:
        runtime.go_away()
        runtime.is_there = is_back
        return 1

    runtime = FakeRuntime(dns=go_away)
    with pytest.raises(EngineGone), engine(runtime).lab(lab_of(DNS)) as lab:
        lab.wait_until_ready()


def test_what_an_engine_that_went_away_has_of_other_labs_is_left_alone() -> None:
    runtime = FakeRuntime()
    made = engine(runtime)
    with made.lab(lab_of(DNS)) as lab:
        lab.wait_until_ready()
        with pytest.raises(EngineGone), made.lab(lab_of(MAIL)):
            raise EngineGone("it went away")
        made.sweep_lost()
        lab.wait_until_ready()
        assert len(runtime.containers) == 1


def test_a_network_that_the_engine_does_not_let_go_of_costs_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cleanup, "_SETTLE_S", 0.1)
    runtime = FakeRuntime()
    made = engine(runtime)
    with made.lab(lab_of(DNS)) as lab, lab.tap() as tap:
        assert tap.attempt(attempt(), limit_s=LIMIT_S).report
        [network] = runtime.networks
        runtime.busy = [network] * 1000
    trouble = made.trouble()
    assert trouble is not None
    assert trouble.message.startswith(f"the engine does not let go of network {network[:12]};")
    runtime.busy = []
    made.sweep()
    assert made.trouble() is None
    assert runtime.is_empty
