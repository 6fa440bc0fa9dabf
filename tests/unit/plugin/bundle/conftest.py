"""A project in a folder, whose functions are sent."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest

from labctl.model.scenario import Target
from labctl.plugin.bundle import Bundle, Bundler
from tests.unit.probe.conftest import folder, probe, this_probe

__all__ = ["folder", "probe", "this_probe"]

TARGET = Target(host="closed.lab", port=2525)
LIBRARIES = ("requests", "typing-extensions", "h11")


class Project:
    """A folder with modules, which is on the path; `tests` are those that are not sent."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tests = {"test_it"}

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), "utf-8")
        return path

    def load(self, name: str) -> ModuleType:
        importlib.invalidate_caches()
        return importlib.import_module(name)

    def test(self, text: str) -> ModuleType:
        """A module of tests."""
        self.write("test_it.py", text)
        return self.load("test_it")

    def bundle(self, client: object, args: object = ()) -> Bundle:
        bundler = Bundler(self.root, LIBRARIES, frozenset(self.tests))
        return bundler.bundle(client, TARGET, args)  # type: ignore[arg-type]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    yield Project(tmp_path)
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
