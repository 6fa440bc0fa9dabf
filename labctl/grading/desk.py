"""The desk where attempts come in as they end, and grades go out as they are complete. Pure, but
for what it is given to hand them to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from labctl import __version__
from labctl.grading.tickets import Ticket, Work
from labctl.load.yaml_reader import Value
from labctl.mark.client import mark_run, mark_unmade_run
from labctl.mark.evidence import RunEvidence
from labctl.mark.predict import mark_answer
from labctl.mark.scenario import mark_invalid, mark_scenario
from labctl.model.exercise import Exercise, Run, points_of
from labctl.model.grade import Grade, Part, State
from labctl.model.result import AttemptResult, Observation, Verdict
from labctl.run.examine import Ended
from labctl.wire.ladder import draw

BROKE = "the lab broke, twice; this costs no mark"
KEPT = 4000
"""Characters of a program's output that a grade keeps; its evidence has more."""
MISSING = "there is no file {file} in what was handed in"


@dataclass(frozen=True, kw_only=True)
class Paper:
    """What one student handed in, read: `answers` are those to predictions, `invalid` the mistakes
    in scenarios of the student's by the name of the question. `refused` says why it could not be
    read at all.
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
class _Open:
    """A paper that is not complete: the parts that are, and the results of its own scenarios."""

    paper: Paper
    parts: dict[str, Part] = field(default_factory=dict)
    results: dict[str, list[AttemptResult]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)


class Desk:
    """Makes grades of papers. `done` is given each grade; `keep` is given each attempt that ended,
    and returns the names of the files with its evidence: result document and packets.
    """

    def __init__(
        self,
        exercise: Exercise,
        runs: Sequence[Run],
        observations: Mapping[str, Observation],
        *,
        done: Callable[[Grade], None],
        keep: Callable[[Ticket, Ended], tuple[str, str]],
        hidden: bool = True,
    ) -> None:
        """`observations` are of what predictions are about, by name; `runs` are those to be made.
        Questions that are `hidden` are asked, and right answers told, only if that is so.
        """
        self._exercise = exercise
        self._tells = hidden
        predict = exercise.spec.predict
        questions = predict.questions.items() if predict else ()
        self._questions = {name: one for name, one in questions if hidden or not one.hidden}
        self._runs = runs
        self._observations = observations
        self._done = done
        self._keep = keep
        self._open: dict[str, _Open] = {}

    def take(self, paper: Paper) -> None:
        """Take a paper; what of it needs no lab is marked at once."""
        self._open[paper.id] = opened = _Open(paper=paper)
        if not paper.refused:
            for part in (*self._predicted(paper), *self._missing(paper), *self._invalid(paper)):
                opened.parts[part.name] = part
        self._finish(opened)

    def ended(self, ticket: Ticket, ended: Ended) -> None:
        """Take note of an attempt of a paper. One that the lab could not make is put aside."""
        opened = self._open[ticket.owner]
        if ended.result.verdict is Verdict.ERROR:
            opened.broken.add(ticket.part)
            return
        if ticket.run is None:
            self._came_true(opened, ticket, ended)
        else:
            evidence, capture = self._keep(ticket, ended)
            kept = {"evidence": evidence, "capture": capture}
            opened.parts[ticket.part] = _marked(ticket, ended).model_copy(update=kept)
        self._finish(opened)

    def broken(self) -> list[tuple[Work, list[Run]]]:
        """What the lab could not make, and is expected once more: of each paper the runs, and its
        own scenarios as a whole.
        """
        return [self._once_more(one) for one in self._open.values() if one.broken]

    def _once_more(self, opened: _Open) -> tuple[Work, list[Run]]:
        runs = [run for run in self._runs if run.name in opened.broken]
        work = opened.paper.work or Work(owner=opened.paper.id, sources={})
        own = {name: one for name, one in work.scenarios.items() if _own(name) in opened.broken}
        for name in own:
            opened.results.pop(name, None)
        opened.broken.clear()
        return replace(work, scenarios=own), runs

    def give_up(self) -> None:
        """End what is still open: the lab broke again."""
        for opened in list(self._open.values()):
            for run in self._runs:
                opened.parts.setdefault(run.name, mark_unmade_run(run, State.ERROR, BROKE))
            self._done(self._grade(opened, lost=True))
            del self._open[opened.paper.id]

    # --- parts ------------------------------------------------------------------------------------

    def _predicted(self, paper: Paper) -> list[Part]:
        return [
            mark_answer(
                name,
                one,
                paper.answers.get(name),
                self._observations[one.about],
                show_solution=self._tells,
            )
            for name, one in self._questions.items()
        ]

    def _missing(self, paper: Paper) -> list[Part]:
        return [
            mark_unmade_run(run, State.GRADED, MISSING.format(file=run.file))
            for run in self._runs
            if run.file not in paper.sources
        ]

    def _invalid(self, paper: Paper) -> list[Part]:
        return [
            mark_invalid(name, self._exercise.spec.scenarios[name], mistakes)
            for name, mistakes in paper.invalid.items()
        ]

    def _came_true(self, opened: _Open, ticket: Ticket, ended: Ended) -> None:
        """One more attempt of a scenario of the student's; after the last, its part."""
        name = ticket.part.partition("/")[2]
        scenario = opened.paper.work.scenarios[name] if opened.paper.work else None
        results = opened.results.setdefault(name, [])
        results.append(ended.slim().result)
        if scenario and len(results) == len(scenario.attempts):
            spec = self._exercise.spec.scenarios[name]
            opened.parts[ticket.part] = mark_scenario(name, spec, scenario, results)

    def _max_points(self) -> float:
        """What can be had without a bonus."""
        own = self._exercise.spec.scenarios.values()
        return points_of(self._questions.values(), own, self._runs)

    # --- grades -----------------------------------------------------------------------------------

    def _names(self) -> list[str]:
        """The parts of every paper, in their order."""
        predicted = [f"predict/{name}" for name in self._questions]
        runs = [run.name for run in self._runs]
        own = [_own(name) for name in self._exercise.spec.scenarios]
        return [*predicted, *runs, *own]

    def _finish(self, opened: _Open) -> None:
        if opened.paper.refused or opened.parts.keys() >= set(self._names()):
            self._done(self._grade(opened, lost=False))
            del self._open[opened.paper.id]

    def _grade(self, opened: _Open, *, lost: bool) -> Grade:
        paper, spec = opened.paper, self._exercise.spec
        parts = tuple(opened.parts[name] for name in self._names() if name in opened.parts)
        return Grade(
            labctl=__version__,
            exercise=spec.name,
            exercise_digest=self._exercise.digest,
            title=spec.title,
            weight=spec.weight,
            id=paper.id,
            name=paper.name,
            submission=paper.submission,
            digest=paper.digest,
            state=_state(paper, parts, lost=lost),
            message=paper.refused or paper.wrong_answers or (BROKE if lost else ""),
            points=round(sum(part.points for part in parts), 3),
            max_points=self._max_points(),
            elapsed_s=round(sum(part.elapsed_s for part in parts), 3),
            parts=parts,
        )


