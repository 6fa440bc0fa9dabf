"""From scenarios, Pythons and clients to labs and the attempts to make in them. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

from labctl.errors import ManyInputErrors, UsageError
from labctl.model.compose import Service
from labctl.model.plan import Interpreter, Plan, PlannedAttempt, PlannedLab, Unit
from labctl.model.policy import Policy
from labctl.model.scenario import Attempt, Scenario
from labctl.run.attempts import (
    Client,
    HasServices,
    client_attempt,
    client_requires,
    no_variant,
    scenario_attempt,
)


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """One client in one scenario; `plan` plans it on one Python, given a key and a repeat."""

    requires: tuple[str, ...]
    plan: Callable[..., PlannedAttempt] = field(compare=False)


def plan(
    scenarios: Sequence[Scenario],
    *,
    interpreters: Sequence[Interpreter],
    with_libraries: Sequence[Interpreter] = (),
    attempts: Sequence[str] = (),
    client: Client | None = None,
    repeat: int = 1,
    judged: bool = True,
    policy: Policy | None = None,
) -> Plan:
    """Plan the labs to start, and in each the attempts by scenario, Python, attempt and repeat.

    Scenarios of one Compose file share a lab; an `exclusive` one has its own. A client that a user
    gives has a lab apart from the scenarios' own clients: it could disturb them. `attempts` selects
    attempts by name; scenarios without any of them are left out. Unless they are to be `judged`,
    nothing is expected of any.

    With `client` alone, each scenario gets one more attempt, named after the file's stem, of
    which nothing is expected: it is shown beside the scenario's own. With `client` and
    `attempts`, the client takes the place of the attempts named, and is judged by what they
    expect. With `client` and `policy`, the client alone is run, once in each scenario that the
    policy does not skip, and is judged by the policy.

    Attempts that require libraries are made with the one of `with_libraries` that has the series.
    Raise InputError for an attempt that has no variant for one of the Pythons.
    """
    equipped = {interpreter.series: interpreter for interpreter in with_libraries}
    pairs = [(plain, equipped.get(plain.series, plain)) for plain in interpreters]
    numbers = count(1)
    labs = []
    for group in _sharing_a_lab(scenarios):
        planned = [
            attempt
            for scenario in group
            for attempt in _attempts(
                _entries(scenario, attempts, client, policy, judged=judged), pairs, repeat, numbers
            )
        ]
        own = [attempt for attempt in planned if not attempt.client]
        given = [attempt for attempt in planned if attempt.client]
        labs += [_lab_with(group, part) for part in (own, given) if part]
    return Plan(labs=tuple(labs))


def check_selected(scenarios: Sequence[Scenario], attempts: Sequence[str]) -> None:
    """Raise UsageError if no scenario has an attempt of one of these names."""
    known = list(dict.fromkeys(a.name for s in scenarios for a in s.attempts))
    for name in attempts:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            meant = f"; did you mean {close[0]}?" if close else ""
            raise UsageError(
                f"no selected scenario has an attempt called {name}{meant}",
                hint=f"the attempts there are: {', '.join(known)}" if known else "",
            )


def check_variants(
    scenarios: Sequence[Scenario], series: Sequence[str], attempts: Sequence[str] = ()
) -> None:
    """Raise ManyInputErrors for attempts that expect nothing on some of the Pythons.

    Only the series (`3.13`) is known here; `plan` knows the versions.
    """
    errors = []
    for scenario in scenarios:
        for attempt in _selected(scenario, attempts):
            lacking = [s for s in series if not any(e.may_admit(s) for e in attempt.expectations)]
            if lacking:
                errors.append(no_variant(scenario, attempt, ", ".join(lacking)))
    if errors:
        raise ManyInputErrors(tuple(errors))


def lab_of(scenarios: Sequence[Scenario], attempts: Iterable[PlannedAttempt] = ()) -> PlannedLab:
    """Return one lab with the services of all these scenarios, of which there is at least one."""
    return PlannedLab(
        compose=scenarios[0].compose,
        scenarios=tuple(scenario.name for scenario in scenarios),
        services=services_of(scenarios),
        attempts=tuple(attempts),
    )


def services_of(scenarios: Iterable[HasServices]) -> tuple[Service, ...]:
    """Return the services of several scenarios or runs, each once, after those it depends on. Each
    of them must have its own services in this order, with all that they depend on.
    """
    services: dict[str, Service] = {}
    for scenario in scenarios:
        for service in scenario.services:
            services.setdefault(service.name, service)
    return tuple(services.values())


def keep_units(plan: Plan, units: Collection[Unit], scenarios: Sequence[Scenario]) -> Plan:
    """Return the plan with the attempts of these units alone, and the services that they need.

    `scenarios` are those that the plan was made of.
    """
    labs = []
    for lab in plan.labs:
        attempts = [attempt for attempt in lab.attempts if attempt.unit in units]
        if attempts:
            labs.append(_lab_with([s for s in scenarios if s.name in lab.scenarios], attempts))
    return Plan(labs=tuple(labs))


def _lab_with(scenarios: Iterable[Scenario], attempts: Sequence[PlannedAttempt]) -> PlannedLab:
    """Return one lab for those of the scenarios that have an attempt in it."""
    used = {attempt.scenario for attempt in attempts}
    return lab_of([scenario for scenario in scenarios if scenario.name in used], attempts)


def _sharing_a_lab(scenarios: Iterable[Scenario]) -> Iterable[list[Scenario]]:
    """Return the scenarios in groups that can share a lab."""
    groups: dict[tuple[Path, str], list[Scenario]] = {}
    for scenario in scenarios:
        groups.setdefault(lab_key(scenario), []).append(scenario)
    return groups.values()


def lab_key(scenario: Scenario) -> tuple[Path, str]:
    """Return what scenarios that share a lab have in common: the Compose file, and the name of the
    scenario if it has its lab to itself.
    """
    return scenario.compose, scenario.name if scenario.exclusive else ""


def _attempts(
    entries: Sequence[_Entry],
    pairs: Sequence[tuple[Interpreter, Interpreter]],
    repeat: int,
    numbers: Iterator[int],
) -> Iterator[PlannedAttempt]:
    """Plan all attempts of a scenario. `pairs` holds the interpreter of each series, without
    libraries and with them; `numbers` gives the keys.
    """
    for plain, equipped in pairs:
        for entry in entries:
            interpreter = equipped if entry.requires else plain
            for number in range(1, repeat + 1):
                yield entry.plan(interpreter, key=str(next(numbers)), repeat=number)


def _entries(
    scenario: Scenario, selected: Sequence[str], client: Client | None, policy: Policy | None, *,
    judged: bool,
) -> list[_Entry]:  # fmt: skip
    """Return what to make of a scenario: its attempts, the given client, or both."""
    if client and policy:
        rule = None if policy.skips(scenario.name) else policy.rule(scenario)
        planned = partial(client_attempt, scenario, client, rule=rule)
        return [_Entry(requires=client.requires, plan=planned)] if rule else []
    chosen = _selected(scenario, selected)
    if client and selected:
        return [
            _Entry(
                requires=client_requires(client, attempt),
                plan=partial(
                    client_attempt, scenario, client, name=attempt.name, judged_by=attempt
                ),
            )
            for attempt in chosen
        ]
    entries = [
        _Entry(
            requires=attempt.requires,
            plan=partial(scenario_attempt, scenario, attempt, is_judged=judged),
        )
        for attempt in chosen
    ]
    if client:
        planned = partial(client_attempt, scenario, client)
        entries.append(_Entry(requires=client.requires, plan=planned))
    return entries


def _selected(scenario: Scenario, names: Sequence[str]) -> list[Attempt]:
    """Return the scenario's attempts that are asked for; without names, all."""
    return [a for a in scenario.attempts if not names or a.name in names]
