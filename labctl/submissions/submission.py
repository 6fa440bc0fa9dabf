"""One submission: its student, its place, and its files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from labctl.submissions.reading import SubmittedFiles, read_files
from labctl.submissions.refusal import RefusalError
from labctl.submissions.store import FileStore, FolderStore, Store


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What one student handed in. No file is read before `read`, and none is kept in memory.

    `id` is safe as a file name: 1 to 80 characters of `A-Za-z0-9._@-`. `name` is the student's,
    without control characters. `origin` is the folder, archive or file. `store` has the student's
    files of it; None if all of it is the student's.
    """

    id: str
    name: str
    origin: Path
    store: Store | None = field(default=None, repr=False, compare=False)

    def read(self, exercise_files: Sequence[str]) -> SubmittedFiles:
        """Read the files that an exercise asks for. Raise RefusalError if a rule is broken."""
        try:
            return read_files(self.store or _store_of(self.origin), exercise_files)
        except OSError as error:
            raise RefusalError(f"the submission can't be read: {error.strerror}") from None


def _store_of(path: Path) -> Store:
    """Return the store of a folder's or a single file's contents."""
    if path.is_dir() and not path.is_symlink():
        return FolderStore(root=path)
    return FileStore(files={path.name: path})
