"""What grading found: marks, one document for each submission, and one for the class.

The JSON of `Grade` is the format `labctl-grade/1`, that of `ClassGrades` `labctl-class/1`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from labctl.model.base import Record


class GradeState(StrEnum):
    """How grading a submission ended.

    `refused`: it could not be read, or breaks the rules for archives; its points are 0.
    `tampered`: report, wire and servers disagree; the points are what they say, and a human is to
    look. `error`: the lab broke twice. `inconclusive`: the machine was too busy to tell, twice.
    Both have no points, and cost none.
    """

    GRADED = "graded"
    REFUSED = "refused"
    TAMPERED = "tampered"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"

    @property
    def has_points(self) -> bool:
        """Whether the points say something about what was handed in."""
        return self not in (GradeState.INCONCLUSIVE, GradeState.ERROR)


class Mark(Record):
    """What one check or question gave. `expected` and `actual` are what to show side by side, and
    `message` what they don't say.

    Of a hidden one, a student may see `points` and `max_points` alone. `hint` is empty if there
    is none, or nothing to hint at.
    """

    title: str
    points: float
    max_points: float
    expected: str = ""
    actual: str = ""
    message: str = ""
    hint: str = ""

    @property
    def full(self) -> bool:
        """Whether the mark has all its points."""
        return self.points >= self.max_points


class Part(Record):
    """The marks of one run of a client, of one prediction, or of one scenario of the student's.

    `state` is `tampered`, `inconclusive` or `error` where that is so of this part, else `graded`.
    `reasons` say why. `starved_s` is how long the program and the services waited for a processor.
    `ladder` are lines of text, the packets as people see them; `capture` the name of the
    pcapng beside the document, `evidence` that of the result document.
    """

    name: str
    kind: Literal["predict", "client", "scenario"]
    title: str
    hidden: bool = False
    bonus: bool = False
    state: GradeState = GradeState.GRADED
    reasons: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()
    elapsed_s: float = 0.0
    starved_s: float = 0.0
    ladder: tuple[str, ...] = ()
    stdout: str = ""
    stderr: str = ""
    capture: str = ""
    evidence: str = ""

    @property
    def points(self) -> float:
        """The points of all marks."""
        return sum(mark.points for mark in self.marks)

    @property
    def max_points(self) -> float:
        """The most points of all marks."""
        return sum(mark.max_points for mark in self.marks)


class Grade(Record):
    """One submission, graded. `id` and `name` are the student's, `digest` is of what was handed in.

    `max_points` leaves bonus out, so that `points` may be more. `message` says why a submission
    was refused, or what else somebody should know.
    """

    schema_: Literal["labctl-grade/1"] = Field(default="labctl-grade/1", alias="schema")
    labctl: str
    exercise: str
    exercise_digest: str
    title: str
    weight: float = 1.0
    id: str
    name: str
    submission: str
    digest: str
    state: GradeState
    message: str = ""
    points: float
    max_points: float
    elapsed_s: float = 0.0
    parts: tuple[Part, ...] = ()

    @property
    def gradable(self) -> bool:
        """Whether it costs the student points: a lab that broke does not, nor one that was too
        busy.
        """
        return self.state.has_points

    @property
    def score(self) -> float:
        """From 0 to 1; more than 1 where a bonus makes it more."""
        return self.points / self.max_points if self.max_points else 1.0


class ClassGrades(Record):
    """All submissions of one grading, by id."""

    schema_: Literal["labctl-class/1"] = Field(default="labctl-class/1", alias="schema")
    labctl: str
    exercise: str
    title: str
    max_points: float
    weight: float = 1.0
    grades: tuple[Grade, ...]
