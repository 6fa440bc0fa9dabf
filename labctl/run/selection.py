"""Which scenarios a request means."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from labctl.errors import InputError, UsageError, did_you_mean
from labctl.load.bundled import bundled_compose, bundled_folder
from labctl.load.catalogue import Catalogue
from labctl.load.kinds import Kind
from labctl.model.scenario import Scenario
from labctl.run.shards import Times

T = TypeVar("T")

_TIMES = "times.json"
CORE = "core"
"""The tag of the scenarios that run where nothing else is asked for."""


def catalogue(folders: Sequence[Path], *, unrecorded: bool = False) -> Catalogue:
    """Return the bundled scenarios, and those of the folders given with --scenarios.

    With `unrecorded`, their attempts need not say what they expect.
    """
    return _catalogue([bundled_folder("scenarios"), *folders], unrecorded=unrecorded)


def only(folders: Sequence[Path], *, unrecorded: bool = False) -> Catalogue:
    """Return the scenarios of these folders alone, or the bundled ones if there is no folder.

    Raise UsageError if there is no scenario at all.
    """
    found = _catalogue(folders or [bundled_folder("scenarios")], unrecorded=unrecorded)
    if not found.names():
        raise UsageError(
            f"there is no scenario in {', '.join(map(str, folders))}",
            hint="a scenario is a file like NAME.yaml, in the folder or below it",
        )
    return found


def _catalogue(folders: Sequence[Path], *, unrecorded: bool = False) -> Catalogue:
    """Return the catalogue of these folders."""
    return Catalogue(folders, bundled_compose(), unrecorded=unrecorded)


def measured_times() -> Times:
    """Read how long attempts took when they were measured. tools/times.py writes that file."""
    found = json.loads((bundled_folder("scenarios") / _TIMES).read_text("utf-8"))
    return {(name, attempt): took for name, each in found.items() for attempt, took in each.items()}


def select(
    *, names: Sequence[str], everything: bool, tags: Sequence[str], folders: Sequence[Path]
) -> list[Scenario]:
    """Return the scenarios to run, each once; what was asked for by name comes first.

    If nothing was asked for, these are all of the folders, or those with the tag core.
    """
    known = catalogue(folders)
    chosen = [known.load(name) for name in names]
    if everything:
        chosen += known.all()
    if tags:
        chosen += with_known_tags(known.all(), tags)
    if not (names or everything or tags):
        chosen = only(folders).all() if folders else with_known_tags(known.all(), (CORE,))
    return _each_once(chosen)


def loadable(
    load: Callable[[str], T], names: Iterable[str]
) -> tuple[list[tuple[str, T]], list[InputError]]:
    """Load each of these names. Return those that load, each with what it is, and all mistakes in
    the others.
    """
    right: list[tuple[str, T]] = []
    errors: list[InputError] = []
    for name in names:
        try:
            right.append((name, load(name)))
        except InputError as error:
            errors += error.each()
    return right, errors


def file_check(folders: Sequence[Path]) -> Callable[[str], Kind]:
    """Return a function that loads a scenario by its name, or a file of any kind by its path, and
    returns the kind. The names are those of `catalogue`.
    """
    from labctl.load.any_file import check_file  # noqa: PLC0415 imports the models of all kinds

    return partial(check_file, scenarios=catalogue(folders), builtin_compose=bundled_compose())


def select_unrecorded(*, names: Sequence[str], folders: Sequence[Path]) -> list[Scenario]:
    """Return the scenarios to record, each once: those named, or else all of the folders."""
    if not (names or folders):
        raise UsageError("which scenarios?", hint="name files, or folders with --scenarios")
    known = catalogue(folders, unrecorded=True)
    chosen = [known.load(name) for name in names]
    return _each_once(chosen or only(folders, unrecorded=True).all())


def with_known_tags(scenarios: Sequence[Scenario], tags: Sequence[str]) -> list[Scenario]:
    """Return the scenarios with one of the tags. Raise UsageError for a tag that none has."""
    known = {tag for scenario in scenarios for tag in scenario.tags}
    for tag in tags:
        if tag not in known:
            raise UsageError(
                f"no scenario has the tag {tag}{did_you_mean(tag, known)}",
                hint=f"there are {', '.join(sorted(known))}",
            )
    return with_tags(scenarios, tags)


def with_tags(scenarios: Sequence[Scenario], tags: Sequence[str]) -> list[Scenario]:
    """Return the scenarios with one of the tags."""
    return [scenario for scenario in scenarios if set(tags) & set(scenario.tags)]


def _each_once(scenarios: Sequence[Scenario]) -> list[Scenario]:
    """Return each scenario once. Raise UsageError if two files name the same scenario: a result
    could not tell them apart.
    """
    by_name: dict[str, Scenario] = {}
    for scenario in scenarios:
        other = by_name.setdefault(scenario.name, scenario)
        if other.path.resolve() != scenario.path.resolve():
            raise UsageError(
                f"two scenarios are called {scenario.name}: {other.path} and {scenario.path}",
                hint="rename one of the two, or run them one after the other",
            )
    return list(by_name.values())
