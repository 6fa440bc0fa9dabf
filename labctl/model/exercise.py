"""An exercise: `ExerciseFile` as it is written, `Exercise` with everything it names resolved."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from labctl.model.base import Input, Name, Seconds, Text
from labctl.model.compose import Service
from labctl.model.expectation import Elapsed, ExceptionName
from labctl.model.flows import check_wire
from labctl.model.scenario import Attempt, Scenario, Target
from labctl.model.served import check_served
from labctl.pythons import SERIES, USUAL

PLACES = ("host", "port", "nonce")
"""What stands in braces in texts of a run, and is another in each lab: `{host}:{port}`."""

FILE_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$"
VARIABLE_PATTERN = r"^(?!LAB_(HOST|PORT)$)[A-Za-z_][A-Za-z0-9_]*$"

_PLACE = re.compile(r"\{(\w+)\}")


def fill(text: str, places: dict[str, str]) -> str:
    """Return a text with the places in braces filled in."""
    return _PLACE.sub(lambda found: places.get(found[1], found[0]), text)


def _places(text: str) -> str:
    """Return the text. Raise ValueError for an unknown placeholder."""
    for name in _PLACE.findall(text):
        if name not in PLACES:
            raise ValueError(f"there is no {{{name}}}; there are {{host}}, {{port}} and {{nonce}}")
    return text


def _wire(text: str) -> str:
    """Return the line. Raise ValueError if it is not a line of `wire`."""
    check_wire(fill(_places(text), {"host": "host.lab", "port": "1", "nonce": "1"}))
    return text


def _served(text: str) -> str:
    """Return the line. Raise ValueError if it is not a line of `served`."""
    check_served(fill(_places(text), {"host": "host.lab", "port": "1", "nonce": "1"}))
    return text


def _file(name: str) -> str:
    """Return the name. Raise ValueError if students can't hand in a file of this name."""
    if not re.fullmatch(FILE_PATTERN, name):
        raise ValueError("a file that students hand in has a plain name, like client.py")
    return name


def _variable(name: str) -> str:
    """Return the name. Raise ValueError if it can't be an environment variable of a run."""
    if not re.fullmatch(VARIABLE_PATTERN, name):
        raise ValueError("a variable has a name like LAB_USER; LAB_HOST and LAB_PORT are there")
    return name


def _series(text: str) -> str:
    """Return the Python series. Raise ValueError if there is no image for it."""
    if text not in SERIES:
        raise ValueError(f"no client image has Python {text!r}; there are {', '.join(SERIES)}")
    return text


Placed = Annotated[Text, AfterValidator(_places)]
FileName = Annotated[str, AfterValidator(_file)]
Points = Annotated[float, Field(ge=0, le=1000)]
Series = Annotated[str, AfterValidator(_series)]
Ask = Literal["exception", "errno", "innermost", "modules", "wire"]
Ending = Literal["refused", "unanswered", "unreachable", "reset", "closed", "open"]


class Times(Input):
    """How often something must have happened; without `max`, any number of times more."""

    min: Annotated[int, Field(ge=0)] = 1
    max: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Times:
        """Raise ValueError if `max` is less than `min`."""
        if self.max is not None and self.max < self.min:
            raise ValueError(f"max is {self.max}, but min is {self.min} (it is 1 if left out)")
        return self


RULES = (
    "stdout",
    "exit",
    "raises",
    "isa",
    "returns",
    "elapsed",
    "served",
    "wire",
    "tries",
    "again_after",
    "secret",
)
"""The keys of a check that say what must be so; each has exactly one."""


