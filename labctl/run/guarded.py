"""A runner that is guarded, shows progress, and leaves nothing behind on the engine."""

from __future__ import annotations

import secrets
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

from labctl.engine.access import EngineAccess
from labctl.engine.guard import Guard, guarded
from labctl.errors import EngineError, EngineGone
from labctl.model.plan import Plan
from labctl.model.result import AttemptResult, EngineInfo
from labctl.results.summary import unreported
from labctl.run.absence import GONE
from labctl.run.output import Output
from labctl.run.progress import Bar
from labctl.run.request import Limits
from labctl.run.runner import Runner
from labctl.run.signals import patient

if TYPE_CHECKING:
    from labctl.run.examine import EndedAttempt

_FULL = (
    "labctl: the processors of this machine are busy, so attempts are made one at a time; "
    "none fails because of that"
)


class GuardedRunner:
    """Runs one plan on an engine, once: `with ... as runner: for ended in runner.run(plan)`.

    Should labctl be killed meanwhile, a guard process removes the labs. On exit, whatever could
    not be removed, or is there after an interruption, is removed; labs that are to be kept stay.
    """

    def __init__(self, access: EngineAccess, limits: Limits, output: Output) -> None:
        """Take the engine, the limits of the run, and where progress and warnings go. No lab is
        started yet.
        """
        self._limits = limits
        self._output = output
        self._run_id = secrets.token_hex(4)
        self._access = access
        self._engine = access.for_run(self._run_id, keep=limits.keep)
        self._stack = ExitStack()
        self._guard = Guard()
        self._runner: Runner | None = None
        self._attempts: Generator[EndedAttempt] | None = None
        self._bar: Bar | None = None

    def __enter__(self) -> Self:
        """Start the guard process, unless labs are to be kept."""
        if not self._limits.keep:
            self._guard = self._stack.enter_context(guarded(self._access, self._run_id))
        return self

    def engine_info(self) -> EngineInfo:
        """Ask the engine for its name and version."""
        return self._engine.info()

    @property
    def results(self) -> list[AttemptResult]:
        """The results so far, in the order in which the attempts ended, without bulk."""
        return self._runner.results if self._runner else []

    @property
    def _errors(self) -> list[EngineError]:
        """What kept labs from starting or from being removed, so far."""
        return self._runner.errors if self._runner else []

    def run(self, plan: Plan) -> Iterator[EndedAttempt]:
        """Make every attempt of the plan, and yield each as it ends; see Runner.run.

        Shows progress on stderr until the last attempt has ended.
        """
        total = len(plan.attempts)
        self._bar = bar = self._stack.enter_context(self._output.progress("attempts", total=total))
        self._runner = Runner(
            self._engine,
            jobs=self._limits.jobs,
            limit_s=self._limits.limit_s,
            fail_fast=self._limits.fail_fast,
            alone=self._limits.alone,
            prepare=bar.begin,
            on_full=lambda: bar.note(_FULL),
            on_gone=lambda: bar.note(GONE),
        )
        self._attempts = self._runner.run(plan)
        for number, ended in enumerate(self._attempts, 1):
            bar.attempt(number)
            if number == total:
                bar.stop()
            yield ended
        bar.stop()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:  # fmt: skip
        """Remove what is left of the labs, and end the guard; tell where labs are that were
        kept.
        """
        with self._stack:
            if error is None:
                self._end()
            else:
                self._end_early()
            if trouble := self._engine.trouble():
                self._guard.stay()
                self._output.warn(trouble)
        if error is None and self._limits.keep:
            self._output.note(
                f"the lab is still there: {self._access.listing_command(self._run_id)}; "
                f"labctl clean {self._run_id} removes it"
            )

    def _end(self) -> None:
        """Warn of errors that no result tells, and remove what is left of the labs after an
        error.
        """
        for trouble in unreported(self._errors, self.results):
            self._output.warn(trouble)
        if self._errors and not self._limits.keep:
            self._sweep()

    def _end_early(self) -> None:
        """Stop the run, and remove its labs, while further signals wait."""
        with patient():
            if self._bar is not None:
                self._bar.stop()
            if self._attempts is not None:
                self._attempts.close()
            self._sweep()

    def _sweep(self) -> None:
        """Remove what is left of the labs. If the engine has gone, the guard does it later."""
        try:
            self._engine.sweep()
        except EngineGone as error:
            self._guard.stay()
            if not any(isinstance(known, EngineGone) for known in self._errors):
                self._output.warn(error)
