"""Progress on stderr: a bar if it is a terminal, else a line for each image that is made."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

    from labctl.engine.images.maker import ProgressEvent


class Bar:
    """A progress bar. Nothing is drawn or imported before there is something to show."""

    def __init__(self, what: str, total: int | None) -> None:
        """Take what is counted, and how many there are; None if that is not known."""
        self._what = what
        self._total = total
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()

    @cached_property
    def _console(self) -> Console:
        """The console on stderr, made when it is first needed."""
        from labctl.report.console import make_console  # noqa: PLC0415

        return make_console(stderr=True)

    @cached_property
    def _bar(self) -> Progress | None:
        """Rich's progress bar, made when it is first needed; None if stderr is no terminal."""
        # Rich takes a file for a terminal where FORCE_COLOR is set, so the file is asked, too.
        if not (self._console.is_terminal and self._console.file.isatty()):
            return None
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        return Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )

    def begin(self) -> None:
        """Show the bar, with none of the attempts ended."""
        if self._bar:
            self._tasks[self._what] = self._bar.add_task(self._said(0), total=self._total)
            self._bar.start()

    def attempt(self, done: int) -> None:
        """Show that so many attempts have ended."""
        if self._bar:
            self._bar.update(self._tasks[self._what], completed=done, description=self._said(done))

    def _said(self, done: int) -> str:
        """Return how many are done, as text."""
        return f"{self._what}: {done} of {self._total}"

    def image(self, event: ProgressEvent) -> None:
        """Show an event in the making of an image. May be called from several threads."""
        with self._lock:
            if self._bar:
                self._show_image(self._bar, event)
            if event.finished:
                self._console.print(f"{event.image}: {event.text}")

    def note(self, text: str) -> None:
        """Print a line above the bar. May be called from several threads."""
        with self._lock:
            self._console.print(text, soft_wrap=True)

    def _show_image(self, bar: Progress, event: ProgressEvent) -> None:
        """Show an event in the line of its image."""
        if event.image not in self._tasks:
            self._tasks[event.image] = bar.add_task(event.image, total=1.0)
            bar.start()
        bar.update(
            self._tasks[event.image],
            description=f"{event.image}: {event.text}",
            total=None if event.fraction is None else 1.0,
            completed=1.0 if event.finished else event.fraction or 0.0,
        )

    def stop(self) -> None:
        """Take the bar off the terminal."""
        if self._tasks and self._bar:
            self._bar.stop()
