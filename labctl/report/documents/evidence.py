"""What speaks for a verdict, as lines of plain text that are safe to write anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from labctl.judge.diff import Row, align, expected_stack, stack_names
from labctl.model.result import AttemptResult, Ladder
from labctl.report.wording import ending_line
from labctl.text import escape_control, escape_lines
from labctl.wire.ladder import draw


def evidence_lines(attempt: AttemptResult) -> list[str]:
    """Return everything about an attempt as lines: the reasons, the stack, how the client ended and
    why, and the ladder.
    """
    return _blocks([reason_lines(attempt), *_seen(attempt)])


def observation_lines(attempt: AttemptResult) -> list[str]:
    """Return what was observed of an attempt as lines: like `evidence_lines`, without the
    reasons.
    """
    return _blocks(_seen(attempt))


def reason_lines(attempt: AttemptResult) -> list[str]:
    """Return the lines of the reasons, one reason after the other."""
    return [line for reason in attempt.reasons for line in escape_lines(reason.rstrip())]


def stack_lines(attempt: AttemptResult) -> list[str]:
    """Return the lines of the stack, the outermost function first. A stack that is not as expected
    is a diff: `-` stands before what was expected, `+` before what was observed.
    """
    if attempt.observed is None:
        return []
    observed = stack_names(attempt.observed)
    if not any(one.what == "stack" for one in attempt.differences):
        return ["stack:", *(f"  {escape_control(name)}" for name in observed)] if observed else []
    expected = expected_stack(attempt)
    rows = [line for row in align(expected, observed) for line in _row_lines(row)]
    return ["stack (- expected, + observed):", *rows]


def _row_lines(row: Row) -> Iterator[str]:
    """Yield a row of compared stacks as lines of a diff."""
    expected, observed = escape_control(row.expected), escape_control(row.observed)
    if row.mark == "same":
        yield f"  {observed or expected}"
        return
    if expected:
        yield f"- {expected}"
    if observed:
        yield f"+ {observed}"


def ladder_lines(ladder: Ladder) -> list[str]:
    """Return the lines of the ladder as a terminal shows it, at most 80 columns wide."""
    return [escape_control(line) for line in draw(ladder).split("\n")]


def _seen(attempt: AttemptResult) -> Iterator[list[str]]:
    """Yield what was observed, in blocks: stack, end, explanation, packets."""
    yield stack_lines(attempt)
    if attempt.observed:
        yield [f"ended: {ending_line(attempt.observed)}"]
    if attempt.because:
        yield escape_lines(attempt.because)
    if attempt.ladder:
        yield ladder_lines(attempt.ladder)


def _blocks(blocks: Iterable[list[str]]) -> list[str]:
    """Return the lines of blocks, with an empty line between two blocks."""
    lines: list[str] = []
    for block in filter(None, blocks):
        lines += ["", *block] if lines else block
    return lines
