"""What `labctl grade` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from labctl.cli.grading import Grader, exercises
from labctl.cli.output import Output
from labctl.errors import EngineError
from labctl.grading.folder import GRADE, Folder, class_grades
from labctl.grading.papers import digest_of
from labctl.model.exercise import Exercise
from labctl.model.grade import Grade, State
from labctl.run.signals import terminable
from labctl.submissions import Submission, find_submissions
from labctl.text import pluralize


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the command line asks for."""

    exercise: str
    paths: tuple[Path, ...]
    out: Path
    jobs: int
    seed: str
    resume: bool
    folders: tuple[Path, ...]
    as_json: bool


def carry_out(wanted: Wanted) -> int:
    """Grade what is to be graded, and write all there is; the exit code."""
    exercise = exercises(wanted.folders).load(wanted.exercise)
    submissions = find_submissions(wanted.paths, exercise.files)
    folder = Folder(wanted.out)
    folder.prepare(exercise=exercise.name, resume=wanted.resume)
    output = Output()
    todo = _todo(submissions, exercise, folder)
    if wanted.resume:
        kept = len(submissions) - len(todo)
        output.note(f"{kept} of {len(submissions)} are graded already; {len(todo)} to go")
    with terminable():
        if todo:
            _grade(todo, exercise, folder, output, wanted)
        grades = _for_the_class(folder, {one.id for one in submissions})
    _show(grades, wanted)
    broke = any(one.state is State.ERROR for one in grades)
    return EngineError.exit_code if broke else 0


def _todo(
    submissions: Sequence[Submission], exercise: Exercise, folder: Folder
) -> list[Submission]:
    """The submissions that have no grade yet, or one of another exercise or other files, or one
    that says that the lab broke.
    """
    known = {
        grade.id: grade.digest
        for grade in folder.grades()
        if grade.exercise_digest == exercise.digest and grade.gradable
    }
    return [
        one
        for one in submissions
        if one.id not in known or known[one.id] != digest_of(one, exercise)
    ]


def _grade(
    todo: Sequence[Submission], exercise: Exercise, folder: Folder, output: Output, wanted: Wanted
) -> None:
    grader = Grader(exercise, jobs=wanted.jobs, hidden=True, output=output, seed=wanted.seed)
    try:
        grader.grade(
            todo,
            done=lambda grade: folder.finish(grade.id, _files(grade)),
            keep=lambda ticket, ended, setting: folder.keep(
                ticket.owner, ticket.part, ended, setting
            ),
        )
    except BaseException:
        there = sum(1 for _ in folder.grades())
        output.note(f"{pluralize(there, 'grade')} in {folder.path}; go on with --resume")
        raise


def _files(grade: Grade) -> dict[str, str]:
    """What is written for one student."""
    from labctl.report.grades import feedback, gradescope, prairielearn  # noqa: PLC0415

    return {
        "feedback.md": feedback.feedback_markdown(grade),
        "feedback.html": feedback.feedback_html(grade),
        "gradescope/results.json": gradescope.results_json(grade),
        "prairielearn/results.json": prairielearn.results_json(grade),
        GRADE: grade.model_dump_json(by_alias=True, indent=2) + "\n",
    }


def _for_the_class(folder: Folder, wanted: set[str]) -> list[Grade]:
    """Write what is about all of them; the grades."""
    from labctl.report.grades import classpage, lms  # noqa: PLC0415

    grades = [grade for grade in folder.grades() if grade.id in wanted]
    everyone = class_grades(grades)
    folder.write("grades.csv", lms.moodle_csv(everyone))
    folder.write("canvas.csv", lms.canvas_csv(everyone))
    folder.write("class.json", classpage.class_json(everyone))
    folder.write("index.html", classpage.class_html(everyone))
    folder.close()
    return grades


def _show(grades: Sequence[Grade], wanted: Wanted) -> None:
    from labctl.report.console import make_console  # noqa: PLC0415
    from labctl.report.marks import class_table  # noqa: PLC0415

    if wanted.as_json:
        typer.echo((wanted.out / "class.json").read_text("utf-8"), nl=False)
        return
    make_console().print(class_table(grades, wanted.out))
