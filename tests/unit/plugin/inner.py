"""A pytest inside of a test, in the same process, with the plugin and an engine made of locks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from labctl.engine import access
from labctl.engine.guard import Guard
from labctl.engine.images.status import ImageState, ImageStatus
from labctl.errors import EngineError
from labctl.plugin import environment
from tests.unit.fake_engine import FakeEngine

SCENARIO = """\
name: NAME
title: Nothing listens
layer: tcp
tags: [core]
story: Nothing listens on the port.
services: [closed]
target: {host: closed.lab, port: 2525}
attempts:
  smtplib:
    client: |
      import smtplib
      smtplib.SMTP("closed.lab", 2525)
    expect: {raises: ConnectionRefusedError}
"""


def scenario(name: str, **changes: str) -> str:
    """A scenario that passes, with some lines changed: by their key, with all behind it."""
    text = SCENARIO.replace("NAME", name)
    for key, value in changes.items():
        lines = text.splitlines(keepends=True)
        at = next(n for n, line in enumerate(lines) if line.strip().startswith(f"{key}:"))
        indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
        lines[at] = f"{indent}{key}: {value}\n"
        text = "".join(lines)
    return text


class Images:
    """Every image is there, of the Python that is asked for; but for those `missing`."""

    missing: frozenset[str] = frozenset()
    asked: list[str] = []  # noqa: RUF012 a fresh one for each test

    def ensure(self, wanted: Iterable[str], *, progress: object) -> dict[str, ImageStatus]:
        assert callable(progress)
        names = list(wanted)
        self.asked.append(names[-1])
        for name in self.missing.intersection(names):
            raise EngineError(f"{name} cannot be made", hint="look elsewhere")
        return {name: self._info(name) for name in names}

    def find(self, name: str) -> str | None:
        return name

    @staticmethod
    def _info(name: str) -> ImageStatus:
        version = f"{name.partition(':')[2].removesuffix('-libs')}.5"
        packages = {"httpx": "0.28.1", "requests": "2.34.2"} if name.endswith("-libs") else {}
        return ImageStatus(
            name=name, state=ImageState.READY, id=f"sha256:{name}", reference=name,
            origin="registry", python=version, packages=packages,
        )  # fmt: skip


@dataclass(frozen=True)
class FakeAccess:
    """In the place of EngineAccess; `make` makes the engine of a run."""

    make: Callable[[], FakeEngine]

    def try_out(self) -> None:
        """It can run labs."""

    def images(self) -> Images:
        return Images()

    def for_run(self, run: str, *, keep: bool = False) -> FakeEngine:
        assert run
        assert not keep
        return self.make()


@dataclass(frozen=True)
class Ran:
    """A pytest that has ended: its exit code, what it wrote, its reports by test and phase."""

    code: int
    out: str
    err: str
    reports: Sequence[pytest.TestReport]

    def outcomes(self) -> dict[str, str]:
        """`passed`, or the phase that failed: `call`, `setup`; by the last part of the id."""
        found: dict[str, str] = {}
        for one in self.reports:
            name = one.nodeid.rpartition("::")[2]
            if one.outcome != "passed":
                found[name] = str(one.when) if one.failed else one.outcome
            else:
                found.setdefault(name, "passed")
        return found

    def report(self, name: str, when: str = "call") -> pytest.TestReport:
        """The last one of that phase."""
        return [one for one in self.reports if one.nodeid.endswith(name) and one.when == when][-1]


@dataclass
class _Recorder:
    reports: list[pytest.TestReport] = field(default_factory=list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.reports.append(report)


class Inner:
    """Runs pytest in a folder of its own; `guards` are the runs that were guarded."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.folder = folder
        self.engine = FakeEngine()
        self.images = Images
        self.guards: list[str] = []
        self.refusal: EngineError | None = None
        self.connections: list[str] = []
        self._capsys = capsys
        monkeypatch.chdir(folder)
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        monkeypatch.delenv("CI", raising=False)
        monkeypatch.setattr(Images, "asked", [])
        monkeypatch.setattr(Images, "missing", frozenset())
        monkeypatch.setattr(access, "ENGINES", {"docker": self.opening("docker")})
        monkeypatch.setattr(environment, "guarded", self._guarded)

    def opening(self, name: str) -> Callable[[], FakeAccess]:
        """What opens an engine of this name."""

        def open_one() -> FakeAccess:
            self.connections.append(name)
            if self.refusal:
                raise self.refusal
            return FakeAccess(lambda: self.engine)

        return open_one

    @contextmanager
    def _guarded(self, _access: object, run: str) -> Iterator[Guard]:
        self.guards.append(run)
        try:
            yield Guard()
        finally:
            self.engine.say("unguarded")

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def scenario(self, name: str, **changes: str) -> Path:
        return self.write(f"{name}.yaml", scenario(name, **changes))

    def run(self, *args: str) -> Ran:
        """Run it with the plugin, and no other that is installed."""
        recorder = _Recorder()
        own = ["-p", "labctl.plugin", "-p", "no:cacheprovider", "--capture=sys", "--strict-markers"]
        quiet = ["-W", "ignore::pytest.PytestAssertRewriteWarning", "--rootdir", str(self.folder)]
        modules, path = dict(sys.modules), list(sys.path)
        try:
            code = pytest.main([*own, *quiet, *args], plugins=[recorder])
        finally:
            for name in set(sys.modules) - set(modules):
                if str(self.folder) in str(getattr(sys.modules[name], "__file__", "")):
                    del sys.modules[name]
            sys.path[:] = path
        return Ran(int(code), *self._capsys.readouterr(), recorder.reports)
