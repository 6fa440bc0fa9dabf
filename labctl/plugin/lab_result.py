"""The result of a client that the fixture `lab` ran."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

import pytest

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
from labctl.plugin.rendering import terminal_text
from labctl.report.stacks import draw_stacks
from labctl.report.wording import ending_line, python_series
from labctl.wire.ladder import draw


@dataclass(frozen=True, repr=False)
class Seen:
    """Everything that was observed of one client. `observation` has it all, with all details.

    Its text (`str`, `print`) shows the stack as layers, and the packets as a ladder.
    """

    result: AttemptResult
    observation: Observation

    @property
    def exception(self) -> ExceptionInfo | None:
        """The exception that the client raised, with `type`, `message` and `attrs`; or None."""
        return self.observation.exception

    def raised(self, kind: str | type[BaseException]) -> bool:
        """Tell whether the client raised an exception of this class, or of a derived class.

        A name may have its module or not: `IncompleteRead`, `http.client.IncompleteRead`.
        """
        error = self.observation.exception
        if error is None:
            return False
        names = [error.type, *error.bases]
        if isinstance(kind, str):
            return any(kind in (name, name.rpartition(".")[2]) for name in names)
        # A class of a test module is sent with the client, and its module is __main__ there.
        module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
        return not {f"{module}{kind.__qualname__}", f"__main__.{kind.__qualname__}"}.isdisjoint(
            names
        )

    @property
    def outcome(self) -> Outcome:
        """How the client ended: `raised`, `returned`, or without a report, such as `timed-out`."""
        return self.observation.outcome

    @property
    def returned(self) -> str | None:
        """The `repr` of the value that the client returned; None if it did not return."""
        return self.observation.returned

    @property
    def value(self) -> Any:
        """The value that the client returned: texts, numbers, None, and lists, dicts of them.

        Raise ValueError if it returned another kind of value, or did not return.
        """
        if self.observation.outcome is not Outcome.RETURNED:
            raise ValueError(f"the client returned nothing: {ending_line(self.observation)}")
        text = "None" if self.returned is None else self.returned
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            raise ValueError(f"the client returned no plain value: {text}") from None

    @property
    def elapsed_s(self) -> float:
        """How long the client's code ran, in seconds, imports included."""
        return self.observation.elapsed_s

    @property
    def waited_s(self) -> float:
        """How long the client ran from its first network call on, in seconds; 0 if it made none.

        Imports come before that call. They are left out because they are slow on a busy machine.
        """
        calls = [call.at_s for call in self.observation.calls if call.event.startswith("socket.")]
        return max(0.0, self.elapsed_s - min(calls)) if calls else 0.0

    @property
    def stack(self) -> tuple[Frame, ...]:
        """The functions that the exception came through, the outermost first.

        Functions of the client's own file are left out; functions of your modules are included.
        """
        return self.observation.stack

    @property
    def flows(self) -> tuple[Flow, ...]:
        """The flows on the wire, in the order in which they began, with all details."""
        return self.observation.flows or ()

    @property
    def wire(self) -> list[str]:
        """The flows as lines: `tcp tcp.lab:2001 reset`.

        An AAAA query beside an A query has no line, and flows that the client did not begin have
        none.
        """
        return fewest_lines(self.flows)

    @property
    def served(self) -> tuple[ServerEvent, ...]:
        """What the servers reported of the client, DNS queries left out."""
        return tuple(event for event in self.observation.served if event.service != RESOLVER)

    @property
    def said(self) -> list[str]:
        """What the servers reported, as lines, in order of time: `tcp read size=1 text=h`."""
        return [served_line(event) for event in self.served]

    @property
    def stdout(self) -> str:
        """What the client wrote to its standard output."""
        return self.observation.stdout

    @property
    def stderr(self) -> str:
        """What the client wrote to its standard error."""
        return self.observation.stderr

    @property
    def verdict(self) -> Verdict | None:
        """`pass` or `fail`; None if the client was not judged by an attempt of the scenario."""
        return self.result.verdict

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reasons why the verdict is not `pass`."""
        return self.result.reasons

    @property
    def ladder(self) -> str:
        """The packets as a ladder diagram, several lines of text; empty if there are none."""
        return draw(self.result.ladder) if self.result.ladder else ""

    @property
    def because(self) -> str:
        """A sentence that explains why the client ended as it did; empty if there is none."""
        return self.result.because

    @property
    def title(self) -> str:
        """A title: `reset-on-read, fetch on Python 3.13`."""
        result = self.result
        return f"{result.scenario}, {result.attempt} on Python {python_series(result.python)}"

    def __repr__(self) -> str:
        """Return scenario, client, Python and exception in one line."""
        return f"<{self.title}: {ending_line(self.observation)}>"

    def __str__(self) -> str:
        """Return the stack and the exception as a drawing of several lines."""
        from rich.console import Group  # noqa: PLC0415 takes long

        return terminal_text(Group(*draw_stacks([self.result])))


LAB_RESULTS: pytest.StashKey[list[Seen]] = pytest.StashKey()
"""The stash of a test has the results of all clients that it ran with the fixture `lab`."""
