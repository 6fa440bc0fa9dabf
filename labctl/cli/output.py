"""Where `labctl run` writes: progress to stderr, the report to stdout, the document to a file.

What renders is imported where something is rendered: a run has time for that later.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from labctl.cli.progress import Bar
from labctl.errors import LabError, UsageError
from labctl.model.result import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

    from labctl.model.picture import Pictures

STDOUT = "-"
_WRITABLE = "give --json a file in a folder that you may write to"


class Output:
    """`json` names the file for the result document; `-` is stdout, which then has nothing else."""

    def __init__(self, json: str) -> None:
        self._json = json
        if json not in ("", STDOUT):
            _check_writable(Path(json))

    def show(self, result: Result, pictures: Pictures) -> None:
        """Print the report and write the document."""
        if self._json == STDOUT:
            # JSON is UTF-8, whatever the terminal takes.
            typer.echo(self.document(result).encode(), nl=False)
            return
        try:
            if self._json:
                _write(Path(self._json), self.document(result))
        finally:
            _print(self.report(result, pictures))

    def document(self, result: Result) -> str:
        """What goes to the file."""
        from labctl.report.document import result_json  # noqa: PLC0415

        return result_json(result)

    def report(self, result: Result, pictures: Pictures) -> RenderableType:
        """What people read."""
        from labctl.report.run import render_run  # noqa: PLC0415

        return render_run(result, pictures)

    def note(self, text: str) -> None:
        """Say something that is no part of the report."""
        from labctl.report.console import make_console  # noqa: PLC0415

        make_console(stderr=True).print(text, soft_wrap=True)

    def warn(self, error: LabError) -> None:
        """Say what went wrong and changes no verdict."""
        from labctl.report.text import safe  # noqa: PLC0415

        lines = f"labctl: warning: {error}".splitlines()
        lines += [f"  hint: {error.hint}"] if error.hint else []
        for line in lines:
            self.note(safe(line))

    @contextmanager
    def progress(self, what: str, *, total: int | None = None) -> Iterator[Bar]:
        """Show progress while this lasts, where a person is there to see it."""
        bar = Bar(what, total)
        try:
            yield bar
        finally:
            bar.stop()


def _print(report: RenderableType) -> None:
    from labctl.report.console import make_console  # noqa: PLC0415

    console = make_console()
    # Where whoever read stdout has gone (`| head`), rich ends the program: but a run's exit code
    # is its verdict.
    with suppress(SystemExit):
        console.print(report)
        console.file.flush()


def _check_writable(path: Path) -> None:
    """Find out before the run, not after it, that its document can't be written."""
    place = path if os.path.exists(path) else path.parent  # noqa: PTH110 no error for a long name
    if os.path.isdir(path) or not os.access(place, os.W_OK):  # noqa: PTH112
        raise UsageError(f"cannot write {path}", hint=_WRITABLE)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}", hint=_WRITABLE) from error
