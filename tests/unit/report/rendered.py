"""Renderings as plain text."""

from __future__ import annotations

import io

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType

from labctl.model.result import AttemptResult, EngineInfo, Result
from labctl.results.summary import summary

WIDTH = 80


def text_of(*parts: RenderableType, width: int = WIDTH) -> str:
    """What so many columns without colour show, without the spaces at the ends of lines."""
    stream = io.StringIO()
    console = Console(file=stream, width=width, markup=False, emoji=False, highlight=False)
    console.print(Group(*parts))
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    assert all(cell_len(line) <= width for line in lines)
    return "\n".join(lines)


def result_of(*attempts: AttemptResult, interrupted: bool = False) -> Result:
    return Result(
        labctl="0.1.0",
        engine=EngineInfo(name="docker", version="20.10"),
        images={},
        summary=summary(attempts),
        interrupted=interrupted,
        attempts=attempts,
    )
