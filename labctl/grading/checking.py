"""A student's own check: one submission, marked on the runs that are not hidden."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from labctl.errors import UsageError
from labctl.grading.grader import Grader
from labctl.model.exercise import Exercise
from labctl.model.grade import Grade
from labctl.run.output import Output
from labctl.run.signals import terminable
from labctl.submissions import find_submissions
from labctl.submissions.names import TRIES_FILE


@dataclass(frozen=True, kw_only=True)
class CheckedFolder:
    """A grade, and which try of the student's it was, from 1."""

    grade: Grade
    tries: int


def check_folder(
    exercise: Exercise, directory: Path, output: Output, *, jobs: int, seed: str
) -> CheckedFolder:
    """Mark what is in a folder, and count the try in a file there.

    Starts labs. Raise UsageError if there is more than one submission in the folder, or no try is
    left. A try in which the lab broke, or was too busy, is not counted.
    """
    (submission, *more) = find_submissions([directory], exercise.files)
    if more:
        raise UsageError(
            f"{directory} has {len(more) + 1} submissions in it",
            hint="check one at a time; `labctl grade` takes many",
        )
    tries = _this_try(directory, exercise)
    grades: list[Grade] = []
    with terminable():
        grader = Grader(exercise, jobs=jobs, hidden=False, output=output, seed=seed)
        grader.grade([submission], done=grades.append, keep=lambda *_: ("", ""))
    (grade,) = grades
    if grade.gradable:
        _count(directory, tries)
    return CheckedFolder(grade=grade, tries=tries)


def _this_try(directory: Path, exercise: Exercise) -> int:
    """Return which try this is. Raise UsageError if the exercise allows no more."""
    file = directory / TRIES_FILE
    before = file.read_text("utf-8", "replace").strip() if file.is_file() else ""
    tries = int(before) + 1 if before.isdecimal() else 1
    most = exercise.spec.limits.tries
    if most is not None and tries > most:
        raise UsageError(
            f"{exercise.name} allows {most} tries, and all of them are used",
            hint=f"hand in what you have; {file} counts them",
        )
    return tries


def _count(directory: Path, tries: int) -> None:
    """Write the number of tries beside the student's files, if the folder exists."""
    if not directory.is_dir():
        return
    try:
        (directory / TRIES_FILE).write_text(f"{tries}\n", "utf-8")
    except OSError as error:
        raise UsageError(f"cannot write to {directory}: {error.strerror}") from error
