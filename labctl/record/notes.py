"""What is said of a recording beside its result."""

from __future__ import annotations


class Unrecordable(Exception):
    """Why nothing can be expected of an attempt, as the rest of a sentence."""


class Notes:
    """What of an attempt was loosened or left out, each once, in order."""

    def __init__(self) -> None:
        self._said: dict[str, list[str]] = {}
        self.python = ""
        """The series of those observations that are being looked at."""

    def add(self, what: str, how: str) -> None:
        """`what` is a key of `expect`; `how` says what became of it."""
        pythons = self._said.setdefault(f"{what} {how}", [])
        if self.python not in pythons:
            pythons.append(self.python)

    def lines(self) -> tuple[str, ...]:
        """Each with the Pythons that it was seen on."""
        return tuple(f"{said} (Python {', '.join(on)})" for said, on in self._said.items())
