"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _home_is_off_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """labctl keeps nothing in the home directory: here there is none to write to."""
    monkeypatch.setenv("HOME", str(tmp_path / "no-such-home"))
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
