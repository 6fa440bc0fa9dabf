"""Which scenarios a command line means."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from labctl.errors import UsageError, did_you_mean
from labctl.load.bundled import bundled_compose, bundled_folder
from labctl.load.catalogue import Catalogue
from labctl.model.scenario import Scenario
from labctl.run.shards import Times

_TIMES = "times.json"
CORE = "core"
"""The tag of the scenarios that run where nothing else is asked for."""


def catalogue(folders: Sequence[Path], *, unrecorded: bool = False) -> Catalogue:
    """The bundled scenarios, and those of the folders given with --scenarios. With `unrecorded`,
    their attempts need not say what they expect.
    """
    return _catalogue([bundled_folder("scenarios"), *folders], unrecorded=unrecorded)


def only(folders: Sequence[Path], *, unrecorded: bool = False) -> Catalogue:
    """The scenarios of these folders alone; the bundled ones where there is no folder.

    UsageError where there is none at all.
    """
    found = _catalogue(folders or [bundled_folder("scenarios")], unrecorded=unrecorded)
    if not found.names():
        raise UsageError(
            f"there is no scenario in {', '.join(map(str, folders))}",
            hint="a scenario is a file like NAME.yaml, in the folder or below it",
        )
    return found


def _catalogue(folders: Sequence[Path], *, unrecorded: bool = False) -> Catalogue:
    return Catalogue(folders, bundled_compose(), unrecorded=unrecorded)


def measured_times() -> Times:
    """What attempts took when they were measured; tools/times.py makes the file anew."""
    found = json.loads((bundled_folder("scenarios") / _TIMES).read_text("utf-8"))
    return {(name, attempt): took for name, each in found.items() for attempt, took in each.items()}


def select(
    *, names: Sequence[str], everything: bool, tags: Sequence[str], folders: Sequence[Path]
) -> list[Scenario]:
    """The scenarios to run, each once; what was asked for by name comes first.

    Where nothing was asked for: all of the folders, or without any those with the tag core.
    """
    known = catalogue(folders)
    chosen = [known.load(name) for name in names]
    if everything:
        chosen += known.all()
    if tags:
        chosen += tagged(known.all(), tags)
    if not (names or everything or tags):
        chosen = only(folders).all() if folders else tagged(known.all(), (CORE,))
    return _each_once(chosen)


def select_unrecorded(*, names: Sequence[str], folders: Sequence[Path]) -> list[Scenario]:
    """The scenarios to record, each once: those named, or without any all of the folders."""
    if not (names or folders):
        raise UsageError("which scenarios?", hint="name files, or folders with --scenarios")
    known = catalogue(folders, unrecorded=True)
    chosen = [known.load(name) for name in names]
    return _each_once(chosen or only(folders, unrecorded=True).all())


def tagged(scenarios: Sequence[Scenario], tags: Sequence[str]) -> list[Scenario]:
    """Those that have one of the tags. UsageError for a tag that none has."""
    known = {tag for scenario in scenarios for tag in scenario.tags}
    for tag in tags:
        if tag not in known:
            raise UsageError(
                f"no scenario has the tag {tag}{did_you_mean(tag, known)}",
                hint=f"there are {', '.join(sorted(known))}",
            )
    return having(scenarios, tags)


def having(scenarios: Sequence[Scenario], tags: Sequence[str]) -> list[Scenario]:
    """Those that have one of the tags, which may be none."""
    return [scenario for scenario in scenarios if set(tags) & set(scenario.tags)]


def _each_once(scenarios: Sequence[Scenario]) -> list[Scenario]:
    """Without repetitions; two files that say the same name can't be told apart in a result."""
    by_name: dict[str, Scenario] = {}
    for scenario in scenarios:
        other = by_name.setdefault(scenario.name, scenario)
        if other.path.resolve() != scenario.path.resolve():
            raise UsageError(
                f"two scenarios are called {scenario.name}: {other.path} and {scenario.path}",
                hint="rename one of the two, or run them one after the other",
            )
    return list(by_name.values())