def _own(name: str) -> str:
    """The part of a scenario that the student wrote."""
    return f"scenario/{name}"


def _state(paper: Paper, parts: Sequence[Part], *, lost: bool) -> State:
    if paper.refused:
        return State.REFUSED
    if lost or any(part.state is State.ERROR for part in parts):
        return State.ERROR
    tampered = any(part.state is State.TAMPERED for part in parts)
    return State.TAMPERED if tampered else State.GRADED


def _marked(ticket: Ticket, ended: Ended) -> Part:
    """The marks of a run, with its packets as people see them."""
    run, observation = ticket.run, ended.result.observed
    if run is None or observation is None:
        raise ValueError("an attempt that was made has a run and an observation")
    evidence = RunEvidence(
        observation=observation,
        wire=ended.wire,
        took_s=ended.result.took_s,
        target=ended.attempt.target,
        placeholders=dict(ticket.places),
        target_services=frozenset(
            one.name for one in run.services if run.target.host in (one.name, *one.aliases)
        ),
    )
    part = mark_run(run, evidence)
    part = part.model_copy(update={"stdout": part.stdout[:KEPT], "stderr": part.stderr[:KEPT]})
    if ended.result.ladder is None:
        return part
    return part.model_copy(update={"ladder": tuple(draw(ended.result.ladder).splitlines())})
