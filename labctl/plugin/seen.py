"""What was seen of a client that the fixture `lab` ran."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from labctl.judge.served import RESOLVER, served_line
from labctl.judge.wire import fewest_lines
from labctl.model.result import (
    AttemptResult,
    ExceptionInfo,
    Flow,
    Frame,
    Observation,
    Outcome,
    ServerEvent,
    Verdict,
)
from labctl.plugin.failure import text_of
from labctl.report.stacks import drawings
from labctl.report.text import ended, series
from labctl.wire.ladder import draw


@dataclass(frozen=True, repr=False)
class Seen:
    """Everything seen of one client. `observation` has it all; the rest is for short.

    As text (`str`, `print`), it is the stack as layers, and the packets as a ladder.
    """

    result: AttemptResult
    observation: Observation

    @property
    def exception(self) -> ExceptionInfo | None:
        """What the client raised, with `type`, `message`, `attrs`, `cause` and more; else None."""
        return self.observation.exception

    def raised(self, kind: str | type[BaseException]) -> bool:
        """Whether it raised that exception, or one derived from it. A name may go without its
        module: `ConnectionResetError`, `IncompleteRead`, `http.client.IncompleteRead`.
        """
        error = self.observation.exception
        if error is None:
            return False
        names = [error.type, *error.bases]
        if isinstance(kind, str):
            return any(kind in (name, name.rpartition(".")[2]) for name in names)
        # What is defined in a module of tests is the client's own, and so in `__main__` there.
        module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
        return not {f"{module}{kind.__qualname__}", f"__main__.{kind.__qualname__}"}.isdisjoint(
            names
        )

    @property
    def outcome(self) -> Outcome:
        """How it ended: `raised`, `returned`, or without a report, such as `timed-out`."""
        return self.observation.outcome

    @property
    def returned(self) -> str | None:
        """The `repr` of what it returned; None where it did not return."""
        return self.observation.returned

    @property
    def value(self) -> Any:
        """What it returned, where that is made of texts, numbers, None, lists and the like.
        ValueError for anything else, and where it did not return.
        """
        if self.observation.outcome is not Outcome.RETURNED:
            raise ValueError(f"the client returned nothing: {ended(self.observation)}")
        text = "None" if self.returned is None else self.returned
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            raise ValueError(f"what the client returned is no plain value: {text}") from None

    @property
    def elapsed_s(self) -> float:
        """How long its code ran, in seconds, imports included."""
        return self.observation.elapsed_s

    @property
    def waited_s(self) -> float:
        """How long it ran from its first question to the network on, in seconds: to import modules
        takes long on a machine that is busy.
        """
        asked = [call.at_s for call in self.observation.calls if call.event.startswith("socket.")]
        return max(0.0, self.elapsed_s - min(asked)) if asked else 0.0

    @property
    def stack(self) -> tuple[Frame, ...]:
        """The functions that the exception came through, outermost first: all but the client's
        own, of which those of modules are there, too.
        """
        return self.observation.stack

    @property
    def flows(self) -> tuple[Flow, ...]:
        """The conversations on the wire, in their order."""
        return self.observation.flows or ()

    @property
    def wire(self) -> list[str]:
        """The same as lines: `tcp tcp.lab:2001 reset`. An AAAA question beside one for A, and
        what others began, has none.
        """
        return fewest_lines(self.flows)

    @property
    def served(self) -> tuple[ServerEvent, ...]:
        """What the servers said of the client, look-ups of names left out."""
        return tuple(event for event in self.observation.served if event.service != RESOLVER)

    @property
    def said(self) -> list[str]:
        """The same as lines: `tcp read size=1 text=h`."""
        return [served_line(event) for event in self.served]

    @property
    def stdout(self) -> str:
        """What it wrote there."""
        return self.observation.stdout

    @property
    def stderr(self) -> str:
        """What it wrote there."""
        return self.observation.stderr

    @property
    def verdict(self) -> Verdict | None:
        """`pass` or `fail`, where it was judged by an attempt of the scenario; else None."""
        return self.result.verdict

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is not a `pass`."""
        return self.result.reasons

    @property
    def ladder(self) -> str:
        """The packets as a picture."""
        return draw(self.result.ladder) if self.result.ladder else ""

    @property
    def because(self) -> str:
        """Why it ended as it did, as a sentence."""
        return self.result.because

    @property
    def title(self) -> str:
        """`reset-on-read, fetch on Python 3.13`."""
        result = self.result
        return f"{result.scenario}, {result.attempt} on Python {series(result.python)}"

    def __repr__(self) -> str:
        return f"<{self.title}: {ended(self.observation)}>"

    def __str__(self) -> str:
        from rich.console import Group  # noqa: PLC0415 takes long

        return text_of(Group(*drawings([self.result])))
