"""Where `labctl run` writes: progress to stderr, the report to stdout, the document to a file."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import typer
from rich.console import RenderableType
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from labctl.engine.images import ProgressEvent
from labctl.errors import LabError, UsageError
from labctl.model.picture import Pictures
from labctl.model.result import Result
from labctl.report.console import make_console
from labctl.report.document import result_json
from labctl.report.run import render_run
from labctl.report.text import safe

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
            typer.echo(result_json(result).encode(), nl=False)
            return
        try:
            if self._json:
                _write(Path(self._json), result_json(result))
        finally:
            _print(render_run(result, pictures))

    def note(self, text: str) -> None:
        """Say something that is no part of the report."""
        make_console(stderr=True).print(text, soft_wrap=True)

    def warn(self, error: LabError) -> None:
        """Say what went wrong and changes no verdict."""
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


class Bar:
    """Progress on stderr: a bar on a terminal; elsewhere a line for each image that is made."""

    def __init__(self, what: str, total: int | None) -> None:
        self._console = make_console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._what = what
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()
        if total is not None:
            self._tasks[what] = self._bar.add_task(f"{what}: 0 of {total}", total=total)
            self._bar.start()

    def attempt(self, done: int, total: int) -> None:
        """So many attempts have ended."""
        self._bar.update(
            self._tasks[self._what], completed=done, description=f"{self._what}: {done} of {total}"
        )

    def image(self, event: ProgressEvent) -> None:
        """Something happened in the making of an image; called from several threads."""
        with self._lock:
            if event.image not in self._tasks:
                self._tasks[event.image] = self._bar.add_task(event.image, total=1.0)
                self._bar.start()
            self._bar.update(
                self._tasks[event.image],
                description=f"{event.image}: {event.text}",
                total=None if event.fraction is None else 1.0,
                completed=1.0 if event.finished else event.fraction or 0.0,
            )
        if event.finished:
            self._console.print(f"{event.image}: {event.text}")

    def stop(self) -> None:
        """Take the bar away."""
        self._bar.stop()


def _print(report: RenderableType) -> None:
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
