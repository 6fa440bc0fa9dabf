"""Scenario files as tests: one for each attempt and Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from labctl.errors import InputError, LabError
from labctl.load.catalogue import is_scenario
from labctl.load.compose import load_compose
from labctl.load.scenario import ComposeReader, load_scenario
from labctl.model.plan import PlannedAttempt
from labctl.model.result import AttemptResult, Verdict
from labctl.model.scenario import Attempt, Scenario
from labctl.plan import check_variants, plan
from labctl.plugin.failure import NotAsExpected, drawn
from labctl.plugin.settings import settings_of, told
from labctl.plugin.stage import Stage, stage_of
from labctl.shared_files import share
from labctl.text import escape_control, escape_lines

if TYPE_CHECKING:
    from labctl.examine import Ended

_READER: pytest.StashKey[ComposeReader] = pytest.StashKey()
"""Reads each Compose file once."""
_PYTESTS_OWN = {
    "filterwarnings", "parametrize", "skip", "skipif", "tryfirst", "trylast", "usefixtures", "xfail"
}  # fmt: skip
"""Markers that do something: a tag of that name is none."""


def scenario_file(path: Path, parent: pytest.Collector) -> ScenarioFile | None:
    """The collector of a file that may be a scenario; None where its name says that it is not."""
    return ScenarioFile.from_parent(parent, path=path) if is_scenario(path.name) else None


class ScenarioFile(pytest.File):
    """One scenario. A mistake in it is an error of its collection."""

    def collect(self) -> Iterator[AttemptItem]:
        try:
            scenario = self._load()
            check_variants([scenario], settings_of(self.config).pythons)
        except InputError as error:
            raise self.CollectError(told(error)) from None
        self._register(scenario.tags)
        for series in settings_of(self.config).pythons:
            for attempt in scenario.attempts:
                yield AttemptItem.from_parent(
                    self,
                    name=f"{attempt.name}[{series}]",
                    scenario=scenario,
                    attempt=attempt,
                    series=series,
                )

    def _load(self) -> Scenario:
        """The path in messages is as people give it, where it is below the current folder."""
        here = Path.cwd()
        path = self.path.relative_to(here) if self.path.is_relative_to(here) else self.path
        if _READER not in self.config.stash:
            reader: ComposeReader = cache(load_compose)
            self.config.stash[_READER] = reader
        return load_scenario(
            path,
            builtin_compose=share("compose") / "lab.yaml",
            read_compose=self.config.stash[_READER],
        )

    def _register(self, tags: Iterable[str]) -> None:
        known = {line.partition(":")[0] for line in self.config.getini("markers")}
        for tag in tags:
            if tag not in known:
                line = f"{tag}: scenarios with the tag {tag} (labctl)"
                self.config.addinivalue_line("markers", line)


class AttemptItem(pytest.Item):
    """One attempt of a scenario on one Python. The attempt is made when the test is set up, so that
    a lab that breaks is an error, and no failure of the client's.
    """

    def __init__(self, *, scenario: Scenario, attempt: Attempt, series: str, **given: Any) -> None:
        super().__init__(**given)
        self.scenario = scenario
        self.attempt = attempt
        self.series = series
        self._planned: PlannedAttempt | None = None
        self._next: pytest.Item | None = None
        self._ended: Ended | None = None
        self.extra_keyword_matches.add(scenario.name)
        marks = ("labctl", scenario.layer, *scenario.tags)
        for mark in dict.fromkeys(marks):
            if mark not in _PYTESTS_OWN:
                self.add_marker(mark)

    def note_next(self, item: pytest.Item | None) -> None:
        """Remember which test comes next, so that its container can start meanwhile."""
        self._next = item

    def planned(self, stage: Stage) -> PlannedAttempt:
        """The attempt as it is to be made; the same one whenever it is asked for. EngineError
        where there is no image for it, InputError where nothing is expected on this Python.
        """
        if self._planned is None:
            needed = bool(self.attempt.requires)
            interpreter = stage.interpreter(self.series, libraries=needed)
            todo = plan(
                [self.scenario],
                interpreters=[interpreter],
                with_libraries=[interpreter] if needed else [],
                attempts=[self.attempt.name],
            )
            self._planned = todo.labs[0].attempts[0]
        return self._planned

    def setup(self) -> None:
        stage = stage_of(self.session)
        try:
            self._ended = stage.session.make(
                self.scenario,
                self.planned(stage),
                limit_s=settings_of(self.config).limit_s,
                upcoming=self._upcoming(stage),
            )
        except LabError as error:
            raise pytest.fail.Exception(told(error), pytrace=False) from None
        self._note(self._ended.result)

    def _upcoming(self, stage: Stage) -> tuple[Scenario, PlannedAttempt] | None:
        if not isinstance(self._next, AttemptItem):
            return None
        try:
            return self._next.scenario, self._next.planned(stage)
        except LabError:
            return None  # told when its turn has come

    def _note(self, result: AttemptResult) -> None:
        """What reports of this test have beside its verdict."""
        seen = result.observed
        verdict = result.verdict.value if result.verdict else ""  # what a worker can send
        self.user_properties.append(("labctl_verdict", verdict))
        if seen and seen.exception:
            self.user_properties.append(("labctl_exception", escape_control(seen.exception.type)))
        for name in ("stdout", "stderr"):
            text = "\n".join(escape_lines(getattr(seen, name, "").rstrip()))
            if text:
                self.add_report_section("call", f"client {name}", text)

    def runtest(self) -> None:
        if self._ended and self._ended.result.verdict is not Verdict.PASS:
            raise NotAsExpected(self._ended.result)

    def teardown(self) -> None:
        self._ended = self._planned = self._next = None

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, NotAsExpected):
            return drawn(excinfo.value.result, self.location)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        line = self.attempt.line - 1 if self.attempt.line else None
        return self.path, line, f"{self.scenario.name}/{self.name}"
