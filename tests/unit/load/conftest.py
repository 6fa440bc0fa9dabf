"""Each test works in a folder of its own, with a small Compose file as the built-in one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.load.texts import COMPOSE, LAB, write


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(str(LAB), COMPOSE)
