"""The folder that a student begins an exercise in."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from labctl.errors import UsageError
from labctl.load.bundled import bundled_folder
from labctl.load.exercise import START
from labctl.model.exercise import Exercise
from labctl.report.exercises import answer_sheet, instructions

README = "README.md"
"""The file with the instructions."""


@dataclass(frozen=True, kw_only=True)
class StartedFolder:
    """A folder to work in, and how a command line names its exercise."""

    path: Path
    exercise: str


def start_exercise(exercise: Exercise, directory: Path | None) -> StartedFolder:
    """Write a folder to work in: instructions, and files to begin with.

    Without a `directory`, the folder is called like the exercise. Raise UsageError if it is there
    already, or can't be written.
    """
    folder = directory or Path(exercise.name)
    is_bundled = exercise.folder.parent == bundled_folder("exercises")
    try:
        folder.mkdir(parents=True)
        # Where it lies on this machine says nothing to students.
        name = exercise.name if is_bundled else f"FOLDER/{exercise.name}"
        (folder / README).write_text(instructions(exercise, name), "utf-8")
        predict = exercise.spec.predict
        if predict:
            (folder / predict.file).write_text(answer_sheet(exercise), "utf-8")
        for file in sorted((exercise.folder / START).glob("*")):
            shutil.copyfile(file, folder / file.name)
    except FileExistsError:
        raise UsageError(f"{folder} is there already", hint="name another folder") from None
    except OSError as error:
        raise UsageError(f"cannot write {folder}: {error.strerror}") from error
    known = exercise.name if is_bundled else str(exercise.folder.resolve())
    return StartedFolder(path=folder, exercise=known)
