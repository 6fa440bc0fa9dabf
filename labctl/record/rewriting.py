"""The file of a scenario with changes: read once, compared, and replaced in one step."""

from __future__ import annotations

import difflib
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from labctl.errors import UsageError
from labctl.record.edit import with_expectations
from labctl.record.exceptions import Expected

_ANYTHING: tuple[Expected, ...] = ({"returns": "..."},)


class Rewriting:
    """What would be written into the file of a scenario. Nothing is, before `write`."""

    def __init__(self, path: Path, attempts: Sequence[str]) -> None:
        """Read the file at `path`, which is a scenario that loads.

        Raise InputError if the `attempts` of these names can't be written into it.
        """
        self.path = path
        self._before = path.read_bytes()
        self._after = self._before
        self._with(dict.fromkeys(attempts, _ANYTHING))

    def fill_in(self, expected: Mapping[str, Sequence[Expected]]) -> None:
        """Put the variants of attempts, by name, into the text that `write` will write."""
        self._after = self._with(expected)

    def _with(self, expected: Mapping[str, Sequence[Expected]]) -> bytes:
        """Return the file's content with these expectations."""
        # A byte order mark is a character like others here: it stays where it is.
        return with_expectations(self._before.decode(), expected, path=self.path).encode()

    @property
    def changed(self) -> bool:
        """Whether the file would change."""
        return self._after != self._before

    def diff(self) -> list[str]:
        """Return what would change, as the lines of a unified diff."""
        before, after = (each.decode().splitlines() for each in (self._before, self._after))
        name = str(self.path)
        return list(difflib.unified_diff(before, after, name, name, lineterm=""))

    def write(self) -> None:
        """Replace the file, as a whole or not at all. Raise UsageError if that can't be done."""
        path = Path(os.path.realpath(self.path))
        try:
            if path.read_bytes() != self._before:
                raise UsageError(
                    f"{self.path} was changed while its clients ran",
                    hint="nothing was written to it: record it again",
                )
            _replace(path, self._after)
        except OSError as error:
            raise UsageError(
                f"cannot write {self.path}: {error.strerror}",
                hint="record a copy of it, in a folder that you may write to",
            ) from error


def _replace(path: Path, content: bytes) -> None:
    """Write a file anew as a whole: either the old content is there or the new one."""
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
        shutil.copymode(path, name)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise
