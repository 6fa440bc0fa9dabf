"""Scenarios x Pythons x clients -> labs and the attempts to make in them. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from labctl.errors import InputError, ManyInputErrors, UsageError, Where
from labctl.model.base import as_utf8
from labctl.model.compose import Service
from labctl.model.expectation import Expectation
from labctl.model.plan import Interpreter, Plan, PlannedAttempt, PlannedLab, Unit
from labctl.model.policy import Policy, Rule
from labctl.model.scenario import Attempt, Library, Scenario


@dataclass(frozen=True, kw_only=True)
class Client:
    """A client of one's own, given with --client; `requires` are the libraries that it imports."""

    path: Path
    source: str
    requires: tuple[Library, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """One client in one scenario, before it is multiplied by Pythons and repeats.

    `judged_by` is the scenario's attempt whose expectations count, None where none do; `rule` is
    that of a policy.
    """

    attempt: str
    client: str
    source: str
    origin: str
    requires: tuple[Library, ...]
    judged_by: Attempt | None
    rule: Rule | None = None


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
    only: Collection[Unit] | None = None,
) -> Plan:
    """The labs to start, and in each the attempts by scenario, Python, attempt and repeat.

    Scenarios of one Compose file share a lab; an `exclusive` one has its own. A client of one's
    own gets a lab apart from the scenarios' own clients: it could disturb them. `attempts` selects
    attempts by name; scenarios without any of them are left out. Unless they are to be `judged`,
    nothing is expected of any.

    With `client` alone, each scenario gets one more attempt, named after the file's stem, of
    which nothing is expected: it is shown beside the scenario's own. With `client` and
    `attempts`, the client takes the place of the attempts named, and is judged by what they
    expect.

    With `client` and `policy`, the client alone is run, once in each scenario that the policy does
    not skip, and is judged by the policy.

    Attempts that require libraries are made with the one of `with_libraries` that has the series.
    With `only`, of all these just those units are made.

    Raises UsageError for an attempt that no scenario has, and InputError for one that has no
    variant for one of the Pythons.
    """
    _check_selected(scenarios, attempts)
    equipped = {one.series: one for one in with_libraries}
    pairs = [(one, equipped.get(one.series, one)) for one in interpreters]
    groups: dict[tuple[Path, str], list[Scenario]] = {}
    for scenario in scenarios:
        own = scenario.name if scenario.exclusive else ""
        groups.setdefault((scenario.compose, own), []).append(scenario)
    labs = []
    numbers = count(1)
    for group in groups.values():
        made = [
            attempt
            for scenario in group
            for attempt in _attempts(
                scenario,
                pairs,
                _entries(scenario, attempts, client, policy, judged=judged),
                repeat,
                numbers,
            )
            if only is None or attempt.unit in only
        ]
        bundled = [attempt for attempt in made if not attempt.client]
        given = [attempt for attempt in made if attempt.client]
        labs += [_lab(group, some) for some in (bundled, given) if some]
    return Plan(labs=tuple(labs))


def check_variants(
    scenarios: Sequence[Scenario], series: Sequence[str], attempts: Sequence[str] = ()
) -> None:
    """Raise ManyInputErrors for attempts that can have no variant for some of the Pythons, as far
    as their series (`3.13`) tell; `plan` knows the versions.
    """
    errors = []
    for scenario in scenarios:
        for attempt in _chosen(scenario, attempts):
            lacking = [s for s in series if not any(e.may_admit(s) for e in attempt.expectations)]
            if lacking:
                errors.append(_no_variant(scenario, attempt, ", ".join(lacking)))
    if errors:
        raise ManyInputErrors(tuple(errors))


def _check_selected(scenarios: Sequence[Scenario], attempts: Sequence[str]) -> None:
    known = list(dict.fromkeys(a.name for s in scenarios for a in s.attempts))
    for name in attempts:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            meant = f"; did you mean {close[0]}?" if close else ""
            raise UsageError(
                f"no selected scenario has an attempt called {name}{meant}",
                hint=f"the attempts there are: {', '.join(known)}" if known else "",
            )


