"""What all tests share."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("labctl", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("labctl")
"""How fast a machine is says nothing of labctl: examples take long where it is busy."""


def pytest_configure() -> None:
    """Take SIGINT for what it is: in what a shell starts in the background it is ignored, and so
    it would be in every labctl that tests start and interrupt.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _home_is_off_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """labctl keeps nothing in the home directory: here there is none to write to."""
    monkeypatch.setenv("HOME", str(tmp_path / "no-such-home"))
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
