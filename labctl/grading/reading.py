"""Reads submissions: what of each is to be run, what it answers, and what is wrong with it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from labctl.errors import InputError, did_you_mean, shorten
from labctl.grading.gradebook import GradedSubmission
from labctl.grading.jobs import Work
from labctl.load.yaml_reader import Value, read_yaml
from labctl.model.exercise import Exercise, PredictFile
from labctl.model.scenario import Scenario
from labctl.submissions import RefusalError, Submission

_T = TypeVar("_T")
LoadScenario = Callable[[Path], Scenario]
MAX_ATTEMPTS = 5
"""Attempts that a student's scenario may have."""
_MOST_MISTAKES = 5


def read_submission(
    submission: Submission, exercise: Exercise, load_scenario: LoadScenario
) -> GradedSubmission:
    """Read a submission; never raises for what a student handed in.

    Writes scenarios and answers to temporary files, and removes them.
    """
    try:
        return _read(submission, exercise, load_scenario)
    except RefusalError as refused:
        return GradedSubmission(
            id=submission.id,
            name=submission.name,
            submission=submission.origin.name,
            refused=str(refused),
        )


def digest_of(submission: Submission, exercise: Exercise) -> str:
    """Return the digest of what was handed in; "" if it can't be read."""
    try:
        return submission.read(exercise.files).digest
    except RefusalError:
        return ""


def _read(
    submission: Submission, exercise: Exercise, load_scenario: LoadScenario
) -> GradedSubmission:
    """Read a submission's files into sources, answers and scenarios, with their mistakes. Raise
    RefusalError if it can't be read.
    """
    files = submission.read(exercise.files)
    texts = {name: _text(name, data) for name, data in files.contents.items()}
    scenarios, invalid = _scenarios(exercise, texts, load_scenario)
    answers, wrong = _answers(exercise, texts)
    programs = {run.file for run in exercise.runs}
    sources = {name: text for name, text in texts.items() if name in programs}
    return GradedSubmission(
        id=submission.id,
        name=submission.name,
        submission=submission.origin.name,
        digest=files.digest,
        sources=sources,
        answers=answers,
        wrong_answers=wrong,
        work=Work(owner=submission.id, sources=sources, scenarios=scenarios),
        invalid=invalid,
    )


def _text(name: str, data: bytes) -> str:
    """Decode a file as UTF-8. Raise RefusalError if it is something else."""
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RefusalError(f"{name} is not UTF-8 (line {line}): save it as UTF-8") from None


def _answers(exercise: Exercise, texts: Mapping[str, str]) -> tuple[Mapping[str, Value], str]:
    """Return the answers to predictions, and what is wrong with their file."""
    predict = exercise.spec.predict
    if predict is None:
        return {}, ""
    if predict.file not in texts:
        return {}, f"there is no file {predict.file} in what was handed in"
    try:
        document = _in_a_file(predict.file, texts[predict.file], read_yaml)
    except InputError as error:
        return {}, _mistake(predict.file, error)
    unknown = [name for name in document.data if name not in predict.questions]
    return document.data, "; ".join(
        f"{predict.file}:{document.where_key((name,)).line}: no question is called"
        f' "{shorten(name)}"{did_you_mean(name, _visible_questions(predict))}'
        for name in unknown[:_MOST_MISTAKES]
    )


def _visible_questions(predict: PredictFile) -> list[str]:
    """Return the names of questions that students know."""
    return [name for name, one in predict.questions.items() if not one.hidden]


def _scenarios(
    exercise: Exercise, texts: Mapping[str, str], load_scenario: LoadScenario
) -> tuple[dict[str, Scenario], dict[str, list[str]]]:
    """Return the scenarios that can be run, and the mistakes in those that can't."""
    right: dict[str, Scenario] = {}
    wrong: dict[str, list[str]] = {}
    for name, spec in exercise.spec.scenarios.items():
        if spec.file not in texts:
            wrong[name] = [f"there is no file {spec.file} in what was handed in"]
            continue
        try:
            scenario = _in_a_file(spec.file, texts[spec.file], load_scenario)
        except InputError as error:
            wrong[name] = [_mistake(spec.file, one) for one in error.each()[:_MOST_MISTAKES]]
            continue
        if refusal := _refusal(scenario, exercise):
            wrong[name] = [refusal]
        else:
            right[name] = scenario
    return right, wrong


def _mistake(file: str, error: InputError) -> str:
    """Return a mistake as `FILE:LINE: message`."""
    line = f":{error.where.line}" if error.where and error.where.line else ""
    return f"{file}{line}: {error.message}"


def _refusal(scenario: Scenario, exercise: Exercise) -> str:
    """Return what a scenario of a student asks for and may not have; "" if there is nothing."""
    if len(scenario.attempts) > MAX_ATTEMPTS:
        return f"it has more than {MAX_ATTEMPTS} attempts"
    if any(one.requires for one in scenario.attempts):
        return "its attempts can have the standard library only, without `requires`"
    python = f"{exercise.spec.python}.0"
    lacking = [one.name for one in scenario.attempts if one.expectation(python) is None]
    return f"{lacking[0]} expects nothing of Python {exercise.spec.python}" if lacking else ""


def _in_a_file(name: str, text: str, read: Callable[[Path], _T]) -> _T:
    """Return what `read` makes of a file with this text, in a temporary folder of its own."""
    with tempfile.TemporaryDirectory(prefix="labctl-") as folder:
        path = Path(folder, name)
        path.write_text(text, "utf-8")
        return read(path)
