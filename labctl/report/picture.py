"""The picture of who talks to whom in a scenario."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from labctl.model.compose import Service
from labctl.model.flows import is_address, line_host
from labctl.model.scenario import Scenario
from labctl.report.text import clip, listed
from labctl.text import escape_control

_ARROW = 44
_WIRE_LIMIT = 8
_RESOLVER = "dns"


def picture(scenario: Scenario) -> list[str]:
    """The client, an arrow for each flow it is expected to have, and the services they go to."""
    talks = _talks(scenario)
    met = {name for _, name in talks}
    lines = []
    for number, (what, name) in enumerate(talks):
        start = "client ├" if number == 0 else "       ├" if number < len(talks) - 1 else "       ╰"
        start = "client ─" if len(talks) == 1 else start
        arrow = clip(f" {escape_control(what)} ", _ARROW).ljust(_ARROW, "─")
        lines.append(clip(f"  {start}─{arrow}▶ {escape_control(_titled(scenario, name))}", 80))
    idle = [service.name for service in scenario.services if service.name not in met]
    return [*lines, *([f"  also in the lab: {listed(map(escape_control, idle))}"] if idle else [])]


def _titled(scenario: Scenario, name: str) -> str:
    service = next((one for one in scenario.services if one.name == name), None)
    return f"{name} ({', '.join(service.aliases)})" if service and service.aliases else name


def _talks(scenario: Scenario) -> list[tuple[str, str]]:
    """What goes over the wire and to which service, from `wire:` or else from the target."""
    lines = dict.fromkeys(
        line
        for attempt in scenario.attempts
        for variant in attempt.expectations
        if isinstance(variant.wire, tuple)
        for line in variant.wire
    )
    if lines:
        return [(line, _partner(scenario, line)) for line in list(lines)[:_WIRE_LIMIT]]
    return list(_guessed(scenario))


def _partner(scenario: Scenario, line: str) -> str:
    """The service at the other end of a flow as `wire:` writes it."""
    if line.startswith(f"{_RESOLVER} "):
        return _RESOLVER
    return _at(scenario.services, line_host(line))


def _guessed(scenario: Scenario) -> Iterator[tuple[str, str]]:
    host, port = scenario.target.host, scenario.target.port
    if not is_address(host) and any(one.name == _RESOLVER for one in scenario.services):
        yield f"where is {host}?", _RESOLVER
    yield f"{host}:{port}", _at(scenario.services, host)


def _at(services: tuple[Service, ...], host: str) -> str:
    """The service that a host name means; the client's own host, or a name that nobody has."""
    for service in services:
        if host in (service.name, *service.aliases):
            return service.name
    if is_address(host):
        return "itself" if ipaddress.ip_address(host).is_loopback else host
    return "itself" if host == "localhost" else "no such host"
