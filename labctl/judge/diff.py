"""Expected and observed stacks, aligned row by row, with `...` for any number of frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from labctl.model.expectation import ANY
from labctl.model.result import AttemptResult, Frame, Observation

Mark = Literal["same", "missing", "extra", "differs"]

_SUBSTITUTION = 1.5
"""Dearer than one missing or one extra frame, cheaper than both."""


@dataclass(frozen=True)
class Row:
    """One line of a diff. A side is empty if it has nothing there, or where the `...` of an
    earlier row goes on.
    """

    mark: Mark
    expected: str
    observed: str


def frame_name(frame: Frame) -> str:
    """Return a frame as scenarios write it: `module:qualname`."""
    return f"{frame.module}:{frame.qualname}"


def stack_names(observation: Observation) -> list[str]:
    """Return the observed stack as scenarios write it. If there were too many frames to report them
    all, a line in their place says so; only `...` matches it.
    """
    names = [frame_name(frame) for frame in observation.stack]
    if observation.omitted_frames:
        names.insert((len(names) + 1) // 2, f"({observation.omitted_frames} frames left out)")
    return names


def expected_stack(result: AttemptResult) -> list[str]:
    """Return the stack that was expected, as the result has it."""
    stack = (result.expected or {}).get("stack")
    return [str(frame) for frame in stack] if isinstance(stack, list | tuple) else []


def align(expected: Sequence[str], observed: Sequence[str]) -> list[Row]:
    """Return the alignment with the fewest differences. Every row is `same` if, and only if, the
    two stacks match.

    Levenshtein's distance over frames, in which `...` takes in any number of frames for nothing.
    """
    cost = _costs(expected, observed)
    rows: list[Row] = []
    i, j = 0, 0
    while i < len(expected) or j < len(observed):
        found, i, j = _step(expected, observed, cost, i, j)
        rows += found
    return rows


def matches(expected: Sequence[str], observed: Sequence[str]) -> bool:
    """Tell whether an observed stack is the expected one."""
    return _costs(expected, observed)[0][0] == 0


def _costs(expected: Sequence[str], observed: Sequence[str]) -> list[list[float]]:
    """Return the cost table of the alignment: cost[i][j] is the least cost to turn expected[i:]
    into observed[j:].
    """
    rows, columns = len(expected), len(observed)
    cost = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    cost[rows] = [float(columns - j) for j in range(columns + 1)]
    for i in range(rows - 1, -1, -1):
        wild = expected[i] == ANY
        for j in range(columns, -1, -1):
            below = cost[i + 1][j]
            if j == columns:
                cost[i][j] = below + (not wild)
            elif wild:
                cost[i][j] = min(below, cost[i][j + 1])
            else:
                pair = 0 if expected[i] == observed[j] else _SUBSTITUTION
                cost[i][j] = min(below + 1, cost[i][j + 1] + 1, cost[i + 1][j + 1] + pair)
    return cost


def _step(
    expected: Sequence[str], observed: Sequence[str], cost: list[list[float]], i: int, j: int
) -> tuple[list[Row], int, int]:
    """Return the next rows of the cheapest alignment from (i, j) on, and the position after
    them.
    """
    if i == len(expected):
        return [Row("extra", "", observed[j])], i, j + 1
    if expected[i] == ANY:
        taken = _taken(cost, i, j)
        shown = [*observed[j : j + taken]] or [""]
        sides = [ANY] + [""] * (len(shown) - 1)
        return [Row("same", *pair) for pair in zip(sides, shown, strict=True)], i + 1, j + taken
    if j < len(observed):
        same = expected[i] == observed[j]
        if cost[i][j] == cost[i + 1][j + 1] + (0 if same else _SUBSTITUTION):
            return [Row("same" if same else "differs", expected[i], observed[j])], i + 1, j + 1
        if cost[i][j] == cost[i][j + 1] + 1:
            return [Row("extra", "", observed[j])], i, j + 1
    return [Row("missing", expected[i], "")], i + 1, j


def _taken(cost: list[list[float]], i: int, j: int) -> int:
    """Return how many frames from observed[j:] the `...` at expected[i] must cover at least."""
    end = j
    while cost[i + 1][end] != cost[i][j]:
        end += 1
    return end - j
