"""Grades from attempts: a grade is handed out as soon as all its parts are there. Pure, but for
what it is given to hand them to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from labctl import __version__
from labctl.grading.jobs import JobKey, Work
from labctl.load.yaml_reader import Value
from labctl.mark.client import mark_run, mark_unmade_run, may_be_starved
from labctl.mark.evidence import RunEvidence
from labctl.mark.predict import mark_answer
from labctl.mark.scenario import mark_invalid, mark_scenario
from labctl.model.exercise import Exercise, Run, points_of
from labctl.model.grade import Grade, GradeState, Part
from labctl.model.result import AttemptResult, Observation, Verdict
from labctl.run.examine import EndedAttempt
from labctl.text import REST_DROPPED
from labctl.wire.ladder import draw

BROKE = "the lab broke, twice; this costs no mark"
BUSY = "the machine was too busy to tell; this costs no mark"
TAMPERED = "another part was tampered with: look at it"
KEPT = 4000
"""Characters of a program's output that a grade keeps; its evidence has more."""
MISSING = "there is no file {file} in what was handed in"


@dataclass(frozen=True, kw_only=True)
class GradedSubmission:
    """What one student handed in, read and ready to be graded.

    `answers` are those to predictions, and `wrong_answers` says what is wrong with their file.
    `work` is what is to be run. `invalid` holds the mistakes in the student's own scenarios, by the
    name of the question. `refused` says why the submission could not be read at all.
    """

    id: str
    name: str
    submission: str
    digest: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, Value] = field(default_factory=dict)
    wrong_answers: str = ""
    work: Work | None = None
    invalid: Mapping[str, Sequence[str]] = field(default_factory=dict)
    refused: str = ""


@dataclass
class _Entry:
    """A submission whose grade is not complete: the parts that are there, the results of its own
    scenarios, and the parts that are to be made again. `is_last_try` says that they are.
    """

    submission: GradedSubmission
    parts: dict[str, Part] = field(default_factory=dict)
    results: dict[str, list[AttemptResult]] = field(default_factory=dict)
    unmade: set[str] = field(default_factory=set)
    is_last_try: bool = False


class Gradebook:
    """Makes the grades of submissions, from what they answer and from attempts that ended."""

    def __init__(
        self,
        exercise: Exercise,
        runs: Sequence[Run],
        observations: Mapping[str, Observation],
        *,
        done: Callable[[Grade], None],
        keep: Callable[[JobKey, EndedAttempt], tuple[str, str]],
        hidden: bool = True,
    ) -> None:
        """Take the runs to be made, and the observations that predictions are about, by name.

        `done` is given each grade. `keep` is given each attempt of a run, and returns the names of
        the files with its evidence: result document and packets. Hidden questions are asked, and
        right answers shown, only with `hidden`.
        """
        self._exercise = exercise
        self._shows_solutions = hidden
        predict = exercise.spec.predict
        questions = predict.questions.items() if predict else ()
        self._questions = {name: one for name, one in questions if hidden or not one.hidden}
        self._runs = runs
        self._observations = observations
        self._done = done
        self._keep = keep
        self._open: dict[str, _Entry] = {}

    def add_submission(self, submission: GradedSubmission) -> None:
        """Open an entry for a submission, and mark at once what needs no lab: predictions, missing
        files and invalid scenarios.
        """
        self._open[submission.id] = entry = _Entry(submission=submission)
        if not submission.refused:
            predicted = self._predicted(submission)
            for part in (*predicted, *self._missing(submission), *self._invalid(submission)):
                entry.parts[part.name] = part
        self._finish(entry)

    def add_attempt(self, job: JobKey, ended: EndedAttempt) -> None:
        """Mark an attempt that has ended, and hand over the grade if it was the last. An attempt
        that the lab could not make is put aside; so is one that may have lost points because the
        machine was too busy, unless it was made again: then it is inconclusive.
        """
        entry = self._open[job.owner]
        if ended.result.verdict is Verdict.ERROR:
            entry.unmade.add(job.part)
            return
        if job.run is None:
            self._add_own_attempt(entry, job, ended)
        else:
            part, is_busy = _marked(job.run, job, ended)
            if is_busy and not entry.is_last_try:
                entry.unmade.add(job.part)
                return
            evidence, capture = self._keep(job, ended)
            kept: dict[str, object] = {"evidence": evidence, "capture": capture}
            if is_busy:
                kept |= {"state": GradeState.INCONCLUSIVE, "reasons": (BUSY,)}
            entry.parts[job.part] = part.model_copy(update=kept)
        self._finish(entry)

    def take_unmade(self) -> list[tuple[Work, list[Run]]]:
        """Return the runs and scenarios that were put aside, by submission, and expect their
        attempts once more. A student's own scenario is made again as a whole.
        """
        return [self._once_more(entry) for entry in self._open.values() if entry.unmade]

    def _once_more(self, entry: _Entry) -> tuple[Work, list[Run]]:
        """Return the work and the runs of a submission that are to be made again."""
        entry.is_last_try = True
        runs = [run for run in self._runs if run.name in entry.unmade]
        work = entry.submission.work or Work(owner=entry.submission.id, sources={})
        own = {name: one for name, one in work.scenarios.items() if _own(name) in entry.unmade}
        for name in own:
            entry.results.pop(name, None)
        entry.unmade.clear()
        return replace(work, scenarios=own), runs

    def give_up(self) -> None:
        """Hand over the grades that are still incomplete, with state `error`, because the lab broke
        again.
        """
        for entry in list(self._open.values()):
            for run in self._runs:
                entry.parts.setdefault(run.name, mark_unmade_run(run, GradeState.ERROR, BROKE))
            self._done(self._grade(entry, lost=True))
            del self._open[entry.submission.id]

    # --- parts ------------------------------------------------------------------------------------

    def _predicted(self, submission: GradedSubmission) -> list[Part]:
        """Return the marked answers to the exercise's questions."""
        return [
            mark_answer(
                name,
                one,
                submission.answers.get(name),
                self._observations[one.about],
                show_solution=self._shows_solutions,
            )
            for name, one in self._questions.items()
        ]

    def _missing(self, submission: GradedSubmission) -> list[Part]:
        """Return the parts for runs whose file was not handed in, with no points."""
        return [
            mark_unmade_run(run, GradeState.GRADED, MISSING.format(file=run.file))
            for run in self._runs
            if run.file not in submission.sources
        ]

    def _invalid(self, submission: GradedSubmission) -> list[Part]:
        """Return the parts for scenarios that can't be loaded, with their mistakes."""
        return [
            mark_invalid(name, self._exercise.spec.scenarios[name], mistakes)
            for name, mistakes in submission.invalid.items()
        ]

    def _add_own_attempt(self, entry: _Entry, job: JobKey, ended: EndedAttempt) -> None:
        """Add an attempt of a scenario that the student wrote; after the last, mark its part."""
        name = job.part.partition("/")[2]
        scenario = entry.submission.work.scenarios[name] if entry.submission.work else None
        results = entry.results.setdefault(name, [])
        results.append(ended.without_bulk().result)
        if scenario and len(results) == len(scenario.attempts):
            spec = self._exercise.spec.scenarios[name]
            entry.parts[job.part] = mark_scenario(name, spec, scenario, results)

    def _max_points(self) -> float:
        """Return the points that can be had without a bonus."""
        own = self._exercise.spec.scenarios.values()
        return points_of(self._questions.values(), own, self._runs)

    # --- grades -----------------------------------------------------------------------------------

    def _names(self) -> list[str]:
        """Return the names of the parts of every submission, in their order."""
        predicted = [f"predict/{name}" for name in self._questions]
        runs = [run.name for run in self._runs]
        own = [_own(name) for name in self._exercise.spec.scenarios]
        return [*predicted, *runs, *own]

    def _finish(self, entry: _Entry) -> None:
        """Hand over the submission's grade and forget the submission, if all its parts are
        marked.
        """
        if entry.submission.refused or entry.parts.keys() >= set(self._names()):
            self._done(self._grade(entry, lost=False))
            del self._open[entry.submission.id]

    def _grade(self, entry: _Entry, *, lost: bool) -> Grade:
        """Return the grade that the marked parts make. With `lost`, the lab broke for good."""
        submission, spec = entry.submission, self._exercise.spec
        parts = tuple(entry.parts[name] for name in self._names() if name in entry.parts)
        return Grade(
            labctl=__version__,
            exercise=spec.name,
            exercise_digest=self._exercise.digest,
            title=spec.title,
            weight=spec.weight,
            id=submission.id,
            name=submission.name,
            submission=submission.submission,
            digest=submission.digest,
            state=_state(submission, parts, lost=lost),
            message=submission.refused or submission.wrong_answers or _trouble(parts, lost=lost),
            points=round(sum(part.points for part in parts), 3),
            max_points=self._max_points(),
            elapsed_s=round(sum(part.elapsed_s for part in parts), 3),
            parts=parts,
        )


