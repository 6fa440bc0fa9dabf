"""Another name and another port for a target, in each lab: so that what a student has seen in a
practice run, and wrote into the program, is wrong when it is graded. Pure.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass

import yaml

from labctl.model.compose import Service
from labctl.model.flows import is_address
from labctl.model.scenario import Target

_PORTS = range(10_000, 20_000)
"""No service of ours listens there, and no connection of a client comes from there."""
_RULES = "LAB_RULES"
_SCRIPT = "LAB_PORTS"
_ANSWERS = "LAB_ANSWERS"


@dataclass(frozen=True, kw_only=True)
class Aim:
    """A target in one lab, and what `{host}`, `{port}` and `{nonce}` stand for there."""

    target: Target
    places: dict[str, str]


class Variation:
    """The services of one lab, with every target that is asked for added under another name."""

    def __init__(self, services: Iterable[Service], seed: str) -> None:
        self._services = {service.name: service for service in services}
        self._random = random.Random(seed)  # noqa: S311 nobody gains by guessing what it can ask
        self._ports: set[int] = set()

    @property
    def services(self) -> tuple[Service, ...]:
        """The services, in the order in which they came."""
        return tuple(self._services.values())

    def aim(self, target: Target, *, vary: bool) -> Aim:
        """The target itself, or another name and port that lead to it."""
        nonce = self._word()
        chosen = self._other(target) if vary else target
        places = {"host": chosen.host, "port": str(chosen.port), "nonce": nonce}
        return Aim(target=chosen, places=places)

    def _word(self) -> str:
        return f"{self._random.getrandbits(40):010x}"

    def _other(self, target: Target) -> Target:
        port = self._random.choice([one for one in _PORTS if one not in self._ports])
        self._ports.add(port)
        host = target.host if is_address(target.host) else f"h{self._word()[:6]}.lab"
        for name, service in self._services.items():
            changed = service
            if target.host in service.aliases:
                changed = _also_listening(_also_called(service, host), target.port, port)
            self._services[name] = _also_answering(changed, target.host, host)
        return Target(host=host, port=port)


def _also_called(service: Service, host: str) -> Service:
    networks = {
        name: one.model_copy(update={"aliases": (*one.aliases, host)})
        for name, one in service.networks.items()
    }
    return service.model_copy(update={"networks": networks})


def _also_listening(service: Service, old: int, new: int) -> Service:
    """A script does the same on the new port, and a firewall's rules are for it too."""
    environment = dict(service.environment)
    ports = yaml.safe_load(environment.get(_SCRIPT, "")) or {}
    for key, suffix in ((old, ""), (f"{old}/udp", "/udp")):
        if key in ports:
            ports[f"{new}{suffix}" if suffix else new] = ports[key]
            environment[_SCRIPT] = _dumped(ports)
    rules = environment.get(_RULES, "")
    if rules:
        environment[_RULES] = "".join(_doubled(rules.splitlines(keepends=True), old, new))
    return service.model_copy(update={"environment": environment})


def _doubled(lines: Iterable[str], old: int, new: int) -> Iterable[str]:
    """Every rule that names the old port, once more for the new one."""
    rule = re.compile(rf"\b([ds]port) {old}\b")
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n"
        if rule.search(line):
            yield rule.sub(rf"\1 {new}", line)


def _also_answering(service: Service, old: str, new: str) -> Service:
    """A name server that answers oddly for the old name does so for the new one."""
    answers = yaml.safe_load(service.environment.get(_ANSWERS, "")) or {}
    if old not in answers:
        return service
    environment = {**service.environment, _ANSWERS: _dumped({**answers, new: answers[old]})}
    return service.model_copy(update={"environment": environment})


def _dumped(value: object) -> str:
    """As the services read it: in double quotes, one line a text."""
    dumped: str = yaml.safe_dump(value, sort_keys=False, width=1 << 20, default_style=None)
    return dumped
