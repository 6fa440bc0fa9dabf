"""Another name and another port for a target, in each lab: so that what a student has seen in a
practice run, and wrote into the program, is wrong when it is graded. Pure.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass

import yaml

from labctl.model.compose import Attachment, Service
from labctl.model.flows import is_address
from labctl.model.messages import Variable
from labctl.model.scenario import Target

_PORTS = range(10_000, 20_000)
"""No service of ours listens there, and no connection of a client comes from there."""


@dataclass(frozen=True, kw_only=True)
class Aim:
    """A target in one lab, and what the placeholders `{host}`, `{port}` and `{nonce}` stand for."""

    target: Target
    placeholders: dict[str, str]


class Variation:
    """The services of one lab, in which targets get other names and ports."""

    def __init__(self, services: Iterable[Service], seed: str) -> None:
        """Take a lab's services. The same seed makes the same names and ports."""
        self._services = {service.name: service for service in services}
        self._random = random.Random(seed)  # noqa: S311 nobody gains by guessing what it can ask
        self._ports: set[int] = set()

    @property
    def services(self) -> tuple[Service, ...]:
        """Return the services in their first order, with the names and ports that `aim` has
        added.
        """
        return tuple(self._services.values())

    def aim(self, target: Target, *, vary: bool) -> Aim:
        """Return the target, or with `vary` another name and port that lead to the same service.

        The port is another one where a script listens, or nobody does. Adds both to `services`.
        """
        nonce = self._word()
        chosen = self._other(target) if vary else target
        placeholders = {"host": chosen.host, "port": str(chosen.port), "nonce": nonce}
        return Aim(target=chosen, placeholders=placeholders)

    def _word(self) -> str:
        """Return a random word of ten hexadecimal digits."""
        return f"{self._random.getrandbits(40):010x}"

    def _other(self, target: Target) -> Target:
        """Move a target to a random name, unless it is an address, and to a random port if only
        scripts serve it. Return the new target.
        """
        reached = self._reached_by(target.host)
        port = self._port() if all(map(_is_script, reached)) else target.port
        host = target.host if is_address(target.host) else f"h{self._word()[:6]}.lab"
        for name, service in self._services.items():
            changed = _with_answer(service, target.host, host)
            if service in reached:
                changed = _with_port(changed, target.port, port)
            if target.host in service.dns_names:
                changed = _with_name(changed, host)
            self._services[name] = changed
        return Target(host=host, port=port)

    def _port(self) -> int:
        """Return a random port that was not returned before."""
        port = self._random.choice([one for one in _PORTS if one not in self._ports])
        self._ports.add(port)
        return port

    def _reached_by(self, host: str) -> list[Service]:
        """Return the services that a name leads to, by way of a name server's odd answers too."""
        hosts = {host}
        for service in self._services.values():
            answer = _answers(service).get(host)
            hosts.update(map(str, answer) if isinstance(answer, list) else ())
        return [one for one in self._services.values() if hosts & {*one.dns_names}]


def _is_script(service: Service) -> bool:
    """Return whether a service gets its ports from us; other programs choose their own."""
    return service.command == ("script",)


def _with_name(service: Service, host: str) -> Service:
    """Return the service with one more name. Its first name stays the first: flows go by it."""
    networks = service.networks or {"lab": Attachment()}
    known = () if service.aliases else (service.name,)
    changed = {
        name: one.model_copy(update={"aliases": (*known, *one.aliases, host)})
        for name, one in networks.items()
    }
    return service.model_copy(update={"networks": changed})


def _with_port(service: Service, old: int, new: int) -> Service:
    """Return the service with its script and firewall rules for the new port, as for the old."""
    environment = dict(service.environment)
    ports = yaml.safe_load(environment.get(Variable.PORTS, "")) or {}
    for key, other in ((old, new), (f"{old}/udp", f"{new}/udp")):
        if key in ports:
            ports[other] = ports[key]
            environment[Variable.PORTS.value] = _dumped(ports)
    rules = environment.get(Variable.RULES, "")
    if rules:
        environment[Variable.RULES.value] = "".join(
            _doubled_rules(rules.splitlines(keepends=True), old, new)
        )
    return service.model_copy(update={"environment": environment})


def _doubled_rules(lines: Iterable[str], old: int, new: int) -> Iterable[str]:
    """Yield the lines of firewall rules, those that name the old port once more for the new."""
    rule = re.compile(rf"\b([ds]port) {old}\b")
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n"
        if rule.search(line):
            yield rule.sub(rf"\1 {new}", line)


def _with_answer(service: Service, old: str, new: str) -> Service:
    """Return a name server that answers for the new name as oddly as for the old one."""
    answers = _answers(service)
    if old not in answers:
        return service
    environment = {
        **service.environment,
        Variable.ANSWERS.value: _dumped({**answers, new: answers[old]}),
    }
    return service.model_copy(update={"environment": environment})


def _answers(service: Service) -> dict[str, object]:
    """Parse the name server's answers from a service's environment."""
    found: dict[str, object] = yaml.safe_load(service.environment.get(Variable.ANSWERS, "")) or {}
    return found


def _dumped(value: object) -> str:
    """Return a value as YAML, as the services read it."""
    dumped: str = yaml.safe_dump(value, sort_keys=False, width=1 << 20, default_style=None)
    return dumped
