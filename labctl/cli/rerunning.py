"""What `labctl rerun` does: from a result to the run that makes its attempts again."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from labctl.cli import options
from labctl.cli.execute import Limits, Wanted, execute
from labctl.cli.output import Output
from labctl.errors import EngineError, InputError, UsageError, Where
from labctl.judge.changes import changes
from labctl.load.imports import libraries_in
from labctl.load.result import read_result
from labctl.load.sources import write_sources
from labctl.model.plan import SERIES, Unit
from labctl.model.result import Result
from labctl.plan import Client

if TYPE_CHECKING:
    from rich.console import RenderableType

OTHERWISE = 1


class _Compared(Output):
    """Shows what is not as it was, in place of a run's report."""

    def __init__(self, old: Result, documents: Mapping[str, str]) -> None:
        super().__init__(documents)
        self._old = old
        self.same = False
        self.new: Result | None = None

    def show(self, result: Result) -> None:
        self.new = result
        before = {one.key: one.verdict for one in self._old.attempts}
        self.same = {one.key: one.verdict for one in result.attempts} == before
        super().show(result)

    def report(self, result: Result) -> RenderableType:
        from labctl.report.changes import render_changes  # noqa: PLC0415 imports much

        return render_changes(changes(self._old, result))


def again(path: Path, *, jobs: int, locked: bool, documents: Mapping[str, str]) -> int:
    """Make the attempts of the result in a file again; the exit code."""
    old = read_result(path)
    _check_complete(old, path)
    output = _Compared(old, documents)
    with tempfile.TemporaryDirectory(prefix="labctl-") as folder:
        files = {
            name: write_sources(info, Path(folder) / name)
            for name, info in old.scenarios.items()
            if any(one.scenario == name for one in old.attempts)
        }
        code = execute(_wanted(old, files, jobs=jobs, locked=locked), output)
    if code == EngineError.exit_code:
        return code
    return 0 if output.same else OTHERWISE


def _check_complete(old: Result, path: Path) -> None:
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


def _wanted(old: Result, files: Mapping[str, Path], *, jobs: int, locked: bool) -> Wanted:
    asked = old.request
    series = list(dict.fromkeys(_series(one.python) for one in old.attempts))
    given = asked.client and Client(
        path=Path(asked.client), source=asked.source, requires=libraries_in(asked.source)
    )
    units = frozenset(
        Unit(one.scenario, one.attempt, _series(one.python), one.client) for one in old.attempts
    )
    policy = ""
    if asked.policy is not None:
        file = next(iter(files.values())).parent.parent / "policy.yaml"
        file.write_text(asked.policy, "utf-8")
        policy = str(file)
    return Wanted(
        names=tuple(map(str, files.values())),
        attempts=asked.attempts,
        pythons=",".join(series),
        client=given or None,
        policy=policy,
        repeat=max(one.repeat for one in old.attempts),
        limits=Limits(jobs=jobs, limit_s=asked.timeout_s),
        only=units,
        lock=Path(options.LOCK_FILE) if locked else None,
        infos={name: old.scenarios[name] for name in files},
    )


def _series(version: str) -> str:
    series = ".".join(version.split(".")[:2])
    if series not in SERIES:
        raise UsageError(
            f"there is no Python {series} for clients any more",
            hint=f"there are {', '.join(SERIES)}",
        )
    return series