class Check(Input):
    """One thing that must be so of a run, and what it is worth.

    `stdout` is the whole output, but for white space around it; `exit` the exit code. `served` and
    `wire` are an event and a flow, which `times` counts. `tries` counts the connections to the
    target, `again_after` wants another one after one that ended so. `secret`: this text never
    leaves the client in the clear, nor in base64. `elapsed` is measured outside of the client.
    """

    stdout: Placed | None = None
    exit: Annotated[int, Field(ge=0, le=255)] | None = None
    raises: ExceptionName | None = None
    isa: ExceptionName | None = None
    returns: Placed | None = None
    elapsed: Elapsed | None = None
    served: Annotated[str, AfterValidator(_served)] | None = None
    wire: Annotated[str, AfterValidator(_wire)] | None = None
    tries: Times | None = None
    again_after: Ending | None = None
    secret: Placed | None = None
    times: Times | None = None
    points: Points = 1.0
    hint: Text = "-"

    @model_validator(mode="after")
    def _one_rule(self) -> Check:
        """Raise ValueError if a check has not exactly one rule, or `times` without a rule that
        counts.
        """
        given = [key for key in RULES if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(f"needs exactly one of: {', '.join(RULES)}")
        if self.times is not None and given[0] not in ("served", "wire"):
            raise ValueError("times goes with served or wire")
        return self

    @property
    def rule(self) -> str:
        """The name of the rule that is given: the one key of RULES that the check has."""
        return next(key for key in RULES if getattr(self, key) is not None)


class RunFile(Input):
    """The student's program, run once. Where it aims comes from `scenario`, or from `services` and
    `target`. Unless `vary` is false, host and port have another name and number in each lab.
    """

    title: Text
    scenario: Name | None = None
    services: tuple[Name, ...] = ()
    target: Target | None = None
    vary: bool = True
    env: dict[Annotated[str, AfterValidator(_variable)], Placed] = Field(default_factory=dict)
    argv: tuple[Placed, ...] = ()
    hidden: bool = False
    bonus: bool = False
    checks: Annotated[tuple[Check, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_aim(self) -> RunFile:
        """Raise ValueError if a run has not exactly one of scenario and target."""
        if (self.scenario is None) == (self.target is None):
            raise ValueError("needs a scenario, or a target, and not both")
        if self.scenario is not None and self.services:
            raise ValueError("services go with target; a scenario brings its own")
        return self


class ClientFile(Input):
    """A program that students write."""

    file: FileName
    text: Text
    runs: Annotated[dict[Name, RunFile], Field(min_length=1)]


class AboutFile(Input):
    """An attempt of a scenario that questions are about: it is made anew for each grading."""

    scenario: Name
    attempt: Name
    python: Series | None = None


class QuestionFile(Input):
    """One question about what will be observed."""

    about: Name
    ask: Ask
    text: Text
    points: Points = 1.0
    hint: Text = "-"
    hidden: bool = False
    bonus: bool = False


class PredictFile(Input):
    """Questions that students answer in a YAML file, `NAME: answer`."""

    file: FileName = "answers.yaml"
    about: Annotated[dict[Name, AboutFile], Field(min_length=1)]
    questions: Annotated[dict[Name, QuestionFile], Field(min_length=1)]


class OwnScenarioFile(Input):
    """A scenario that students write: it must be valid, and pass. One of its attempts must expect
    the exception `raises`, and say what is on the wire.
    """

    file: FileName
    text: Text
    raises: ExceptionName
    points: Points = 1.0
    hint: Text = "-"
    bonus: bool = False


class LimitsFile(Input):
    """`tries` is how often a student may hand in, and `time` how long a run may take."""

    tries: Annotated[int, Field(ge=1)] | None = None
    time: Seconds = 10.0


class ExerciseFile(Input):
    """An exercise as its YAML file has it."""

    name: Name
    title: Text
    text: Text
    level: Annotated[int, Field(ge=1, le=5)] = 1
    weight: Annotated[float, Field(gt=0, le=1000)] = 1.0
    python: Series = USUAL
    compose: Text | None = None
    limits: LimitsFile = Field(default_factory=LimitsFile)
    predict: PredictFile | None = None
    clients: dict[Name, ClientFile] = Field(default_factory=dict)
    scenarios: dict[Name, OwnScenarioFile] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _asks_something(self) -> ExerciseFile:
        """Raise ValueError if an exercise asks nothing."""
        if not (self.predict or self.clients or self.scenarios):
            raise ValueError("asks nothing: needs predict, clients or scenarios")
        return self


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run with what it aims at resolved; `name` is `CLIENT/RUN`."""

    name: str
    file: str
    spec: RunFile
    services: tuple[Service, ...]
    compose: Path
    target: Target


def points_of(
    questions: Iterable[QuestionFile], own: Iterable[OwnScenarioFile], runs: Iterable[Run]
) -> float:
    """Return the sum of the points of these parts, without a bonus."""
    found = [one.points for one in questions if not one.bonus]
    found += [one.points for one in own if not one.bonus]
    found += [check.points for run in runs if not run.spec.bonus for check in run.spec.checks]
    return round(sum(found), 3)


@dataclass(frozen=True, kw_only=True)
class About:
    """What questions are about, resolved."""

    name: str
    scenario: Scenario
    attempt: Attempt
    python: str


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """An exercise ready to be graded; `folder` also holds `start/`, what students begin with."""

    path: Path
    spec: ExerciseFile
    digest: str
    abouts: tuple[About, ...]
    runs: tuple[Run, ...]

    @property
    def name(self) -> str:
        """The exercise's name."""
        return self.spec.name

    @property
    def folder(self) -> Path:
        """The folder that the exercise is in."""
        return self.path.parent

    @property
    def files(self) -> tuple[str, ...]:
        """What students hand in."""
        spec = self.spec
        names = [spec.predict.file] if spec.predict else []
        names += [one.file for one in spec.clients.values()]
        names += [one.file for one in spec.scenarios.values()]
        return tuple(dict.fromkeys(names))
