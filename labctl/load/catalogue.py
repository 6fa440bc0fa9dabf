"""The scenarios of some folders, found by name and loaded when asked for."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from functools import cache, cached_property
from pathlib import Path

from labctl.errors import InputError, ManyInputErrors, UsageError, Where, did_you_mean
from labctl.load.compose import load_compose
from labctl.load.files import read_bytes
from labctl.load.kinds import SUFFIXES, has_compose_name
from labctl.load.scenario import load_scenario
from labctl.load.yaml_reader import SIZE_LIMIT
from labctl.model.scenario import Scenario


class Catalogue:
    """The scenarios in `folders` and all folders below them.

    A scenario is a `*.yaml` or `*.yml` file called as the scenario itself. Compose files are told
    by their names: `lab.yaml`, `compose.yaml`, `docker-compose.yaml`, `*.compose.yaml`, or any name
    in a folder called `compose`. These, and whatever starts with a dot, are no scenarios.

    With `unrecorded`, attempts need not say what they expect. UsageError where a folder doesn't
    exist. Each Compose file is read once.
    """

    def __init__(
        self, folders: Sequence[Path], builtin_compose: Path, *, unrecorded: bool = False
    ) -> None:
        """Take the folders with scenarios, and the Compose file of those that name none. With
        `unrecorded`, attempts may lack `expect`.
        """
        for folder in folders:
            if not folder.is_dir():
                raise UsageError(
                    f"there is no folder {folder}", hint="give --scenarios a folder of scenarios"
                )
        self._folders = tuple(folders)
        self._builtin_compose = builtin_compose
        self._unrecorded = unrecorded
        self._read_compose = cache(load_compose)

    def names(self) -> list[str]:
        """Return the names of all scenarios, sorted. Reads no file."""
        return sorted(self._files)

    def load(self, name_or_path: str) -> Scenario:
        """Load one scenario. The text is a path if it has a slash or ends in .yaml or .yml, else a
        name. Raise UsageError for an unknown name, and InputError for a file with mistakes.
        """
        if {os.sep, "/"} & set(name_or_path) or name_or_path.endswith(SUFFIXES):
            return self._load(Path(name_or_path))
        if name_or_path not in self._files:
            raise UsageError(
                f'no scenario is called "{name_or_path}"{did_you_mean(name_or_path, self._files)}',
                hint="`labctl list` shows them all; a file is given as a path, like ./mine.yaml",
            )
        return self._load_named(name_or_path)

    def all(self) -> list[Scenario]:
        """Load every scenario; return them by name. Raise ManyInputErrors with the mistakes of all
        files.
        """
        scenarios, errors = self.sorted_out()
        if errors:
            raise ManyInputErrors(tuple(errors))
        return scenarios

    def sorted_out(self) -> tuple[list[Scenario], list[InputError]]:
        """Load every scenario; return those that are right, by name, and the mistakes in the files
        of the others. Each mistake is there once: several scenarios may name the same wrong Compose
        file.
        """
        scenarios: list[Scenario] = []
        errors: dict[str, InputError] = {}
        for name in self.names():
            try:
                scenarios.append(self._load_named(name))
            except InputError as error:
                errors |= {str(each): each for each in error.each()}
        return scenarios, list(errors.values())

    def mentioning(self, words: Collection[str]) -> list[Scenario]:
        """Load the scenarios, by name, whose files have one of these words; other files are not
        parsed.
        """
        wanted = [word.encode() for word in words]
        return [self._load_named(name) for name in self.names() if self._has(name, wanted)]

    def _has(self, name: str, words: Collection[bytes]) -> bool:
        """Tell whether a scenario's file contains one of the words."""
        data = read_bytes(self._files[name], SIZE_LIMIT)
        return any(word in data for word in words)

    def _load(self, path: Path) -> Scenario:
        """Load a scenario from a file. Raise InputError if it has mistakes."""
        return load_scenario(
            path,
            builtin_compose=self._builtin_compose,
            read_compose=self._read_compose,
            unrecorded=self._unrecorded,
        )

    def _load_named(self, name: str) -> Scenario:
        """Load a scenario by its name. Raise InputError if its file is called otherwise."""
        path = self._files[name]
        scenario = self._load(path)
        if scenario.name != name:
            raise InputError(
                f'name: must be "{name}", as the file is called, not "{scenario.name}"',
                where=Where(path=path),
                hint=f"rename the file to {scenario.name}{path.suffix}, or change `name`",
            )
        return scenario

    @cached_property
    def _files(self) -> dict[str, Path]:
        """Look through the folders, and return all scenario files by name. Raise InputError if two
        have the same name.
        """
        found: dict[str, Path] = {}
        for path in (path for folder in self._folders for path in _scenario_files(folder)):
            other = found.setdefault(path.stem, path)
            if other is not path and os.path.realpath(other) != os.path.realpath(path):
                raise InputError(
                    f'there is a scenario called "{path.stem}" in {other} too',
                    where=Where(path=path),
                    hint="rename one of the two",
                )
        return found


def _scenario_files(folder: Path) -> Iterator[Path]:
    """Walk through a folder, and yield its scenario files in order."""
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f != "compose")
        yield from (Path(parent, file) for file in sorted(files) if is_scenario(file))


def is_scenario(file: str) -> bool:
    """Tell whether a file of this name is a scenario, and not a Compose file."""
    return file.endswith(SUFFIXES) and not file.startswith(".") and not has_compose_name(file)
