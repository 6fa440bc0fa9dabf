"""What tests of the local engine share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder to unpack into, beside what must stay as it is."""
    place = tmp_path / "root"
    place.mkdir()
    return place
