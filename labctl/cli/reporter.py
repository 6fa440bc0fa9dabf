"""Follows a run: tells its progress, keeps what pictures are drawn of, shows the result."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from labctl import __version__
from labctl.cli.output import Output
from labctl.cli.progress import Bar
from labctl.errors import UsageError
from labctl.examine import Ended
from labctl.judge.observe import start_of
from labctl.judge.results import summary
from labctl.model.picture import Key, Picture, key_of
from labctl.model.plan import Plan
from labctl.model.result import AttemptResult, EngineInfo, ImageInfo, Result
from labctl.wire.explain import explain
from labctl.wire.ladder import draw_ladder
from labctl.wire.pcapng import pcapng

WHOLE_RESULTS = 200
"""Results of a run that are kept whole; those after them go without packets, calls and output."""
_PICTURES = 20
"""Attempts that pictures are drawn of; more than these nobody reads in one go."""


class Reporter:
    """`pcaps` is the folder for a capture file of each attempt, or None."""

    def __init__(
        self, plan: Plan, info: EngineInfo, images: Mapping[str, ImageInfo], output: Output,
        bar: Bar, pcaps: Path | None,
    ) -> None:  # fmt: skip
        attempts = [attempt for lab in plan.labs for attempt in lab.attempts]
        keys = [
            (a.scenario, a.attempt, a.interpreter.version, a.client, a.repeat) for a in attempts
        ]
        self._place = {key: number for number, key in enumerate(keys)}
        self._draws = len({a.scenario for a in attempts}) == 1 and len(attempts) <= _PICTURES
        self._info = info
        self._images = dict(images)
        self._output = output
        self._bar = bar
        self._pcaps = pcaps
        self._results: list[AttemptResult] = []
        self._pictures: dict[Key, Picture] = {}

    @property
    def complete(self) -> bool:
        """Whether every attempt of the plan has ended."""
        return len(self._results) == len(self._place)

    def ended(self, ended: Ended) -> None:
        """Take note of one more attempt; after the last, show all. The lab still stands then:
        whoever waits for the verdict has it sooner.
        """
        kept = ended if len(self._results) < WHOLE_RESULTS else ended.slim()
        self._results.append(kept.result)
        self._bar.attempt(len(self._results))
        if self._pcaps is not None:
            self._write_capture(self._pcaps, ended)
        if self._draws:
            self._draw(ended)
        if self.complete:
            self.show()

    def show(self, *, interrupted: bool = False) -> None:
        """Show what there is."""
        self._bar.stop()
        ordered = sorted(self._results, key=lambda result: self._place[key_of(result)])
        result = Result(
            labctl=__version__,
            engine=self._info,
            images=self._images,
            summary=summary(ordered),
            interrupted=interrupted,
            attempts=tuple(ordered),
        )
        self._output.show(result, self._pictures)

    def _draw(self, ended: Ended) -> None:
        observation, wire = ended.result.observed, ended.wire
        if observation is None or wire is None:
            return
        ladder = draw_ladder(wire, observation, start_ns=start_of(wire, observation))
        because = explain(wire, observation)
        self._pictures[key_of(ended.result)] = Picture(ladder=ladder, because=because)

    def _write_capture(self, folder: Path, ended: Ended) -> None:
        if ended.capture is None:
            return
        result = ended.result
        comment = f"{result.scenario}, attempt {result.attempt}, Python {result.python}"
        content = pcapng(ended.capture.packets, comment=comment)
        try:
            (folder / _capture_name(result)).write_bytes(content)
        except OSError as error:
            raise _no_captures(folder, error) from error


def capture_folder(path: Path) -> Path:
    """The folder for captures, made if it isn't there. UsageError if it can't be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _no_captures(path, error) from error
    return path


def _capture_name(result: AttemptResult) -> str:
    """A file name that no other attempt of a run has: no part of it has a + in it."""
    parts = [result.scenario, result.attempt]
    parts += [result.client] if result.client else []
    parts += [result.python]
    parts += [str(result.repeat)] if result.repeat > 1 else []
    return "+".join(re.sub(r"[^\w.-]", "_", part) for part in parts) + ".pcapng"


def _no_captures(folder: Path, error: OSError) -> UsageError:
    return UsageError(
        f"cannot write captures to {folder}: {error.strerror}",
        hint="give --pcap a folder that you may write to",
    )
