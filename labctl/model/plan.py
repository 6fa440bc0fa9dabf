"""A plan: which labs to start and which attempts to make in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from labctl.model.codec import dump_json, load_json
from labctl.model.compose import Service
from labctl.model.expectation import Expectation
from labctl.model.policy import Rule
from labctl.model.scenario import Target


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """A Python for clients: `series` is 3.13, `version` 3.13.5, `image` what to start;
    `packages` its third-party ones, with their versions.
    """

    series: str
    version: str
    image: str
    packages: Mapping[str, str] = field(default_factory=dict, hash=False)


class Unit(NamedTuple):
    """An attempt of a scenario on one Python; `client` is the file of one that was given."""

    scenario: str
    attempt: str
    series: str
    client: str = ""


@dataclass(frozen=True, kw_only=True)
class PlannedAttempt:
    """One client, to be run once.

    `key` names the attempt in its plan: no other attempt of the plan has it, and it says nothing
    else. Whoever plans sets it. `client` is the file of a client that was given by a user; it is
    empty for a scenario's own. `services` names the services that the attempt needs: no other one
    of its lab is waited for, or asked what it saw. `expectation` is None if nothing is expected;
    `rule` is what judges the client instead, by a policy. `argv` holds its arguments, `env` the
    variables of its environment beside LAB_HOST and LAB_PORT. `repeat` counts from 1.
    """

    key: str
    scenario: str
    attempt: str
    source: str
    origin: str
    target: Target
    services: tuple[str, ...]
    interpreter: Interpreter
    client: str = ""
    expectation: Expectation | None = None
    repeat: int = 1
    rule: Rule | None = None
    requires: tuple[str, ...] = ()
    argv: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def unit(self) -> Unit:
        """What is always made on one machine together with all its repeats: scenario, attempt,
        series and client.
        """
        return Unit(self.scenario, self.attempt, self.interpreter.series, self.client)


@dataclass(frozen=True, kw_only=True)
class PlannedLab:
    """One lab: the names of its scenarios, their services, and the attempts to make in it.

    Several attempts are made side by side, unless the lab is `serial`.
    """

    compose: Path
    scenarios: tuple[str, ...] = ()
    services: tuple[Service, ...]
    attempts: tuple[PlannedAttempt, ...]
    serial: bool = False


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All the labs of one run."""

    labs: tuple[PlannedLab, ...]

    @property
    def attempts(self) -> tuple[PlannedAttempt, ...]:
        """The attempts of all labs, in the order of the plan."""
        return tuple(attempt for lab in self.labs for attempt in lab.attempts)

    def to_json(self) -> str:
        """Return the plan as JSON. Raise ValueError if a path in it is not Unicode."""
        return dump_json(self)

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """Return the plan that `to_json` made the text of. Raise ValueError for other text."""
        return load_json(cls, text)