def _own(name: str) -> str:
    """Return the name of the part for a scenario that the student wrote."""
    return f"scenario/{name}"


def _state(submission: GradedSubmission, parts: Sequence[Part], *, lost: bool) -> GradeState:
    """Return the state of a grade, by the states of its parts."""
    if submission.refused:
        return GradeState.REFUSED
    found = {part.state for part in parts} | ({GradeState.ERROR} if lost else set())
    worst = (GradeState.ERROR, GradeState.INCONCLUSIVE, GradeState.TAMPERED)
    return next((state for state in worst if state in found), GradeState.GRADED)


def _trouble(parts: Sequence[Part], *, lost: bool) -> str:
    """Return why a submission has no grade that counts; "" if it has one."""
    if lost:
        return BROKE
    found = {part.state for part in parts}
    if GradeState.INCONCLUSIVE not in found:
        return ""
    return f"{BUSY}; {TAMPERED}" if GradeState.TAMPERED in found else BUSY


def _marked(run: Run, job: JobKey, ended: EndedAttempt) -> tuple[Part, bool]:
    """Mark an attempt of a run, with its packets as people see them. Return the part, and whether
    it may have lost points because the machine was too busy.
    """
    observation = ended.result.observed
    if observation is None:
        raise ValueError("an attempt that was made has an observation")
    evidence = RunEvidence(
        observation=observation,
        wire=ended.wire,
        took_s=ended.result.took_s,
        target=ended.attempt.target,
        placeholders=dict(job.placeholders),
        target_services=frozenset(
            one.name for one in run.services if run.target.host in (one.name, *one.aliases)
        ),
    )
    part = mark_run(run, evidence)
    is_busy = may_be_starved(run, evidence, part)
    outputs = {"stdout": _kept(part.stdout), "stderr": _kept(part.stderr)}
    part = part.model_copy(update=outputs)
    if ended.result.ladder is not None:
        ladder = tuple(draw(ended.result.ladder).splitlines())
        part = part.model_copy(update={"ladder": ladder})
    return part, is_busy


def _kept(output: str) -> str:
    """Return what a grade keeps of an output. If that is not all, the last line says so."""
    return output if len(output) <= KEPT else f"{output[:KEPT]}\n{REST_DROPPED}"
