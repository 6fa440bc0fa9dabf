"""What GitHub Actions is told of a run: notes on the lines of scenarios, and a summary."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from labctl.errors import UsageError
from labctl.model.result import Result


@contextmanager
def no_commands(environment: Mapping[str, str], stream: TextIO) -> Iterator[None]:
    """Make GitHub Actions ignore commands in what is printed inside the block, because clients may
    have written it.

    Clients can't know the word that ends this. It is written to the stream; GitHub's runner reads
    stdout and stderr. Nothing is done outside of GitHub Actions.
    """
    if environment.get("GITHUB_ACTIONS") != "true":
        yield
        return
    word = secrets.token_hex(16)
    _say(f"::stop-commands::{word}", stream)
    try:
        yield
    finally:
        _say(f"::{word}::", stream)


def _say(command: str, stream: TextIO) -> None:
    """Write a workflow command to a stream."""
    stream.write(f"{command}\n")
    stream.flush()


def tell_github(result: Result, environment: Mapping[str, str]) -> None:
    """Write notes to stderr, and append a summary to the file that GITHUB_STEP_SUMMARY names.

    Does nothing outside of GitHub Actions. It reads commands on stderr as well as on stdout, where
    a document may be. Raise UsageError if the file can't be written.
    """
    if environment.get("GITHUB_ACTIONS") != "true":
        return
    from labctl.report.documents.github import annotations  # noqa: PLC0415
    from labctl.report.documents.step_summary import step_summary  # noqa: PLC0415

    found = _from_the_root(result)
    sys.stderr.write(annotations(found, root=environment.get("GITHUB_WORKSPACE", "")))
    summary = environment.get("GITHUB_STEP_SUMMARY")
    if summary:
        _append(Path(summary), step_summary(result))


def _from_the_root(result: Result) -> Result:
    """Return the result with absolute paths: those in it start at the current folder, GitHub's at
    the workspace.
    """
    here = Path.cwd()
    infos = {
        name: info.model_copy(update={"path": str(here / info.path) if info.path else ""})
        for name, info in result.scenarios.items()
    }
    return result.model_copy(update={"scenarios": infos})


def _append(path: Path, text: str) -> None:
    """Append a text to a file. Raise UsageError if that is not possible."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(
            f"cannot write the step's summary to {path}: {error.strerror}",
            hint="GITHUB_STEP_SUMMARY names a file that can be written, or is not set",
        ) from error
