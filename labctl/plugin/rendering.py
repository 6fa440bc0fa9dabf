"""Text that pytest shows: the report of an attempt, and other drawings of a terminal."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from labctl import __version__
from labctl.model.result import AttemptResult, EngineInfo, Result

if TYPE_CHECKING:
    from rich.console import RenderableType


def attempt_report(result: AttemptResult, *, has_colour: bool = False) -> str:
    """Return the whole report of one attempt, as `labctl run` prints it."""
    from labctl.report.run import render_run  # noqa: PLC0415 only failures need it
    from labctl.results.summary import summary  # noqa: PLC0415

    document = Result(
        labctl=__version__,
        engine=EngineInfo(name="docker", version=""),
        images={},
        summary=summary([result]),
        attempts=(result,),
    )
    return terminal_text(render_run(document), has_colour=has_colour)


def terminal_text(renderable: RenderableType, *, has_colour: bool = False) -> str:
    """Return what a terminal shows of a renderable, without spaces at the ends of lines."""
    from rich.console import Console  # noqa: PLC0415

    from labctl.report.console import WIDTH  # noqa: PLC0415

    stream = io.StringIO()
    console = Console(
        file=stream,
        width=WIDTH,
        force_terminal=has_colour,
        color_system="standard" if has_colour else None,
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
    )
    console.print(renderable)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())
