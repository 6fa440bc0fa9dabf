"""What a run says where GitHub Actions runs it: notes on the scenarios' lines, and a summary."""

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
    """What is printed meanwhile holds no commands for GitHub Actions, whatever clients wrote: they
    can't know the word that ends this. It is said on that stream; the runner reads both.
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
    stream.write(f"{command}\n")
    stream.flush()


def tell_github(result: Result, environment: Mapping[str, str]) -> None:
    """Nothing, unless GitHub Actions runs this. Its commands go to stderr, which it reads as well
    as stdout: a document may be there.
    """
    if environment.get("GITHUB_ACTIONS") != "true":
        return
    from labctl.report.documents.github import annotations, step_summary  # noqa: PLC0415

    found = _from_the_root(result)
    sys.stderr.write(annotations(found, root=environment.get("GITHUB_WORKSPACE", "")))
    summary = environment.get("GITHUB_STEP_SUMMARY")
    if summary:
        _append(Path(summary), step_summary(result))


def _from_the_root(result: Result) -> Result:
    """The result with whole paths: those in it are from the current folder, GitHub's from the
    workspace's.
    """
    here = Path.cwd()
    infos = {
        name: info.model_copy(update={"path": str(here / info.path) if info.path else ""})
        for name, info in result.scenarios.items()
    }
    return result.model_copy(update={"scenarios": infos})


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(
            f"cannot write the step's summary to {path}: {error.strerror}",
            hint="GITHUB_STEP_SUMMARY names a file that can be written, or is not set",
        ) from error
