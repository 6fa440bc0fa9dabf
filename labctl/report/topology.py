"""The drawing of a scenario's hosts: its client, its services, and the flows between them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from labctl.model.compose import Service
from labctl.model.flows import is_address, line_host
from labctl.model.scenario import Scenario
from labctl.report.layout import clip_columns
from labctl.text import comma_list, escape_control

_WIDTH = 80
_ARROW_WIDTH = 44
_FLOWS_LIMIT = 8
_RESOLVER = "dns"


def draw_topology(scenario: Scenario) -> list[str]:
    """Return lines of at most 80 columns: an arrow from the client for each flow that is expected,
    with the service it goes to, and the names of the services that no flow goes to.
    """
    flows = list(_flows(scenario))
    lines = []
    for number, (text, service) in enumerate(flows):
        arrow = clip_columns(f" {escape_control(text)} ", _ARROW_WIDTH).ljust(_ARROW_WIDTH, "─")
        end = escape_control(_name_with_aliases(scenario, service))
        lines.append(clip_columns(f"  {_arrow_start(number, len(flows))}─{arrow}▶ {end}", _WIDTH))
    reached = {name for _, name in flows}
    idle = [escape_control(s.name) for s in scenario.services if s.name not in reached]
    return [*lines, *([f"  also in the lab: {comma_list(idle)}"] if idle else [])]


def _arrow_start(number: int, count: int) -> str:
    """Return the left end of an arrow from the client."""
    if count == 1:
        return "client ─"
    if number == 0:
        return "client ├"
    return "       ├" if number < count - 1 else "       ╰"


def _name_with_aliases(scenario: Scenario, name: str) -> str:
    """Return a service's name and its aliases."""
    service = next((one for one in scenario.services if one.name == name), None)
    return f"{name} ({', '.join(service.aliases)})" if service and service.aliases else name


def _flows(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Yield the text of each flow and its service: from `wire:`, or else from the target."""
    lines = dict.fromkeys(
        line
        for attempt in scenario.attempts
        for variant in attempt.expectations
        if isinstance(variant.wire, tuple)
        for line in variant.wire
    )
    if not lines:
        yield from _target_flows(scenario)
    for line in list(lines)[:_FLOWS_LIMIT]:
        resolver = line.startswith(f"{_RESOLVER} ")
        yield line, _RESOLVER if resolver else _service_at(scenario.services, line_host(line))


def _target_flows(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Yield what the client asks, and the service that it asks."""
    host, port = scenario.target.host, scenario.target.port
    if not is_address(host) and any(one.name == _RESOLVER for one in scenario.services):
        yield f"where is {host}?", _RESOLVER
    yield f"{host}:{port}", _service_at(scenario.services, host)


def _service_at(services: tuple[Service, ...], host: str) -> str:
    """Return the service that has this name; `itself` for the client's own host, the address if it
    is one, or `no such host`.
    """
    for service in services:
        if host in (service.name, *service.aliases):
            return service.name
    if is_address(host):
        return "itself" if ipaddress.ip_address(host).is_loopback else host
    return "itself" if host == "localhost" else "no such host"
