"""What a scenario becomes when all that it names is resolved."""

from __future__ import annotations

from pathlib import Path

import pytest

from labctl.load.scenario import load_scenario, read_client
from labctl.model.compose import Service
from labctl.model.scenario import Scenario
from tests.unit.load.texts import COMPOSE, LAB, SCENARIO, changed, hint, mistakes, write

CLIENT = "client: |\n      import socket"
EXPECT = "expect: {raises: ConnectionRefusedError}"
CLIMBS = "name a file in the scenario's own folder, like ./client.py"
OWN = "services: [closed]\ncompose: ./own.yaml"


def load(text: str, name: str = "mine.yaml") -> Scenario:
    return load_scenario(write(name, text), builtin_compose=LAB)


def load_wrong(text: str, name: str = "mine.yaml") -> list[str]:
    path = write(name, text)
    return mistakes(lambda: load_scenario(path, builtin_compose=LAB))


def client_file(name: str) -> str:
    return changed(SCENARIO, CLIENT, f"client: {{file: {name}}}")


def names(scenario: Scenario) -> list[str]:
    return [service.name for service in scenario.services]


def test_a_scenario_with_its_client_in_it() -> None:
    scenario = load(SCENARIO)
    (attempt,) = scenario.attempts
    assert (attempt.name, attempt.source, attempt.origin) == (
        "socket",
        "import socket\n",
        "mine.yaml:9",
    )
    assert attempt.expectations[0].raises == "ConnectionRefusedError"
    assert (scenario.path, scenario.compose) == (Path("mine.yaml"), LAB)
    assert (scenario.target.host, scenario.target.port) == ("closed.lab", 2525)


def test_variants_are_kept_in_order() -> None:
    variants = "expect: [{python: '<3.10', raises: socket.timeout}, {raises: TimeoutError}]"
    (attempt,) = load(changed(SCENARIO, EXPECT, variants)).attempts
    assert [e.raises for e in attempt.expectations] == ["socket.timeout", "TimeoutError"]


def test_dns_always_runs_and_dependencies_come_first() -> None:
    assert names(load(SCENARIO)) == ["dns", "closed"]
    assert names(load(changed(SCENARIO, "services: [closed]", "services: []"))) == ["dns"]
    assert names(load(changed(SCENARIO, "[closed]", "[mail, mail]"))) == ["dns", "closed", "mail"]


def test_a_client_in_a_file() -> None:
    write("sub/clients/a.py", "import ssl\f\n")
    (attempt,) = load(client_file("clients/a.py"), "sub/mine.yaml").attempts
    assert (attempt.source, attempt.origin) == ("import ssl\f\n", "sub/clients/a.py")


def test_a_link_inside_of_the_folder_is_fine() -> None:
    write("real.py", "import ssl\n")
    Path("link.py").symlink_to("real.py")
    assert load(client_file("link.py")).attempts[0].source == "import ssl\n"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.py", "there is no file none.py"),
        ("/etc/passwd", "must be a relative path, not /etc/passwd"),
        ("../outside.py", "../outside.py is outside of the scenario's folder"),
        ("deeper/../../outside.py", "deeper/../../outside.py is outside of the scenario's folder"),
        ("link.py", "link.py is outside of the scenario's folder"),
        ("linked/outside.py", "linked/outside.py is outside of the scenario's folder"),
        ("deeper", "there is no file deeper"),
        (".", "there is no file ."),
        ("loop.py", "there is no file loop.py"),
    ],
)
@pytest.mark.parametrize("key", ["client", "compose"])
def test_files_that_a_scenario_cannot_name(name: str, message: str, key: str) -> None:
    write("outside.py", "import socket")
    Path("sub/deeper").mkdir(parents=True)
    Path("sub/link.py").symlink_to("../outside.py")
    Path("sub/linked").symlink_to("..")
    Path("sub/loop.py").symlink_to("loop.py")
    if key == "client":
        text, place = client_file(name), "9: attempts.socket.client.file"
    else:
        text, place = changed(SCENARIO, "services:", f"compose: {name}\nservices:"), "5: compose"
    assert load_wrong(text, "sub/mine.yaml") == [f"sub/mine.yaml:{place}: {message}"]
    path = Path("sub/mine.yaml")
    assert hint(lambda: load_scenario(path, builtin_compose=LAB)) == CLIMBS


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"#" * (256 * 1024 + 1), "x.py: is larger than the 256 KiB that are allowed"),
        (b"a\nb\xff", "x.py:2: is not UTF-8: byte 0xff at offset 3"),
    ],
)
def test_files_that_are_no_client(source: bytes, message: str) -> None:
    write("x.py", source)
    assert load_wrong(client_file("x.py")) == [message]
    assert mistakes(lambda: read_client(Path("x.py"))) == [message]


def test_a_client_of_just_the_size_limit() -> None:
    assert len(read_client(write("x.py", b"#" * (256 * 1024)))) == 256 * 1024


def test_a_compose_file_of_its_own() -> None:
    write("own.yaml", COMPOSE.replace("labctl/lab", "mine:1"))
    scenario = load(changed(SCENARIO, "services: [closed]", OWN))
    assert scenario.compose == Path("own.yaml")
    assert [(s.name, s.image) for s in scenario.services] == [
        ("dns", "mine:1"),
        ("closed", "mine:1"),
    ]


def test_a_compose_file_without_dns_gets_the_built_in_one() -> None:
    own = "services: {closed: {image: mine}}"
    write("own.yaml", own)
    dns, closed = load(changed(SCENARIO, "services: [closed]", OWN)).services
    assert (dns.image, closed.image) == ("labctl/lab", "mine")
    assert dns.aliases == ("dns.lab",)
    assert [net.ipv4_address for net in dns.networks.values()] == [None]


def test_a_service_that_the_own_compose_file_lacks() -> None:
    write("own.yaml", "services: {closer: {image: mine}}")
    text = changed(SCENARIO, "services: [closed]", OWN)
    expected = 'mine.yaml:5: services[0]: no service is called "closed"; did you mean "closer"?'
    assert load_wrong(text) == [expected]


def test_a_mistake_in_the_own_compose_file() -> None:
    write("own.yaml", "services: {closed: {image: mine, privileged: true}}")
    (message,) = load_wrong(changed(SCENARIO, "services: [closed]", OWN))
    assert message.startswith('own.yaml:1: services.closed: "privileged" can\'t be used in a lab')


def test_the_reader_of_compose_files_can_be_another() -> None:
    def read(path: Path) -> dict[str, Service]:
        return {n: Service(name=n, image=str(path)) for n in ("dns", "closed")}

    path = write("mine.yaml", SCENARIO)
    scenario = load_scenario(path, builtin_compose=LAB, read_compose=read)
    assert [s.image for s in scenario.services] == ["builtin.yaml", "builtin.yaml"]
