"""The folder that grades go to. Whatever ends labctl, each submission in it is complete or absent:
its files are written aside, and moved to their place as one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from labctl import __version__
from labctl.errors import UsageError
from labctl.examine import Ended
from labctl.judge.results import summary
from labctl.model.grade import ClassGrades, Grade
from labctl.model.result import EngineInfo, ImageInfo, Result
from labctl.wire.pcapng import pcapng

GRADE = "grade.json"
STUDENTS = "students"
_ASIDE = ".unfinished"
_MARK = "labctl-grades.json"


class Folder:
    """`DIR/students/ID/` for each submission; what is for the whole class is in DIR itself."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._aside = path / _ASIDE

    def prepare(self, *, exercise: str, resume: bool) -> None:
        """Make it, or see that it is one of ours to go on with. UsageError where it is not."""
        try:
            self._check(exercise, resume=resume)
            shutil.rmtree(self._aside, ignore_errors=True)
            (self.path / STUDENTS).mkdir(parents=True, exist_ok=True)
            self._aside.mkdir(exist_ok=True)
            self.write(_MARK, json.dumps({"exercise": exercise}) + "\n")
        except OSError as error:
            raise UsageError(
                f"cannot write grades to {self.path}: {error.strerror}",
                hint="give --out a folder that you may write to",
            ) from error

    def _check(self, exercise: str, *, resume: bool) -> None:
        there = self.path.exists() and any(self.path.iterdir())
        if not there:
            return
        mark = self.path / _MARK
        if not mark.is_file():
            raise UsageError(
                f"{self.path} has other files in it", hint="give --out a folder of its own"
            )
        other = json.loads(mark.read_text("utf-8"))["exercise"]
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
        """The grades that are there, by id, read one by one."""
        for file in sorted((self.path / STUDENTS).glob(f"*/{GRADE}")):
            try:
                yield Grade.model_validate_json(file.read_bytes())
            except ValidationError as error:
                raise UsageError(f"{file} is no grade of labctl", hint="remove it") from error

    def keep(self, owner: str, part: str, ended: Ended, engine: EngineInfo) -> tuple[str, str]:
        """Write the evidence of an attempt; the names of its result document and its packets."""
        folder = self._aside / owner / "evidence"
        folder.mkdir(parents=True, exist_ok=True)
        stem = re.sub(r"[^\w.-]", "_", part)
        (folder / f"{stem}.json").write_text(_document(ended, engine), "utf-8")
        if ended.capture is None:
            return f"evidence/{stem}.json", ""
        packets = pcapng(ended.capture.packets, comment=f"{owner}, {part}")
        (folder / f"{stem}.pcapng").write_bytes(packets)
        return f"evidence/{stem}.json", f"evidence/{stem}.pcapng"

    def finish(self, owner: str, files: dict[str, str]) -> None:
        """Write a submission's files and move all it has to its place, in one step."""
        aside, place = self._aside / owner, self.path / STUDENTS / owner
        aside.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            _write(aside / name, text)
        if place.exists():
            place.rename(self._aside / f"{owner}.before")
        aside.rename(place)
        shutil.rmtree(self._aside / f"{owner}.before", ignore_errors=True)

    def write(self, name: str, text: str) -> None:
        """Write a file for the whole class, in one step."""
        aside = self._aside / name
        _write(aside, text)
        aside.replace(self.path / name)

    def close(self) -> None:
        """All is done: nothing is unfinished any more."""
        shutil.rmtree(self._aside, ignore_errors=True)


def _write(path: Path, text: str) -> None:
    """Write a file so that it is there after the machine went down, too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _document(ended: Ended, engine: EngineInfo) -> str:
    attempt = ended.attempt
    interpreter = attempt.interpreter
    result = Result(
        labctl=__version__,
        engine=engine,
        images={interpreter.image: ImageInfo(id="", origin="", python=interpreter.version)},
        summary=summary([ended.result]),
        attempts=(ended.result,),
    )
    return result.model_dump_json(by_alias=True, indent=2) + "\n"


def class_grades(grades: list[Grade]) -> ClassGrades:
    """All grades as one document."""
    first = grades[0]
    return ClassGrades(
        labctl=__version__,
        exercise=first.exercise,
        title=first.title,
        max_points=first.max_points,
        weight=first.weight,
        grades=tuple(grades),
    )
