"""Planned attempts of scenarios' own clients, and of clients that a user gives. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from labctl.errors import InputError, Where
from labctl.model.base import as_utf8
from labctl.model.compose import Service
from labctl.model.expectation import Expectation
from labctl.model.plan import Interpreter, PlannedAttempt
from labctl.model.policy import Rule
from labctl.model.scenario import Attempt, Scenario


class HasServices(Protocol):
    """A scenario, or a run of an exercise."""

    @property
    def services(self) -> tuple[Service, ...]:
        """The services, each after those it depends on."""
        ...


@dataclass(frozen=True, kw_only=True)
class Client:
    """A client that a user gives; `requires` are the libraries that it imports."""

    path: Path
    source: str
    requires: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """The name of its file, as a document can hold it."""
        return as_utf8(self.path.name)


def scenario_attempt(
    scenario: Scenario,
    attempt: Attempt,
    interpreter: Interpreter,
    *,
    key: str,
    repeat: int = 1,
    is_judged: bool = True,
) -> PlannedAttempt:
    """Plan an attempt of a scenario with its own client, on one Python.

    Unless it `is_judged`, nothing is expected of it. Raise InputError if it is, and has no variant
    for that Python.
    """
    return PlannedAttempt(
        key=key,
        scenario=scenario.name,
        attempt=attempt.name,
        source=attempt.source,
        origin=attempt.origin,
        requires=attempt.requires,
        target=scenario.target,
        services=service_names(scenario),
        interpreter=interpreter,
        expectation=_expectation(scenario, attempt, interpreter) if is_judged else None,
        repeat=repeat,
    )


def client_attempt(
    scenario: Scenario,
    client: Client,
    interpreter: Interpreter,
    *,
    key: str,
    name: str = "",
    repeat: int = 1,
    judged_by: Attempt | None = None,
    rule: Rule | None = None,
) -> PlannedAttempt:
    """Plan an attempt of a scenario with a client that a user gives, on one Python.

    The attempt is called `name`, or after the client's file. It is judged by what the scenario's
    attempt `judged_by` expects, or by the `rule` of a policy, or not at all. Raise InputError if
    `judged_by` has no variant for that Python.
    """
    return PlannedAttempt(
        key=key,
        scenario=scenario.name,
        attempt=name or as_utf8(client.path.stem),
        client=client.file,
        source=client.source,
        origin=as_utf8(str(client.path)),
        requires=client_requires(client, judged_by),
        target=scenario.target,
        services=service_names(scenario),
        interpreter=interpreter,
        expectation=_expectation(scenario, judged_by, interpreter) if judged_by else None,
        repeat=repeat,
        rule=rule,
    )


def service_names(source: HasServices) -> tuple[str, ...]:
    """Return the names of the services that attempts of a scenario, or of a run, need."""
    return tuple(service.name for service in source.services)


def client_requires(client: Client, judged_by: Attempt | None) -> tuple[str, ...]:
    """Return the libraries of the attempt that a client is judged by, and the client's own."""
    libraries = (*(judged_by.requires if judged_by else ()), *client.requires)
    return tuple(dict.fromkeys(libraries))


def _expectation(scenario: Scenario, attempt: Attempt, interpreter: Interpreter) -> Expectation:
    """Return what the attempt expects on this Python. Raise InputError if it expects
    nothing there.
    """
    expectation = attempt.expectation(interpreter.version)
    if expectation is None:
        raise no_variant(scenario, attempt, interpreter.version)
    return expectation


def no_variant(scenario: Scenario, attempt: Attempt, pythons: str) -> InputError:
    """Return the error that an attempt expects nothing on some Pythons, which are listed."""
    variants = ", ".join(str(variant.python) for variant in attempt.expectations)
    return InputError(
        f"attempt {attempt.name} has no variant for Python {pythons}; it has: {variants}",
        where=Where(path=scenario.path),
        hint="add a variant that admits it to `expect`, or choose other Pythons with --python",
    )
