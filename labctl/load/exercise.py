"""Exercise files, with every scenario, service and host that they name resolved."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from labctl.errors import InputError, UsageError, Where, did_you_mean
from labctl.load.catalogue import Catalogue
from labctl.load.compose import load_compose
from labctl.load.compose_checks import with_dependencies
from labctl.load.files import read_bytes
from labctl.load.hosts import meant_host
from labctl.load.problems import input_errors, raise_all
from labctl.load.scenario import known_services
from labctl.load.scenario_checks import unsayable
from labctl.load.yaml_reader import SIZE_LIMIT, Document, Place, read_yaml, with_place
from labctl.model.compose import Service
from labctl.model.exercise import About, Exercise, ExerciseFile, Run, RunFile
from labctl.model.scenario import Scenario, Target
from labctl.model.served import parse_served
from labctl.pythons import SERIES

FILE: Final = "exercise.yaml"
"""What the file of an exercise is called; its folder has the exercise's name."""
START: Final = "start"
"""The folder beside it with what students begin with."""


class Exercises:
    """The exercises in some folders: each is a folder of its own with an exercise.yaml in it."""

    def __init__(self, folders: list[Path], scenarios: Catalogue, builtin_compose: Path) -> None:
        """Take the folders with exercises, the scenarios they may name, and the Compose file of
        those that name none.
        """
        self._folders = folders
        self._scenarios = scenarios
        self._builtin = builtin_compose

    def names(self) -> list[str]:
        """Return the names of all exercises, sorted. Reads no file."""
        return sorted(self._found())

    def _found(self) -> dict[str, Path]:
        """Look through the folders, and return all exercise files by name. Raise InputError if two
        have the same name.
        """
        found: dict[str, Path] = {}
        for file in (file for folder in self._folders for file in sorted(folder.glob(f"*/{FILE}"))):
            other = found.setdefault(file.parent.name, file)
            if other.resolve() != file.resolve():
                raise InputError(
                    f'there is an exercise called "{file.parent.name}" in {other.parent} too',
                    where=Where(path=file),
                    hint="rename one of the two folders",
                )
        return found

    def sorted_out(self) -> tuple[list[Exercise], list[InputError]]:
        """Load every exercise; return those that are right, by name, and each mistake in the others
        once.
        """
        exercises: list[Exercise] = []
        errors: dict[str, InputError] = {}
        for file in self._found().values():
            try:
                exercises.append(self._load_named(file))
            except InputError as error:
                errors |= {str(each): each for each in error.each()}
        return sorted(exercises, key=lambda one: one.name), list(errors.values())

    def load(self, name_or_path: str) -> Exercise:
        """Load one exercise, by its name or by the path of its folder or file. Raise UsageError
        for a name that is not known, and InputError for a wrong file.
        """
        path = Path(name_or_path)
        if "/" in name_or_path or path.suffix in (".yaml", ".yml"):
            return self._load(path / FILE if path.is_dir() else path)
        found = self._found()
        if name_or_path not in found:
            raise UsageError(
                f'no exercise is called "{name_or_path}"{did_you_mean(name_or_path, found)}',
                hint="`labctl exercise list` shows them all; a folder is given as ./my-exercise",
            )
        return self._load_named(found[name_or_path])

    def _load_named(self, file: Path) -> Exercise:
        """Load an exercise. Raise InputError if its folder is called otherwise."""
        exercise = self._load(file)
        folder = file.parent.name
        if exercise.name != folder:
            raise InputError(
                f'name: must be "{folder}", as its folder is called, not "{exercise.name}"',
                where=Where(path=file),
                hint=f"rename the folder to {exercise.name}, or change `name`",
            )
        return exercise

    def _load(self, path: Path) -> Exercise:
        """Load an exercise from a file. Raise InputError if it has mistakes."""
        return load_exercise(path, scenarios=self._scenarios, builtin_compose=self._builtin)


def load_exercise(path: Path, *, scenarios: Catalogue, builtin_compose: Path) -> Exercise:
    """Load the exercise in a file. Raise InputError, or ManyInputErrors, if it has mistakes."""
    document = read_yaml(path)
    try:
        written = ExerciseFile.model_validate(document.data)
    except ValidationError as error:
        raise_all(input_errors(error, ExerciseFile, document))
        raise
    return _Resolver(document, written, scenarios, builtin_compose).exercise()


