"""Follows a run: tells its progress, keeps what pictures are drawn of, shows the result."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from labctl import __version__
from labctl.cli.output import Output
from labctl.errors import UsageError
from labctl.load.sources import scenario_info
from labctl.model.base import as_utf8
from labctl.model.plan import Plan
from labctl.model.policy import Policy
from labctl.model.result import (
    AttemptResult,
    EngineInfo,
    ImageInfo,
    Request,
    Result,
    Verdict,
)
from labctl.model.scenario import Scenario
from labctl.results.summary import summary
from labctl.run.examine import Ended
from labctl.run.progress import Bar
from labctl.wire.pcapng import pcapng

if TYPE_CHECKING:
    from labctl.cli.execute import Wanted

WHOLE_RESULTS = 200
"""Results of a run that are kept whole; those after them go without packets, calls and output."""
LADDERS = 5_000
"""Results of a run that keep their ladder; of those after them only failures do."""


def opened(
    wanted: Wanted,
    policy: Policy | None,
    scenarios: Sequence[Scenario],
    engine: EngineInfo,
    images: Mapping[str, ImageInfo],
) -> Result:
    """The result of a run of which no attempt was made yet."""
    client = wanted.client
    here = Path.cwd()
    known = wanted.infos
    infos = {
        one.name: known.get(one.name) or scenario_info(one, seen_from=here) for one in scenarios
    }
    return Result(
        labctl=__version__,
        engine=engine,
        images=dict(images),
        summary=summary(()),
        started=time.time(),
        request=Request(
            jobs=wanted.limits.jobs,
            timeout_s=wanted.limits.limit_s,
            attempts=wanted.attempts,
            client=as_utf8(str(client.path)) if client else "",
            source=client.source if client else "",
            policy_file=as_utf8(wanted.policy),
            policy=policy.text if policy else None,
            shard=wanted.shard,
            fail_fast=wanted.limits.fail_fast,
        ),
        scenarios=infos,
        attempts=(),
    )


class Reporter:
    """`frame` is the result without its attempts; `pcaps` the folder for a capture file of each
    attempt, or None.
    """

    def __init__(
        self, plan: Plan, frame: Result, output: Output, bar: Bar, pcaps: Path | None
    ) -> None:
        attempts = [attempt for lab in plan.labs for attempt in lab.attempts]
        self._place = {attempt.key: number for number, attempt in enumerate(attempts)}
        self._frame = frame
        self._output = output
        self._bar = bar
        self._pcaps = pcaps
        self._results: dict[str, AttemptResult] = {}
        """The results so far, by the key of the attempt."""

    @property
    def complete(self) -> bool:
        """Whether every attempt of the plan has ended."""
        return len(self._results) == len(self._place)

    def ended(self, ended: Ended) -> None:
        """Take note of one more attempt; after the last, show all. The lab still stands then:
        whoever waits for the verdict has it sooner.
        """
        capture = self._write_capture(self._pcaps, ended) if self._pcaps else ""
        kept = self._trimmed(ended).model_copy(update={"capture": capture})
        self._results[ended.attempt.key] = kept
        self._bar.attempt(len(self._results))
        if self.complete:
            self.show()

    def _trimmed(self, ended: Ended) -> AttemptResult:
        """The result with as much as there is room for."""
        number = len(self._results)
        result = ended.result if number < WHOLE_RESULTS else ended.slim().result
        if number < LADDERS or result.verdict is not Verdict.PASS:
            return result
        return result.model_copy(update={"ladder": None})

    def show(self, *, interrupted: bool = False) -> None:
        """Show what there is."""
        self._bar.stop()
        ordered = [self._results[key] for key in sorted(self._results, key=self._place.__getitem__)]
        found = {
            "summary": summary(ordered),
            "interrupted": interrupted,
            "took_s": round(time.time() - self._frame.started, 3),
            "attempts": tuple(ordered),
        }
        self._output.show(self._frame.model_copy(update=found))

    def _write_capture(self, folder: Path, ended: Ended) -> str:
        """The file that it was written to; nothing where there is no capture."""
        if ended.capture is None:
            return ""
        result = ended.result
        comment = f"{result.scenario}, attempt {result.attempt}, Python {result.python}"
        content = pcapng(ended.capture.packets, comment=comment)
        file = folder / _capture_name(result)
        try:
            file.write_bytes(content)
        except OSError as error:
            raise _no_captures(folder, error) from error
        return as_utf8(str(file))


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
