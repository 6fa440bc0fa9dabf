"""The folder that grades are written to. Whatever ends labctl, each submission in it is complete or
absent: its files are written aside, and moved to their place as one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from labctl import __version__
from labctl.errors import UsageError
from labctl.model.grade import ClassGrades, Grade
from labctl.model.result import EngineInfo, ImageInfo, Result
from labctl.results.summary import summary
from labctl.run.examine import EndedAttempt
from labctl.wire.pcapng import pcapng

GRADE = "grade.json"
STUDENTS = "students"
_ASIDE = ".unfinished"
_MARK = "labctl-grades.json"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The engine and the images that attempts were made on, as result documents name them."""

    engine: EngineInfo
    images: Mapping[str, ImageInfo]


class Folder:
    """The folder DIR: `DIR/students/ID/` has the files of a submission, DIR those of the class."""

    def __init__(self, path: Path) -> None:
        """Take the path of the folder. Nothing is written yet."""
        self.path = path
        self._aside = path / _ASIDE

    def prepare(self, *, exercise: str, resume: bool) -> None:
        """Make the folder, or check that it has grades of this exercise to go on with.

        Raise UsageError if it has anything else in it, or can't be written.
        """
        with self._writing():
            self._check(exercise, resume=resume)
            shutil.rmtree(self._aside, ignore_errors=True)
            self._aside.mkdir(parents=True)
            # First the mark: whoever is killed after that can go on.
            self.write(_MARK, json.dumps({"exercise": exercise}) + "\n")
            (self.path / STUDENTS).mkdir(exist_ok=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Turn an OSError inside the block into a UsageError that says what can't be written."""
        try:
            yield
        except OSError as error:
            raise UsageError(
                f"cannot write grades to {self.path}: {error.strerror}",
                hint="give --out a folder that you may write to; --resume goes on",
            ) from error

    def _check(self, exercise: str, *, resume: bool) -> None:
        """Raise UsageError if the folder has files that are not this exercise's grades, or has
        grades and `resume` is not given.
        """
        there = self.path.exists() and {one.name for one in self.path.iterdir()} - {_ASIDE}
        if not there:
            return
        other = _exercise_of(self.path / _MARK)
        if other is None:
            raise UsageError(
                f"{self.path} has other files in it", hint="give --out a folder of its own"
            )
        if other != exercise:
            raise UsageError(
                f"{self.path} has grades of {other}", hint="give --out a folder of its own"
            )
        if not resume:
            raise UsageError(
                f"{self.path} has grades already",
                hint="give --resume to go on with them, or --out another folder",
            )

    def grades(self) -> Iterator[Grade]:
        """Yield the grades that are there, by id, read one by one.

        Raise UsageError for a file that is no grade.
        """
        for file in sorted((self.path / STUDENTS).glob(f"*/{GRADE}")):
            try:
                yield Grade.model_validate_json(file.read_bytes())
            except ValidationError as error:
                raise UsageError(f"{file} is not a grade of labctl", hint="remove it") from error

    def keep(self, owner: str, part: str, ended: EndedAttempt, setting: Setting) -> tuple[str, str]:
        """Write the evidence of an attempt aside, until its submission is finished.

        Returns the names of the files with its result document and its packets; the second is ""
        if nothing was captured.
        """
        stem = f"evidence/{re.sub(r'[^A-Za-z0-9_.-]', '_', part)}"
        place = self._aside / owner / stem
        with self._writing():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.with_name(f"{place.name}.json").write_text(_document(ended, setting), "utf-8")
            if ended.capture is None:
                return f"{stem}.json", ""
            packets = pcapng(ended.capture.packets, comment=f"{owner}, {part}")
            place.with_name(f"{place.name}.pcapng").write_bytes(packets)
        return f"{stem}.json", f"{stem}.pcapng"

    def finish(self, owner: str, files: dict[str, str]) -> None:
        """Write a submission's files, by name, and move all it has to its place in one step."""
        aside, place = self._aside / owner, self.path / STUDENTS / owner
        before = self._aside / f"{owner}~"  # no id has a ~ in it
        with self._writing():
            aside.mkdir(parents=True, exist_ok=True)
            for name, text in files.items():
                _write(aside / name, text)
            if place.exists():
                place.rename(before)
            aside.rename(place)
        shutil.rmtree(before, ignore_errors=True)

    def write(self, name: str, text: str) -> None:
        """Write a file for the whole class, in one step."""
        aside = self._aside / name
        with self._writing():
            _write(aside, text)
            aside.replace(self.path / name)

    def close(self) -> None:
        """Remove the evidence of unfinished submissions, when all is done."""
        shutil.rmtree(self._aside, ignore_errors=True)


def _write(path: Path, text: str) -> None:
    """Write a file, and wait until it is on the disk, in case the machine goes down."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _exercise_of(mark: Path) -> str | None:
    """Return the exercise that a folder has grades of, by the file `mark`; None if it is no such
    folder.
    """
    try:
        found = json.loads(mark.read_text("utf-8"))["exercise"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(found)


def _document(ended: EndedAttempt, setting: Setting) -> str:
    """Return the result document of one attempt, as JSON text."""
    result = Result(
        labctl=__version__,
        engine=setting.engine,
        images=dict(setting.images),
        summary=summary([ended.result]),
        attempts=(ended.result,),
    )
    return result.model_dump_json(by_alias=True, indent=2) + "\n"


def class_grades(grades: list[Grade]) -> ClassGrades:
    """Return all grades, of which there is at least one, as one document."""
    first = grades[0]
    return ClassGrades(
        labctl=__version__,
        exercise=first.exercise,
        title=first.title,
        max_points=first.max_points,
        weight=first.weight,
        grades=tuple(grades),
    )
