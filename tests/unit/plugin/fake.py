"""A plugin for pytests in processes of their own: they get an engine made of locks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labctl.engine import access
from labctl.engine.guard import Guard
from labctl.plugin import environment
from tests.unit.fake_engine import FakeEngine
from tests.unit.plugin.inner import FakeAccess


class Engine(FakeEngine):
    """Writes what it says to a file."""

    def say(self, what: str) -> None:
        with Path("said.txt").open("a", encoding="utf-8") as file:
            file.write(f"{what}\n")


@contextmanager
def guarded(_access: object, _run: str) -> Iterator[Guard]:
    yield Guard()


vars(access)["ENGINES"] = {"fake": lambda: FakeAccess(Engine)}
vars(environment)["guarded"] = guarded
