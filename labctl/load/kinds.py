"""The kinds of YAML files that people write for labctl, told apart by the keys at the top."""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePath
from typing import Final

from labctl.errors import InputError, Where
from labctl.load.yaml_reader import Document
from labctl.model.scenario import ScenarioFile

SUFFIXES: Final = (".yaml", ".yml")
_COMPOSE_STEMS: Final = frozenset({"compose", "docker-compose", "lab"})

_OF_COMPOSE_TOO: Final = {"name", "services"}
"""Keys of scenarios that Compose files have, too."""


class Kind(StrEnum):
    """What a file is, in words for people."""

    SCENARIO = "a scenario"
    COMPOSE = "a Compose file"
    EXERCISE = "an exercise"
    POLICY = "a policy"


_HINTS: Final = {
    Kind.COMPOSE: "name it under `compose` in a scenario; call it compose.yaml or NAME.compose.yaml"
    " if it is in a folder of scenarios",
    Kind.EXERCISE: "`labctl check` and `labctl grade` take it",
    Kind.POLICY: "`labctl run --client FILE --policy FILE` takes it",
}
"""What a file of another kind is for, for those who took it for a scenario."""


class NoScenario(InputError):
    """A file of another kind was given in place of a scenario; `kind` says which."""

    def __init__(self, document: Document, kind: Kind) -> None:
        """Take the file's document and its kind."""
        super().__init__(
            f"is {kind}, not a scenario", where=Where(path=document.path), hint=_HINTS[kind]
        )
        self.kind = kind


def has_compose_name(file: str) -> bool:
    """Tell whether a file of this name is always a Compose file."""
    stem = PurePath(file).stem
    return file.endswith(SUFFIXES) and (stem in _COMPOSE_STEMS or stem.endswith(".compose"))


def kind_of(document: Document) -> Kind:
    """Return the kind of a document. If its keys do not tell, it is a scenario with mistakes."""
    return Kind.SCENARIO if "attempts" in document.data else _kind_by_keys(document)


def _kind_by_keys(document: Document) -> Kind:
    """Return the kind of a document that has no attempts."""
    from labctl.model.exercise import ExerciseFile  # noqa: PLC0415 most files are scenarios
    from labctl.model.policy import PolicyFile  # noqa: PLC0415 likewise

    of_exercises, of_policies = ExerciseFile.model_fields.keys(), PolicyFile.model_fields.keys()
    of_scenarios = ScenarioFile.model_fields.keys() - _OF_COMPOSE_TOO
    keys = document.data.keys()
    if keys & (of_scenarios - of_exercises):
        return Kind.SCENARIO
    if keys & (of_exercises - of_scenarios - _OF_COMPOSE_TOO - of_policies):
        return Kind.EXERCISE
    if keys & of_scenarios:
        return Kind.SCENARIO
    if isinstance(document.data.get("services"), dict) or has_compose_name(document.path.name):
        return Kind.COMPOSE
    return Kind.POLICY if keys & of_policies else Kind.SCENARIO
