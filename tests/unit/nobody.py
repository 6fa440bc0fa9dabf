"""The user nobody, for tests of what a user without permission meets: root may do everything."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


def let_everybody_enter(folder: Path) -> None:
    """Open a folder of this test's, and those above it, to other users."""
    for one in (folder, *folder.parents[:-2]):
        one.chmod(one.stat().st_mode | 0o055)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Make this process nobody's for a while. Needs root."""
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
