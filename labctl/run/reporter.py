"""The result document of a run: made while the run goes on, and shown when it has ended."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from labctl import __version__
from labctl.errors import UsageError
from labctl.load.sources import scenario_info
from labctl.model.base import as_utf8
from labctl.model.plan import Plan
from labctl.model.result import (
    AttemptResult,
    EngineInfo,
    ImageInfo,
    Request,
    Result,
    Verdict,
)
from labctl.results.summary import summary
from labctl.run.request import RunInput, RunRequest
from labctl.wire.pcapng import pcapng

if TYPE_CHECKING:
    from labctl.run.examine import EndedAttempt

WHOLE_RESULTS = 200
"""Results of a run that are kept whole; those after them go without packets, calls and output."""
LADDERS = 5_000
"""Results of a run that keep their ladder; of those after them only failures do."""


def empty_result(
    request: RunRequest, given: RunInput, engine: EngineInfo, images: Mapping[str, ImageInfo]
) -> Result:
    """Return the result of a run of which no attempt was made yet. Reads the scenarios' files."""
    client, policy = request.client, given.policy
    here = Path.cwd()
    infos = {
        scenario.name: request.infos.get(scenario.name) or scenario_info(scenario, seen_from=here)
        for scenario in given.scenarios
    }
    return Result(
        labctl=__version__,
        engine=engine,
        images=dict(images),
        summary=summary(()),
        started=time.time(),
        request=Request(
            jobs=request.limits.jobs,
            timeout_s=request.limits.limit_s,
            attempts=request.attempts,
            client=as_utf8(str(client.path)) if client else "",
            source=client.source if client else "",
            policy_file=as_utf8(request.policy),
            policy=policy.text if policy else None,
            shard=request.shard,
            fail_fast=request.limits.fail_fast,
        ),
        scenarios=infos,
        attempts=(),
    )


class Reporter:
    """Collects the attempts of a run, and shows its result once: with the last attempt, if the run
    gets that far.
    """

    def __init__(
        self, plan: Plan, frame: Result, show: Callable[[Result], None], pcaps: Path | None = None
    ) -> None:
        """Take the plan, and the result without its attempts.

        `show` is called once with the whole result, after the last attempt. `add` writes a capture
        file of each attempt to the folder `pcaps`; None is no files.
        """
        self._place = {attempt.key: number for number, attempt in enumerate(plan.attempts)}
        self._frame = frame
        self._show = show
        self._pcaps = pcaps
        self._results: dict[str, AttemptResult] = {}
        """The results so far, by the key of the attempt."""
        self._is_shown = False

    @property
    def is_complete(self) -> bool:
        """Whether every attempt of the plan has ended."""
        return len(self._results) == len(self._place)

    def add(self, ended: EndedAttempt) -> None:
        """Add an attempt, and write its capture file; after the last attempt, show the result."""
        capture = self._write_capture(self._pcaps, ended) if self._pcaps else ""
        kept = self._trimmed(ended).model_copy(update={"capture": capture})
        self._results[ended.attempt.key] = kept
        if self.is_complete:
            self._show_result(interrupted=False)

    def finish(self) -> None:
        """Show the result of a run that made no attempt, or not all, unless it was shown
        already.
        """
        if not self._is_shown:
            self._show_result(interrupted=not self.is_complete)

    def finish_early(self) -> None:
        """Show the result of a run that was interrupted, unless it was shown already."""
        if not (self._is_shown or self.is_complete):
            self._show_result(interrupted=True)

    def _show_result(self, *, interrupted: bool) -> None:
        """Hand the results so far over to be shown, in the order of the plan."""
        self._is_shown = True
        ordered = [self._results[key] for key in sorted(self._results, key=self._place.__getitem__)]
        update = {
            "summary": summary(ordered),
            "interrupted": interrupted,
            "took_s": round(time.time() - self._frame.started, 3),
            "attempts": tuple(ordered),
        }
        self._show(self._frame.model_copy(update=update))

    def _trimmed(self, ended: EndedAttempt) -> AttemptResult:
        """Return the attempt's result. After the first WHOLE_RESULTS it is without packets, calls
        and output, and after the first LADDERS a pass is without its ladder.
        """
        number = len(self._results)
        result = ended.result if number < WHOLE_RESULTS else ended.without_bulk().result
        if number < LADDERS or result.verdict is not Verdict.PASS:
            return result
        return result.model_copy(update={"ladder": None})

    def _write_capture(self, folder: Path, ended: EndedAttempt) -> str:
        """Write the capture file, and return its path; "" where there is no capture."""
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
    """Make the folder for captures if it is not there. Raise UsageError if it can't be made."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _no_captures(path, error) from error
    return path


def _capture_name(result: AttemptResult) -> str:
    """Return a name for an attempt's capture file that no other attempt of the run has."""
    parts = [result.scenario, result.attempt]
    parts += [result.client] if result.client else []
    parts += [result.python]
    parts += [str(result.repeat)] if result.repeat > 1 else []
    return "+".join(re.sub(r"[^\w.-]", "_", part) for part in parts) + ".pcapng"


def _no_captures(folder: Path, error: OSError) -> UsageError:
    """Return the error for a folder that captures can't be written to."""
    return UsageError(
        f"cannot write captures to {folder}: {error.strerror}",
        hint="give --pcap a folder that you may write to",
    )
