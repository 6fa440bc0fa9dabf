"""From a result to the run that makes its attempts again."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from labctl.errors import EngineError, InputError, UsageError, Where
from labctl.load.imports import libraries_in
from labctl.load.result import read_result
from labctl.load.sources import write_sources
from labctl.model.plan import Unit
from labctl.model.result import AttemptResult, Result
from labctl.pythons import SERIES, series_of
from labctl.report.changes import render_changes
from labctl.results.changes import changes
from labctl.run.attempts import Client
from labctl.run.execute import execute
from labctl.run.output import Output
from labctl.run.request import Limits, RunRequest

if TYPE_CHECKING:
    from rich.console import RenderableType

NOT_THE_SAME = 1
"""The exit code if a verdict is not what it was."""
_MISSING = object()


class _Compared(Output):
    """Writes what is not as it was, where a run writes its report."""

    def __init__(self, old: Result, documents: Mapping[str, str]) -> None:
        """Take the old result, and the places of the documents that are asked for."""
        super().__init__(documents)
        self._old = old
        self.is_same = False
        self.new: Result | None = None

    def show(self, result: Result) -> None:
        """Write the output, and note whether all verdicts are the same as before."""
        self.new = result
        now = {_name(one): one.verdict for one in result.attempts}
        self.is_same = all(
            now.get(_name(one), _MISSING) is one.verdict for one in self._old.attempts
        )
        super().show(result)

    def report(self, result: Result) -> RenderableType:
        """Return the report: what changed since the old run."""
        return render_changes(changes(self._old, result))


def rerun(path: Path, *, jobs: int, lock: Path | None, documents: Mapping[str, str]) -> int:
    """Make the attempts of the result in a file again, and return the exit code.

    Writes the scenarios of the result to a temporary folder. Images must agree with `lock`, if
    there is one. Raise InputError if the result lacks something.
    """
    old = read_result(path)
    _check_complete(old, path)
    output = _Compared(old, documents)
    with tempfile.TemporaryDirectory(prefix="labctl-") as made:
        folder = Path(made)
        files = [
            write_sources(info, folder / str(number))
            for number, (name, info) in enumerate(old.scenarios.items())
            if any(one.scenario == name for one in old.attempts)
        ]
        policy = _policy(old, folder)
        request = _request(old, files, policy, jobs=jobs, lock=lock)
        code = execute(request, lambda _: output)
    if code == EngineError.exit_code:
        return code
    return 0 if output.is_same else NOT_THE_SAME


def _check_complete(old: Result, path: Path) -> None:
    """Raise InputError if a result does not have what is needed to make it again."""
    where = Where(path=path)
    if not old.attempts:
        raise InputError("has no attempts to make again", where=where)
    for name in dict.fromkeys(one.scenario for one in old.attempts):
        if name not in old.scenarios or not old.scenarios[name].files:
            raise InputError(
                f"does not have the text of the scenario {name}",
                where=where,
                hint="it is of an older labctl; make the run anew",
            )


def _policy(old: Result, folder: Path) -> str:
    """Write the policy that judged the result to a file; return its path, "" if there is none."""
    if old.request.policy is None:
        return ""
    file = folder / "policy.yaml"
    file.write_text(old.request.policy, "utf-8")
    return str(file)


def _name(one: AttemptResult) -> tuple[object, ...]:
    """Return what an attempt is matched by: scenario, attempt, client, series and repeat."""
    return (one.scenario, one.attempt, _series(one.python), one.client, one.repeat)


def _request(
    old: Result, files: Sequence[Path], policy: str, *, jobs: int, lock: Path | None
) -> RunRequest:
    """Return the request that makes the same attempts again."""
    asked = old.request
    series = list(dict.fromkeys(_series(one.python) for one in old.attempts))
    given = asked.client and Client(
        path=Path(asked.client), source=asked.source, requires=libraries_in(asked.source)
    )
    units = frozenset(
        Unit(one.scenario, one.attempt, _series(one.python), one.client) for one in old.attempts
    )
    made = {one.attempt for one in old.attempts}
    return RunRequest(
        names=tuple(map(str, files)),
        attempts=tuple(name for name in asked.attempts if name in made),
        pythons=",".join(series),
        client=given or None,
        policy=policy,
        repeat=max(one.repeat for one in old.attempts),
        limits=Limits(jobs=jobs, limit_s=asked.timeout_s),
        only=units,
        lock=lock,
        infos=old.scenarios,
    )


def _series(version: str) -> str:
    """Return the Python series of a version. Raise UsageError if there are no images for it any
    more.
    """
    series = series_of(version)
    if series not in SERIES:
        raise UsageError(
            f"there is no Python {series} for clients any more",
            hint=f"there are {', '.join(SERIES)}",
        )
    return series
