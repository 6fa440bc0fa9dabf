from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.plugin.inner import Inner


@pytest.fixture
def inner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Inner:
    folder = tmp_path / "project"
    folder.mkdir()
    return Inner(folder, monkeypatch, capsys)