class _Resolver:
    """Looks up what one exercise names, and keeps the mistakes that it meets."""

    def __init__(
        self, document: Document, written: ExerciseFile, scenarios: Catalogue, builtin: Path
    ) -> None:
        """Take an exercise's document and what is written in it, the scenarios that it may name,
        and labctl's own Compose file.
        """
        self._document = document
        self._written = written
        self._scenarios = scenarios
        self._builtin = builtin
        self._errors: list[InputError] = []

    def exercise(self) -> Exercise:
        """Return the whole exercise. Raise all its mistakes, if there are any."""
        abouts = tuple(self._abouts())
        self._check_questions()
        runs = tuple(self._runs())
        # A scenario or a Compose file that is wrong is met once for each that names it.
        raise_all({str(error): error for error in self._errors}.values())
        return Exercise(
            path=self._document.path,
            spec=self._written,
            digest=self._digest(),
            abouts=abouts,
            runs=runs,
        )

    def _digest(self) -> str:
        """Return the digest of all YAML files in the exercise's folder: a change in one of them
        changes it.
        """
        found = hashlib.sha256()
        folder = self._document.path.parent
        for file in sorted(one for one in folder.rglob("*.yaml") if one.is_file()):
            found.update(f"{file.relative_to(folder)}\0".encode())
            found.update(hashlib.sha256(read_bytes(file, SIZE_LIMIT)).digest())
        return found.hexdigest()

    def _wrong(self, place: Place, message: str, hint: str = "") -> None:
        """Note a mistake at a place."""
        where = self._document.where(place)
        self._errors.append(InputError(with_place(place, message), where=where, hint=hint))

    def _scenario(self, name: str, place: Place) -> Scenario | None:
        """Load a scenario. If it can't be loaded, note the mistakes and return None."""
        try:
            return self._scenarios.load(name)
        except UsageError as error:
            self._wrong(place, error.message, error.hint)
        except InputError as error:
            self._errors += error.each()
        return None

    # --- predict ----------------------------------------------------------------------------------

    def _abouts(self) -> Iterator[About]:
        """Yield what the questions are about, and note mistakes."""
        for name, about in self._written.predict.about.items() if self._written.predict else ():
            place: Place = ("predict", "about", name)
            scenario = self._scenario(about.scenario, (*place, "scenario"))
            python = about.python or self._written.python
            found = {one.name: one for one in scenario.attempts} if scenario else {}
            if scenario and about.attempt in found:
                attempt = found[about.attempt]
                if not any(one.may_admit(python) for one in attempt.expectations):
                    message = f"{scenario.name}/{attempt.name} expects nothing of Python {python}"
                    self._wrong(place, message, "ask about another Python, with `python`")
                yield About(name=name, scenario=scenario, attempt=attempt, python=python)
            elif scenario:
                meant = did_you_mean(about.attempt, found)
                message = f'{scenario.name} has no attempt "{about.attempt}"{meant}'
                self._wrong((*place, "attempt"), message, f"it has: {', '.join(found)}")

    def _check_questions(self) -> None:
        """Note a mistake for each question about something unknown."""
        predict = self._written.predict
        for name, question in predict.questions.items() if predict else ():
            if predict and question.about not in predict.about:
                meant = did_you_mean(question.about, predict.about)
                place: Place = ("predict", "questions", name, "about")
                self._wrong(place, f'nothing in about is called "{question.about}"{meant}')

    # --- clients ----------------------------------------------------------------------------------

    def _runs(self) -> Iterator[Run]:
        """Yield the runs of all clients, and note mistakes."""
        for client, one in self._written.clients.items():
            for name, spec in one.runs.items():
                place: Place = ("clients", client, "runs", name)
                found = self._aim(spec, place)
                if found is not None:
                    services, compose, target = found
                    self._errors += _run_mistakes(spec, place, services, self._document)
                    yield Run(
                        name=f"{client}/{name}",
                        file=one.file,
                        spec=spec,
                        services=services,
                        compose=compose,
                        target=target,
                    )

    def _aim(self, spec: RunFile, place: Place) -> tuple[tuple[Service, ...], Path, Target] | None:
        """Return services, Compose file and target of a run. If they can't be told, note the
        mistakes and return None.
        """
        if spec.scenario is not None:
            scenario = self._scenario(spec.scenario, (*place, "scenario"))
            return (scenario.services, scenario.compose, scenario.target) if scenario else None
        compose = self._compose()
        services = compose and self._services(spec, place, compose)
        if not compose or not services or spec.target is None:
            return None
        return services, compose, spec.target

    def _compose(self) -> Path | None:
        """Return the exercise's Compose file, or labctl's own if it names none. If the file is
        missing, note the mistake and return None.
        """
        name = self._written.compose
        if name is None:
            return self._builtin
        file = self._document.path.parent / name
        if "/" in name or not file.is_file():
            self._wrong(("compose",), f"there is no file {name} beside the exercise")
            return None
        return file

    def _services(self, spec: RunFile, place: Place, compose: Path) -> tuple[Service, ...] | None:
        """Return a run's services and those that they depend on. If one is unknown, note the
        mistakes and return None.
        """
        try:
            known = known_services(compose, self._builtin, load_compose)
        except InputError as error:
            self._errors += error.each()
            return None
        unknown = [name for name in spec.services if name not in known]
        for name in unknown:
            index = spec.services.index(name)
            message = f'no service is called "{name}"{did_you_mean(name, known)}'
            self._wrong((*place, "services", index), message, f"there are: {', '.join(known)}")
        return None if unknown else with_dependencies(("dns", *spec.services), known)


def series_of(exercise: Exercise) -> list[str]:
    """Return the Pythons that an exercise needs, in the order of SERIES."""
    used = {exercise.spec.python, *(about.python for about in exercise.abouts)}
    return [series for series in SERIES if series in used]


def _run_mistakes(
    spec: RunFile, place: Place, services: Sequence[Service], document: Document
) -> Iterator[InputError]:
    """Yield an error for a target that is nearly a service's name, and for each event that no
    service sends.
    """
    names = [name for one in services for name in one.dns_names]
    if spec.target and spec.target.host.lower() not in names:
        host, here = spec.target.host, (*place, "target", "host")
        if meant := meant_host(host, names):
            message = f'nothing in the lab is called "{host}"; did you mean "{meant}"?'
            yield InputError(with_place(here, message), where=document.where(here))
    known = {one.name: one for one in services}
    for number, check in enumerate(spec.checks):
        found = check.served and unsayable(parse_served(check.served), known)
        if found:
            message, hint = found
            here = (*place, "checks", number, "served")
            yield InputError(with_place(here, message), where=document.where(here), hint=hint)
