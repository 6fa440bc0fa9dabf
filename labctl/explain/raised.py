"""What a traceback says: exceptions, what hangs on them, and the functions they came through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Frame:
    """A function of a library. `function` is its last name only: tracebacks have no more."""

    module: str
    function: str

    def __str__(self) -> str:
        """Return `module:function`."""
        return f"{self.module}:{self.function}"


@dataclass(frozen=True, kw_only=True)
class Raised:
    """An exception. `message` is None if only a name was given. `frames` are the library's
    functions, outermost first; None if nothing was said of any. Of `cause` and `context`, one at
    the most is there.
    """

    type: str
    message: str | None = None
    frames: tuple[Frame, ...] | None = None
    cause: Raised | None = None
    context: Raised | None = None
    group: tuple[Raised, ...] = ()

    def everything(self) -> Iterator[Raised]:
        """Yield this exception, its cause, context and group members, and theirs."""
        yield self
        for one in (self.cause, self.context, *self.group):
            if one:
                yield from one.everything()
