"""What `labctl exercise start`, `labctl exercise validate` and `labctl check` do."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

import typer

from labctl.cli.grading import Grader, exercises
from labctl.cli.output import Output
from labctl.errors import EngineError, InputError, UsageError
from labctl.load.bundled import bundled_folder
from labctl.load.exercise import START
from labctl.model.exercise import Exercise
from labctl.model.grade import Grade, State
from labctl.report.console import make_console
from labctl.report.exercises import answer_sheet, instructions, points
from labctl.report.marks import marks
from labctl.run.signals import terminable
from labctl.submissions import find_submissions

NOT_ALL = 1
README = "README.md"
_TRIES = ".labctl-tries"


def start(name: str, directory: Path | None, folders: Sequence[Path]) -> str:
    """Make the folder; what to say then. UsageError where it is there already."""
    exercise = exercises(folders).load(name)
    folder = directory or Path(exercise.name)
    try:
        folder.mkdir(parents=True)
        ours = exercise.folder.parent == bundled_folder("exercises")
        # Where it lies on this machine says nothing to students.
        told = exercise.name if ours else f"FOLDER/{exercise.name}"
        (folder / README).write_text(instructions(exercise, told), "utf-8")
        predict = exercise.spec.predict
        if predict:
            (folder / predict.file).write_text(answer_sheet(exercise), "utf-8")
        for file in sorted((exercise.folder / START).glob("*")):
            shutil.copyfile(file, folder / file.name)
    except FileExistsError:
        raise UsageError(f"{folder} is there already", hint="name another folder") from None
    except OSError as error:
        raise UsageError(f"cannot write {folder}: {error.strerror}") from error
    place = shlex.quote(str(folder))
    known = exercise.name if ours else shlex.quote(str(exercise.folder.resolve()))
    return f"wrote {folder}: read {README} in it\nthen: labctl check {known} {place}"


def validate(names: Sequence[str], folders: Sequence[Path]) -> tuple[list[str], list[InputError]]:
    """The exercises that are right, of all where none is named, and what is wrong in the others."""
    known = exercises(folders)
    if not names:
        found, errors = known.sorted_out()
        return [str(one.folder) for one in found], errors
    right: list[str] = []
    wrong: list[InputError] = []
    for name in names:
        try:
            known.load(name)
        except InputError as error:
            wrong += error.each()
        else:
            right.append(name)
    return right, wrong


def check(
    name: str, directory: Path, folders: Sequence[Path], *, jobs: int, seed: str, as_json: bool
) -> int:
    """Mark what is in a folder, and show it; the exit code."""
    exercise = exercises(folders).load(name)
    (submission, *more) = find_submissions([directory], exercise.files)
    if more:
        raise UsageError(
            f"{directory} has {len(more) + 1} submissions in it",
            hint="check one at a time; `labctl grade` takes many",
        )
    tried = _tries(directory, exercise)
    found: list[Grade] = []
    with terminable():
        grader = Grader(exercise, jobs=jobs, hidden=False, output=Output(), seed=seed)
        grader.grade([submission], done=found.append, keep=lambda *_: ("", ""))
    (grade,) = found
    if grade.state is not State.ERROR:
        _count(directory, tried)
    if as_json:
        typer.echo(grade.model_dump_json(by_alias=True, indent=2))
    else:
        hidden = round(points(exercise) - grade.max_points, 3)
        most = exercise.spec.limits.tries
        make_console().print(marks(grade, tried=tried, most=most, hidden=hidden))
    if grade.state is State.ERROR:
        return EngineError.exit_code
    full = grade.state is State.GRADED and grade.points >= grade.max_points
    return 0 if full else NOT_ALL


def _tries(directory: Path, exercise: Exercise) -> int:
    """Which try this is. UsageError where the exercise allows no more."""
    file = directory / _TRIES
    before = file.read_text("utf-8", "replace").strip() if file.is_file() else ""
    tried = int(before) + 1 if before.isdecimal() else 1
    most = exercise.spec.limits.tries
    if most is not None and tried > most:
        raise UsageError(
            f"{exercise.name} allows {most} tries, and all of them are used",
            hint=f"hand in what you have; {file} counts them",
        )
    return tried


def _count(directory: Path, tried: int) -> None:
    if not directory.is_dir():
        return
    try:
        (directory / _TRIES).write_text(f"{tried}\n", "utf-8")
    except OSError as error:
        raise UsageError(f"cannot write to {directory}: {error.strerror}") from error
