"""The errors that labctl reports to people: each says what, where and what to do.

Exit codes are those of the table in docs/reference.md. `__main__` is the only place that turns
one of these into a message and an exit code.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

MESSAGE_LIMIT = 800
"""The most characters of a message that quotes what others wrote."""
_END = 200
"""How many of them are kept of its end."""


@dataclass(frozen=True, kw_only=True)
class Where:
    """A place in an input file. `line` and `column` count from 1; 0 means the whole file."""

    path: Path
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Return the place as `FILE:LINE:COLUMN`, as far as it is known."""
        return f"{self.path}:{self.line}" if self.line else str(self.path)


class LabError(Exception):
    """Something a person can act on: `message` says what, `where` where, `hint` what to do."""

    exit_code = 70
    longest: int | None = MESSAGE_LIMIT
    """The most characters of a message, whose middle is left out if it is longer; None is any."""

    def __init__(self, message: str, *, where: Where | None = None, hint: str = "") -> None:
        """Take what is wrong, where, and what to do about it."""
        self.message = message if self.longest is None else shorten_middle(message, self.longest)
        super().__init__(self.message)
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        """Return the message with its place."""
        return f"{self.where}: {self.message}" if self.where else self.message


class UsageError(LabError):
    """The command line is wrong: an unknown scenario, attempt, tag or Python."""

    exit_code = 2


class InputError(LabError):
    """A scenario, a Compose file or another input file is wrong."""

    exit_code = 3

    def each(self) -> tuple[InputError, ...]:
        """Return the mistakes that this error reports, one error for each."""
        return (self,)


class EngineError(LabError):
    """The lab could not be run: no verdict, and never the client's fault. The message may have
    logs in it.
    """

    exit_code = 4
    longest = None


class ServiceError(EngineError):
    """A service of a lab failed. Attempts that do not need it can still be made there.

    `was_ready` is False if the service never got ready: then no client has broken it.
    """

    def __init__(self, cause: EngineError, *, service: str, was_ready: bool) -> None:
        """Take the error that says what is wrong, and the name of the service."""
        super().__init__(cause.message, where=cause.where, hint=cause.hint)
        self.service = service
        self.was_ready = was_ready


class EngineGone(EngineError):
    """The lab could not be run because the engine, or the connection to it, went away meanwhile.
    Once the engine is back, the lab can be started anew.
    """


class ManyInputErrors(InputError):
    """Several mistakes found in the input at once; each is printed as its own message."""

    def __init__(self, errors: tuple[InputError, ...]) -> None:
        """Take at least two mistakes."""
        first = errors[0]
        super().__init__(first.message, where=first.where, hint=first.hint)
        self.errors = errors

    def each(self) -> tuple[InputError, ...]:
        """Return the mistakes that this error reports, one error for each."""
        return self.errors


class Terminated(BaseException):
    """SIGTERM came: like KeyboardInterrupt, nothing but the clean-up may catch it."""


def closest_name(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that was probably meant by a misspelt one; None if none is close."""
    import difflib  # noqa: PLC0415 only where something is wrong

    cutoff = 0.66 if len(name) <= 4 else 0.7  # noqa: PLR2004 a swap in `tcp` leaves 2 of 3
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of a message, `; did you mean "NAME"?`, or "" if no known name is close."""
    close = closest_name(name, known)
    return f'; did you mean "{close}"?' if close else ""


def shorten(text: str, limit: int = 60) -> str:
    """Return the text in one line, with `...` behind its first `limit` characters."""
    line = text.replace("\n", "\\n")
    return line if len(line) <= limit else f"{line[:limit]}..."


def shorten_middle(text: str, limit: int = MESSAGE_LIMIT) -> str:
    """Return the text with at most `limit` characters, of which the last ones are its end. If it is
    longer, `...` stands for its middle.
    """
    if len(text) <= limit:
        return text
    return f"{text[: limit - _END - 3]}...{text[-_END:]}"
