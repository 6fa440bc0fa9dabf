"""Notes about a recording, and the reason why there is none."""

from __future__ import annotations


class Unrecordable(Exception):
    """Nothing can be expected of an attempt; the message is the end of a sentence on why."""


class Notes:
    """Collects what of an attempt was loosened or left out, each once, in order."""

    def __init__(self) -> None:
        """Begin without notes."""
        self._said: dict[str, list[str]] = {}
        self.python = ""
        """The series of the Python that notes are about from now on."""

    def add(self, what: str, how: str) -> None:
        """Add a note, unless it is there. `what` is a key of `expect`, and `how` says what became
        of it.
        """
        pythons = self._said.setdefault(f"{what} {how}", [])
        if self.python not in pythons:
            pythons.append(self.python)

    def lines(self) -> tuple[str, ...]:
        """Return the notes, each with the Pythons that it is about."""
        return tuple(f"{said} (Python {', '.join(on)})" for said, on in self._said.items())
