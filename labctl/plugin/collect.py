"""Scenario files as tests: one test for each attempt and Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from labctl.errors import InputError, LabError
from labctl.load.bundled import bundled_compose
from labctl.load.catalogue import is_scenario
from labctl.load.compose import load_compose
from labctl.load.scenario import ComposeReader, load_scenario
from labctl.model.plan import PlannedAttempt
from labctl.model.result import AttemptResult, Verdict
from labctl.model.scenario import Attempt, Scenario
from labctl.plugin.environment import Environment, environment_of
from labctl.plugin.failure import AttemptFailed, attempt_repr
from labctl.plugin.settings import error_text, settings_of
from labctl.run.attempts import scenario_attempt
from labctl.run.plan import check_variants
from labctl.text import escape_control, escape_lines

if TYPE_CHECKING:
    from labctl.run.examine import EndedAttempt

_READER: pytest.StashKey[ComposeReader] = pytest.StashKey()
"""A function that reads each Compose file once."""
_PYTEST_MARKERS = {
    "filterwarnings", "parametrize", "skip", "skipif", "tryfirst", "trylast", "usefixtures", "xfail"
}  # fmt: skip
"""Markers that change what pytest does. A scenario's tag of such a name is no marker."""


def scenario_file(path: Path, parent: pytest.Collector) -> ScenarioFile | None:
    """Return the collector of a scenario file; None if the file's name is not a scenario's."""
    return ScenarioFile.from_parent(parent, path=path) if is_scenario(path.name) else None


class ScenarioFile(pytest.File):
    """The collector of one scenario. A mistake in the file is a collection error."""

    def collect(self) -> Iterator[AttemptItem]:
        """Yield a test for each attempt and Python. Reads the scenario and what it names."""
        try:
            scenario = self._load()
            check_variants([scenario], settings_of(self.config).pythons)
        except InputError as error:
            raise self.CollectError(error_text(error)) from None
        self._register_tags(scenario.tags)
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
        """Load the scenario. Messages name a path below the current folder as a relative path."""
        here = Path.cwd()
        path = self.path.relative_to(here) if self.path.is_relative_to(here) else self.path
        if _READER not in self.config.stash:
            reader: ComposeReader = cache(load_compose)
            self.config.stash[_READER] = reader
        return load_scenario(
            path,
            builtin_compose=bundled_compose(),
            read_compose=self.config.stash[_READER],
        )

    def _register_tags(self, tags: Iterable[str]) -> None:
        """Register tags as markers, so that `--strict-markers` accepts them."""
        known = {line.partition(":")[0] for line in self.config.getini("markers")}
        for tag in tags:
            if tag not in known:
                line = f"{tag}: scenarios with the tag {tag} (labctl)"
                self.config.addinivalue_line("markers", line)


class AttemptItem(pytest.Item):
    """The test of one attempt of a scenario on one Python.

    The attempt is made in the setup of the test, because a broken lab must be an error, and not a
    failure of the client.
    """

    def __init__(self, *, scenario: Scenario, attempt: Attempt, series: str, **node: Any) -> None:
        """Take the scenario, the attempt, and the series of Python that it is made on."""
        super().__init__(**node)
        self.scenario = scenario
        self.attempt = attempt
        self.series = series
        self._planned: PlannedAttempt | None = None
        self._next: pytest.Item | None = None
        self._ended: EndedAttempt | None = None
        self.extra_keyword_matches.add(scenario.name)
        marks = ("labctl", scenario.layer, *scenario.tags)
        for mark in dict.fromkeys(marks):
            if mark not in _PYTEST_MARKERS:
                self.add_marker(mark)

    def set_next_item(self, item: pytest.Item | None) -> None:
        """Set the test that comes next, whose container can start while this one runs."""
        self._next = item

    def planned_attempt(self, environment: Environment) -> PlannedAttempt:
        """Return the plan of the attempt, always the same object.

        Raise EngineError if the image can't be built, and InputError if the attempt expects
        nothing on this Python.
        """
        if self._planned is None:
            with_libraries = bool(self.attempt.requires)
            interpreter = environment.interpreter(self.series, with_libraries=with_libraries)
            self._planned = scenario_attempt(
                self.scenario, self.attempt, interpreter, key=self.nodeid
            )
        return self._planned

    def setup(self) -> None:
        """Make the attempt in its lab."""
        environment = environment_of(self.session)
        try:
            self._ended = environment.session.make(
                self.scenario,
                self.planned_attempt(environment),
                limit_s=settings_of(self.config).limit_s,
                upcoming=self._upcoming(environment),
            )
        except LabError as error:
            raise pytest.fail.Exception(error_text(error), pytrace=False) from None
        self._add_details(self._ended.result)

    def _upcoming(self, environment: Environment) -> tuple[Scenario, PlannedAttempt] | None:
        """Return the scenario and the plan of the next test, if that is an attempt, or else
        None.
        """
        if not isinstance(self._next, AttemptItem):
            return None
        try:
            return self._next.scenario, self._next.planned_attempt(environment)
        except LabError:
            return None  # its own setup reports the error

    def _add_details(self, result: AttemptResult) -> None:
        """Add verdict, exception and the client's output to the reports of this test."""
        observation = result.observed
        verdict = result.verdict.value if result.verdict else ""  # pytest-xdist sends plain values
        self.user_properties.append(("labctl_verdict", verdict))
        if observation and observation.exception:
            self.user_properties.append(
                ("labctl_exception", escape_control(observation.exception.type))
            )
        for stream in ("stdout", "stderr"):
            text = "\n".join(escape_lines(getattr(observation, stream, "").rstrip()))
            if text:
                self.add_report_section("call", f"client {stream}", text)

    def runtest(self) -> None:
        """Run the attempt; fail if its verdict is not `pass`."""
        if self._ended and self._ended.result.verdict is not Verdict.PASS:
            raise AttemptFailed(self._ended.result)

    def teardown(self) -> None:
        """Drop the attempt's result, whose packets take much memory."""
        self._ended = self._planned = self._next = None

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return what pytest prints of a failure."""
        if isinstance(excinfo.value, AttemptFailed):
            return attempt_repr(excinfo.value.result, self.location)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return file, line (from 0) and name of the test for pytest's reports."""
        line = self.attempt.line - 1 if self.attempt.line else None
        return self.path, line, f"{self.scenario.name}/{self.name}"