def _lab(scenarios: Iterable[Scenario], attempts: Sequence[PlannedAttempt]) -> PlannedLab:
    """One lab for the scenarios that have an attempt in it.

    Each scenario's services are in topological order and hold all that they depend on, so
    appending what is new keeps that order.
    """
    used = {attempt.scenario for attempt in attempts}
    needed = [scenario for scenario in scenarios if scenario.name in used]
    services: dict[str, Service] = {}
    for scenario in needed:
        for service in scenario.services:
            services.setdefault(service.name, service)
    compose = needed[0].compose if needed else Path()
    return PlannedLab(compose=compose, services=tuple(services.values()), attempts=tuple(attempts))


def _attempts(
    scenario: Scenario,
    pairs: Sequence[tuple[Interpreter, Interpreter]],
    entries: Sequence[_Entry],
    repeat: int,
    numbers: Iterator[int],
) -> Iterator[PlannedAttempt]:
    """Plan the attempts of a scenario. `pairs` holds the interpreter of each series, without
    libraries and with them; `numbers` gives the keys.
    """
    for plain, equipped in pairs:
        for entry in entries:
            interpreter = equipped if entry.requires else plain
            expectation = _expectation(scenario, entry, interpreter)
            for number in range(1, repeat + 1):
                yield PlannedAttempt(
                    key=str(next(numbers)),
                    scenario=scenario.name,
                    attempt=entry.attempt,
                    client=entry.client,
                    source=entry.source,
                    origin=entry.origin,
                    requires=entry.requires,
                    target=scenario.target,
                    interpreter=interpreter,
                    expectation=expectation,
                    repeat=number,
                    rule=entry.rule,
                )


def _entries(
    scenario: Scenario, selected: Sequence[str], client: Client | None, policy: Policy | None, *,
    judged: bool,
) -> list[_Entry]:  # fmt: skip
    if client and policy:
        rule = None if policy.skips(scenario.name) else policy.rule(scenario)
        return [replace(_own(client), rule=rule)] if rule else []
    chosen = _chosen(scenario, selected)
    if client and selected:
        return [_given(client, name=a.name, judged_by=a) for a in chosen]
    own = [
        _Entry(
            attempt=a.name,
            client="",
            source=a.source,
            origin=a.origin,
            requires=a.requires,
            judged_by=a if judged else None,
        )
        for a in chosen
    ]
    return [*own, _own(client)] if client else own


def _own(client: Client) -> _Entry:
    """A client that takes no attempt's place."""
    return _given(client, name=as_utf8(client.path.stem), judged_by=None)


def _chosen(scenario: Scenario, selected: Sequence[str]) -> list[Attempt]:
    return [a for a in scenario.attempts if not selected or a.name in selected]


def _given(client: Client, *, name: str, judged_by: Attempt | None) -> _Entry:
    return _Entry(
        attempt=name,
        client=as_utf8(client.path.name),
        source=client.source,
        origin=str(client.path),
        requires=tuple(
            dict.fromkeys((*(judged_by.requires if judged_by else ()), *client.requires))
        ),
        judged_by=judged_by,
    )


def _expectation(scenario: Scenario, entry: _Entry, interpreter: Interpreter) -> Expectation | None:
    if entry.judged_by is None:
        return None
    expectation = entry.judged_by.expectation(interpreter.version)
    if expectation is None:
        raise _no_variant(scenario, entry.judged_by, interpreter.version)
    return expectation


def _no_variant(scenario: Scenario, attempt: Attempt, pythons: str) -> InputError:
    variants = ", ".join(str(e.python) for e in attempt.expectations)
    return InputError(
        f"attempt {attempt.name} has no variant for Python {pythons}; it has: {variants}",
        where=Where(path=scenario.path),
        hint="add a variant that admits it to `expect`, or choose other Pythons with --python",
    )
