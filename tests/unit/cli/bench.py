"""`labctl run` on an engine made of locks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from labctl.engine import access, early
from labctl.engine.guard import Guard
from labctl.engine.images.status import ImageState, ImageStatus
from labctl.errors import EngineError
from labctl.load.schema import result_schema
from labctl.run import guarded
from tests.unit.cli.conftest import Done, Labctl
from tests.unit.fake_engine import FakeEngine


class Images:
    """Every image is there, of the Python that is asked for."""

    def ensure(self, wanted: Iterable[str], *, progress: object) -> dict[str, ImageStatus]:
        assert callable(progress)
        versions = {name: f"{name.partition(':')[2].removesuffix('-libs')}.5" for name in wanted}
        return {
            name: ImageStatus(
                name=name,
                state=ImageState.READY,
                id=f"sha256:{name}",
                reference=name,
                origin="registry",
                python=version,
                packages={"httpx": "0.28.1"} if name.endswith("-libs") else {},
            )
            for name, version in versions.items()
        }

    def status(self, wanted: Iterable[str]) -> list[ImageStatus]:
        return list(self.ensure(wanted, progress=print).values())


class Bench:
    """Runs `labctl run`; `engine` is what it runs on, `guards` the runs that were guarded."""

    def __init__(self, labctl: Labctl, monkeypatch: pytest.MonkeyPatch) -> None:
        self.engine = FakeEngine()
        self.guards: list[str] = []
        self.guard = Guard()
        self.kept: bool | None = None
        self.is_here = True
        self.its_weakness: EngineError | None = None
        self.labctl = labctl
        self.name = "docker"
        monkeypatch.setattr(access, "ENGINES", {"docker": lambda: self})
        monkeypatch.setattr(early, "begin_lab_early", lambda: None)
        monkeypatch.setattr(guarded, "guarded", self._guarded)

    @property
    def runtime(self) -> FakeEngine:
        """What tells which engine it is."""
        return self.engine

    def images(self) -> Images:
        """The bench is its own EngineAccess."""
        return Images()

    def weakness(self) -> EngineError | None:
        return self.its_weakness

    def for_run(self, run: str, *, keep: bool) -> FakeEngine:
        assert len(run) == 8
        self.kept = keep
        return self.engine

    def sweep(self, _run: str) -> None:
        self.engine.sweep()

    def listing_command(self, run: str) -> str:
        return f"fake ps {run}"

    @contextmanager
    def _guarded(self, _access: object, run: str) -> Iterator[Guard]:
        self.guards.append(run)
        try:
            yield self.guard
        finally:
            self.engine.say("unguarded")

    def run(self, *args: str | Path) -> Done:
        return self.labctl("run", *args)

    def document(self, *args: str | Path) -> dict[str, Any]:
        """The result document, seen to be one."""
        parsed: dict[str, Any] = json.loads(self.run(*args, "--json", "-").out)
        Draft202012Validator(result_schema()).validate(parsed)
        return parsed
