"""Submissions that break a rule: how each is written, and what its student is told."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.unit.submissions.build import write
from tests.unit.submissions.hostile_tars import TARS
from tests.unit.submissions.hostile_zips import ZIPS

_TABLE = ZIPS | TARS


def _write(name: str, make: Callable[[], bytes], folder: Path) -> Path:
    return write(folder / name, make())


HOSTILE: dict[str, Callable[[Path], Path]] = {
    key: partial(_write, name, make) for key, (name, make, _) in _TABLE.items()
}
"""What writes each into a folder, and returns its path."""

MESSAGES: dict[str, str] = {key: message for key, (_, _, message) in _TABLE.items()}
"""What `RefusalError` says of each where the exercise wants client.py and answers.yaml."""
