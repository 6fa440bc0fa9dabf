"""Text from clients made safe to print, and the words and signs that reports share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from labctl.model.result import AttemptResult, ExceptionInfo, Observation, Outcome, Verdict
from labctl.pythons import series_of
from labctl.text import escape_control, escape_lines

MARKS = {
    Verdict.PASS: "✔",
    Verdict.FAIL: "✘",
    Verdict.INCONCLUSIVE: "?",
    Verdict.ERROR: "!",
    None: "·",
}
STYLES = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.ERROR: "bold magenta",
    None: "cyan",
}
SHOWN = "shown"
"""The word for an attempt of which nothing was expected."""


def flowing(text: str) -> Iterator[str]:
    """The lines of a text, each paragraph and each item of a list (`- ...`) as one; lines that are
    indented stay as they are.
    """
    paragraph: list[str] = []
    for line in [*escape_lines(text.rstrip()), ""]:
        goes_on = line.strip() and not line.startswith(" ")
        if paragraph and (line.startswith("- ") or not goes_on):
            yield " ".join(paragraph)
            paragraph = []
        if goes_on:
            paragraph.append(line.strip())
        else:
            yield line


def clip(text: str, width: int) -> str:
    """The text in at most `width` columns of a terminal, in which some characters take two."""
    if cell_len(text) <= width:
        return text
    return f"{set_cell_size(text, max(width - 1, 0)).rstrip()}…"


def one_line(text: str, style: str = "") -> Text:
    """The text on one line, cut where the terminal ends."""
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


def pad(text: str, width: int) -> str:
    """The text in exactly `width` columns."""
    return set_cell_size(clip(text, width), width)


def word(verdict: Verdict | None) -> str:
    """The word for a verdict."""
    return verdict.value if verdict else SHOWN


def label(result: AttemptResult) -> str:
    """Scenario and attempt; with the file where a client was given in place of the scenario's."""
    if result.client and result.client.rpartition(".")[0] == result.attempt:
        return escape_control(f"{result.scenario}/{result.client}")
    given = f" ({result.client})" if result.client else ""
    return escape_control(f"{result.scenario}/{result.attempt}{given}")


def series(python: str) -> str:
    """3.13 of 3.13.5."""
    return escape_control(series_of(python))


def exception_line(exception: ExceptionInfo) -> str:
    """Type and message on one line, as a traceback ends."""
    return escape_control(
        f"{exception.type}: {exception.message}" if exception.message else exception.type
    )


def outcome_line(result: AttemptResult) -> str:
    """What became of an attempt, on one line; the number of an error is left to the details."""
    if result.observed is None:
        return escape_control(result.reasons[0]) if result.reasons else "not made"
    return re.sub(r"^(\S+: )\[Errno -?\d+\] ", r"\1", ended(result.observed))


def ended(observation: Observation) -> str:
    """How a client ended, on one line."""
    if observation.outcome is Outcome.RAISED and observation.exception:
        return exception_line(observation.exception)
    if observation.outcome is Outcome.RETURNED:
        return escape_control(f"returned {observation.returned}")
    return {
        Outcome.EXITED: f"ended its process at once, exit status {observation.exit}",
        Outcome.KILLED: escape_control(f"killed ({observation.signal or 'by a signal'})"),
        Outcome.OUT_OF_MEMORY: "used up its memory and was killed",
        Outcome.TIMED_OUT: f"still running after {observation.elapsed_s:.3g} s",
    }.get(observation.outcome, "left something that is not a report")


def listed(words: Iterable[str], *, most: int = 8) -> str:
    """`a, b, c`, and how many more there are where they are too many to name."""
    found = list(words)
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more
