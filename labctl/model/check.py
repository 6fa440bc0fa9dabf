"""What `labctl doctor` finds."""

from __future__ import annotations

from enum import StrEnum

from labctl.model.base import Record


class CheckState(StrEnum):
    """`missing` keeps labs from working; `limited` keeps some of them."""

    OK = "ok"
    LIMITED = "limited"
    MISSING = "missing"


class Check(Record):
    """One thing that was looked at, what was seen, and what to do about it."""

    name: str
    state: CheckState
    seen: str
    hint: str = ""

    @property
    def blocks(self) -> bool:
        """Whether no lab can run before this is mended."""
        return self.state is CheckState.MISSING
