"""Grading a whole class: each submission that needs it, and what is written about all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labctl.grading.folder import GRADE, Folder, class_grades
from labctl.grading.grader import Grader
from labctl.grading.reading import digest_of
from labctl.model.exercise import Exercise
from labctl.model.grade import Grade
from labctl.report.grades import class_page, feedback, gradescope, lms, prairielearn
from labctl.run.output import Output
from labctl.run.signals import terminable
from labctl.submissions import Submission, find_submissions
from labctl.text import pluralize

CLASS = "class.json"
"""The file with all grades."""


@dataclass(frozen=True, kw_only=True)
class GradeRequest:
    """What grading a class is asked for, as the command line says it.

    `paths` are submissions, or folders and archives with submissions. Grades are written to the
    folder `out`; with `resume`, those that are there already are kept.
    """

    exercise: Exercise
    paths: tuple[Path, ...]
    out: Path
    jobs: int
    seed: str
    resume: bool


def grade_class(request: GradeRequest, output: Output) -> list[Grade]:
    """Grade the submissions that need it, write all files, and return the grades of the class.

    Each submission's files are written as soon as its grade is complete. Raise UsageError if the
    folder can't be used, and EngineError if nothing could be graded.
    """
    exercise = request.exercise
    submissions = find_submissions(request.paths, exercise.files)
    folder = Folder(request.out)
    folder.prepare(exercise=exercise.name, resume=request.resume)
    todo = _todo(submissions, exercise, folder)
    if request.resume:
        kept = len(submissions) - len(todo)
        output.note(f"{kept} of {len(submissions)} are graded already; {len(todo)} to go")
    with terminable():
        if todo:
            _grade(todo, request, folder, output)
        return _write_class(folder, {submission.id for submission in submissions})


def _todo(
    submissions: Sequence[Submission], exercise: Exercise, folder: Folder
) -> list[Submission]:
    """Return the submissions that have no grade yet, or one of another exercise or other files, or
    one that says that the lab broke.
    """
    known = {
        grade.id: grade.digest
        for grade in folder.grades()
        if grade.exercise_digest == exercise.digest and grade.gradable
    }
    return [
        submission
        for submission in submissions
        if submission.id not in known or known[submission.id] != digest_of(submission, exercise)
    ]


def _grade(
    todo: Sequence[Submission], request: GradeRequest, folder: Folder, output: Output
) -> None:
    """Grade the submissions, and write each grade and its evidence to the folder. If that is cut
    short, say how many are done.
    """
    grader = Grader(
        request.exercise,
        jobs=request.jobs,
        hidden=True,
        output=output,
        seed=request.seed,
    )
    if weakness := grader.weakness():
        output.warn(weakness)
    try:
        grader.grade(
            todo,
            done=lambda grade: folder.finish(grade.id, _files(grade)),
            keep=lambda job, ended, setting: folder.keep(job.owner, job.part, ended, setting),
        )
    except BaseException:
        there = sum(1 for _ in folder.grades())
        output.note(f"{pluralize(there, 'grade')} in {folder.path}; go on with --resume")
        raise


def _files(grade: Grade) -> dict[str, str]:
    """Return the files for one student, by name."""
    return {
        "feedback.md": feedback.feedback_markdown(grade),
        "feedback.html": feedback.feedback_html(grade),
        "gradescope/results.json": gradescope.results_json(grade),
        "prairielearn/results.json": prairielearn.results_json(grade),
        GRADE: grade.model_dump_json(by_alias=True, indent=2) + "\n",
    }


def _write_class(folder: Folder, ids: set[str]) -> list[Grade]:
    """Write the files about the whole class, and return its grades."""
    grades = [grade for grade in folder.grades() if grade.id in ids]
    everyone = class_grades(grades)
    folder.write("grades.csv", lms.moodle_csv(everyone))
    folder.write("canvas.csv", lms.canvas_csv(everyone))
    folder.write(CLASS, class_page.class_json(everyone))
    folder.write("index.html", class_page.class_html(everyone))
    folder.close()
    return grades


def is_complete(grades: Sequence[Grade]) -> bool:
    """Return whether all submissions have a grade that counts: the lab neither broke nor was too
    busy.
    """
    return all(grade.gradable for grade in grades)
