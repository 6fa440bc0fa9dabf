"""Every scenario with its fault taken away: then what it expects must not come true.

Faults of servers and networks are taken away twice over. In one lab every service works, on every
port that a scenario aims at, and every name leads to a host; in the other, no service listens.
What a client does wrong by itself is taken away by another client, which does nothing wrong.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest
import yaml

from labctl.load.bundled import bundled_compose, bundled_folder
from tests.labs.conftest import Done, labctl

SCENARIOS = sorted(bundled_folder("scenarios").rglob("*.yaml"))
FLAWLESS = 'import socket\nsocket.getaddrinfo("dns.lab", None)[0][0].name\n'
MADE_BY_CLIENTS = frozenset(
    {
        "bad-source-address",
        "book-port-66000",
        "dns-empty-label",
        "dns-family-mismatch",
        "dns-label-too-long",
        "dns-reverse-missing",
        "dns-unknown-service",
        "dns-url-as-host",
        "fd-exhausted",
        "not-connected",
        "port-in-use",
        "privileged-port",
        "tcp-to-multicast",
        "udp-broadcast",
        "udp-too-big",
        "wrong-loopback",
    }
)
"""Scenarios of what no server has a part in, in one attempt at least."""

LIMIT_S = "10"
"""What clients get that wait for ever where nothing is wrong; the others have shorter limits."""

_HELLO = [{"send": "hello\n"}, {"read": "all"}, "close"]
_WEB = [
    {"read": {"until": "\r\n\r\n"}},
    {"send": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"},
    "close",
]
WORKING: dict[str, list[Any]] = {
    "smtp": [{"dialogue": "smtp"}],
    "http": _WEB,
    "tls": [{"tls": {}}, *_WEB],
    "ftp": [{"dialogue": "ftp", "data": 2190}],
    "imap": [{"dialogue": "imap"}],
    "pop3": [{"dialogue": "pop3"}],
}
"""What a port does on which a scenario of that layer aims."""
MORE_PORTS = {
    "ftp.lab": {"2190": [{"send": "a line\r\n"}, "close"]},
    "tcp.lab": {"80": _HELLO, "2525": _HELLO},
}
"""Where data comes from, and where names lead to that lead nowhere."""


def _scenario(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return document


def _aims() -> dict[str, dict[str, list[Any]]]:
    """By host name: its ports, and a script that works for each."""
    found: dict[str, dict[str, list[Any]]] = defaultdict(dict)
    for document in map(_scenario, SCENARIOS):
        host, port = document["target"]["host"], document["target"]["port"]
        udp = document["layer"] == "udp"
        script = [{"send": "hello"}] if udp else WORKING.get(document["layer"], _HELLO)
        found[host][f"{port}/udp" if udp else str(port)] = script
    return found


def _compose(change: Callable[[dict[str, Any]], None]) -> str:
    """The project's lab, every service of it a script without rules, and then changed."""
    document = yaml.safe_load((bundled_compose()).read_text("utf-8"))
    for name, service in document["services"].items():
        if name != "dns":
            service["command"] = ["script"]
            service.pop("environment", None)
    change(document["services"])
    return yaml.safe_dump(document, sort_keys=False)


def _works(services: dict[str, Any]) -> None:
    aims = _aims()
    known = {
        alias: service
        for service in services.values()
        for alias in service["networks"]["lab"]["aliases"]
    }
    for service in services.values():
        ports: dict[str, list[Any]] = {}
        for alias in service["networks"]["lab"]["aliases"]:
            ports |= MORE_PORTS.get(alias, {}) | aims[alias]
        if ports and service is not services["dns"]:
            service["environment"] = {"LAB_PORTS": _lines(ports)}
            service["cap_add"] = ["NET_BIND_SERVICE"]
    unknown = [host for host in aims if host.endswith(".lab") and host not in known]
    services["dns"]["environment"]["LAB_ANSWERS"] = _lines({one: ["tcp.lab"] for one in unknown})


def _listens_nowhere(services: dict[str, Any]) -> None:
    services["dns"]["environment"].pop("LAB_ANSWERS")


def _lines(entries: dict[str, list[Any]]) -> str:
    """A line for each, as the services read them."""
    shown = (f"{key}: {json.dumps(value)}\n" for key, value in entries.items())
    return "".join(shown).replace("$", "$$")


Verdicts = dict[str, dict[str, str]]
"""By scenario and attempt."""


def _run(folder: Path, compose: str, paths: Collection[Path], *, is_whole: bool) -> Done:
    (folder / "lab.yaml").write_text(compose, "utf-8")
    files = [folder / path.name for path in paths]
    for file, path in zip(files, paths, strict=True):
        document = {**_scenario(path), "compose": "lab.yaml"}
        if not is_whole and path.stem not in MADE_BY_CLIENTS:
            name, attempt = next(iter(document["attempts"].items()))
            document["attempts"] = {name: attempt}
        file.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
    return labctl("run", *files, "--timeout", LIMIT_S, "--json", "-")


def _verdicts(done: Done) -> Verdicts:
    found: Verdicts = defaultdict(dict)
    assert done.code == 1, done.out[-3000:] + done.err
    for one in done.document["attempts"]:
        found[one["scenario"]][one["attempt"]] = one["verdict"]
    return found


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory, is_whole: bool) -> list[Verdicts]:
    """The verdicts where all services work, and those where none listens. The default run makes
    one attempt of a scenario, unless its client is at fault, and the second lab only for those
    scenarios that do not fail as a whole in the first.
    """
    folder = tmp_path_factory.mktemp("works")
    works = _verdicts(_run(folder, _compose(_works), SCENARIOS, is_whole=is_whole))
    left = [path for path in SCENARIOS if is_whole or set(works[path.stem].values()) != {"fail"}]
    folder = tmp_path_factory.mktemp("listens-nowhere")
    done = _run(folder, _compose(_listens_nowhere), left, is_whole=is_whole)
    return [works, _verdicts(done)]


@pytest.mark.parametrize("name", [path.stem for path in SCENARIOS])
def test_without_its_fault_a_scenario_fails(without: list[Verdicts], name: str) -> None:
    seen = {
        attempt: {verdicts[name][attempt] for verdicts in without if name in verdicts}
        for attempt in without[0][name]
    }
    unmoved = [attempt for attempt, verdicts in seen.items() if verdicts <= {"pass"}]
    assert bool(unmoved) == (name in MADE_BY_CLIENTS), seen


def test_with_a_client_that_does_nothing_wrong_they_fail_too(tmp_path: Path) -> None:
    files = []
    for path in SCENARIOS:
        if path.stem in MADE_BY_CLIENTS:
            document = _scenario(path)
            for attempt in document["attempts"].values():
                attempt["client"] = FLAWLESS
            file = tmp_path / path.name
            file.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
            files.append(file)
    assert {file.stem for file in files} == MADE_BY_CLIENTS
    done = labctl("run", *files, "--json", "-")
    for name, verdicts in _verdicts(done).items():
        assert set(verdicts.values()) == {"fail"}, (name, verdicts)
