"""Where a run writes: progress to stderr, the report to stdout, documents to files.

What renders is imported where something is rendered: a run has time for that later.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from labctl.errors import LabError, UsageError
from labctl.model.result import Result
from labctl.report.documents import FORMATS, NO_DOCUMENTS, Documents
from labctl.run.github import no_commands, tell_github
from labctl.run.progress import Bar

if TYPE_CHECKING:
    from rich.console import RenderableType

STDOUT = "-"


class Output:
    """Writes the result of a run: its report and its documents."""

    def __init__(self, documents: Documents = NO_DOCUMENTS) -> None:
        """Take the places of the documents that are asked for. If one goes to stdout, no report is
        printed. Raise UsageError if one could not be written.
        """
        self._documents = dict(documents)
        _check_places(self._documents)

    def show(self, result: Result) -> None:
        """Write the documents to their places, print the report on stdout, and tell GitHub Actions
        if it runs this.

        An error in one of these does not stop the others. The first error is raised when all are
        done.
        """
        errors: list[Exception] = []
        for step in self._steps(result):
            try:
                step()
            except Exception as error:  # noqa: BLE001 raised below, when the others are written
                errors.append(error)
        if errors:
            raise errors[0]

    def _steps(self, result: Result) -> Iterator[Callable[[], None]]:
        """Yield the steps of the output: each document, the report, and GitHub's notes."""
        for name in self._documents:
            yield partial(self._write, name, result)
        if STDOUT not in self._documents.values():
            yield lambda: self._show_report(result)
        yield lambda: tell_github(result, os.environ)

    def _write(self, name: str, result: Result) -> None:
        """Write a document to its file or to stdout."""
        text, place = self.document(name, result), self._documents[name]
        if place != STDOUT:
            _write(name, Path(place), text)
            return
        with no_commands(os.environ, sys.stderr):
            # Documents are UTF-8, whatever the terminal takes.
            sys.stdout.flush()
            sys.stdout.buffer.write(text.encode())
            sys.stdout.buffer.flush()

    def _show_report(self, result: Result) -> None:
        """Print the report on stdout."""
        with no_commands(os.environ, sys.stdout):
            _print(self.report(result))

    def document(self, name: str, result: Result) -> str:
        """Return the text of a document; `name` is that of its format."""
        [found] = [one for one in FORMATS if one.name == name]
        place = self._documents[name]
        return found.render(result, "" if place == STDOUT else os.path.dirname(place))  # noqa: PTH120

    def report(self, result: Result) -> RenderableType:
        """Return the report for the terminal, as something that rich prints."""
        from labctl.report.run import render_run  # noqa: PLC0415

        return render_run(result)

    def note(self, text: str) -> None:
        """Print a note on stderr, apart from the report."""
        from labctl.report.console import make_console  # noqa: PLC0415

        make_console(stderr=True).print(text, soft_wrap=True)

    def warn(self, error: LabError) -> None:
        """Print an error that changes no verdict on stderr, as a warning."""
        from labctl.text import escape_control  # noqa: PLC0415

        lines = f"labctl: warning: {error}".splitlines()
        lines += [f"  hint: {error.hint}"] if error.hint else []
        for line in lines:
            self.note(escape_control(line))

    @contextmanager
    def progress(self, what: str, *, total: int | None = None) -> Iterator[Bar]:
        """Show progress on stderr until the context ends, if stderr is a terminal."""
        bar = Bar(what, total)
        try:
            yield bar
        finally:
            bar.stop()


def _print(report: RenderableType) -> None:
    """Print a report on stdout, also if the reader has gone."""
    from labctl.report.console import make_console  # noqa: PLC0415

    console = make_console()
    # Where whoever read stdout has gone (`| head`), rich ends the program: but a run's exit code
    # is its verdict.
    with suppress(SystemExit):
        console.print(report)
        console.file.flush()


def _check_places(documents: Mapping[str, str]) -> None:
    """Raise UsageError, before the run, if documents could not be written to their places."""
    taken: dict[str, str] = {}
    for name, place in documents.items():
        other = taken.setdefault(os.path.realpath(place) if place != STDOUT else place, name)
        if other != name:
            where = "stdout" if place == STDOUT else place
            raise UsageError(
                f"--{other} and --{name} would both be written to {where}",
                hint="give each document a file of its own",
            )
        if place != STDOUT:
            _check_writable(name, Path(place))


def _check_writable(name: str, path: Path) -> None:
    """Raise UsageError if a file can't be written."""
    place = path if os.path.exists(path) else path.parent  # noqa: PTH110 no error for a long name
    if os.path.isdir(path) or not os.access(place, os.W_OK):  # noqa: PTH112
        raise UsageError(f"cannot write {path}", hint=_writable(name))


def _write(name: str, path: Path, text: str) -> None:
    """Write a document to a file. Raise UsageError if that is not possible."""
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}", hint=_writable(name)) from error


def _writable(name: str) -> str:
    """Return the hint about a file that can't be written."""
    return f"give --{name} a file in a folder that you may write to"
