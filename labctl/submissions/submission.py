"""One submission: whose it is, where it is, and how to read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from labctl.submissions.reading import Files, read_files
from labctl.submissions.refused import Refused
from labctl.submissions.store import FolderStore, PieceStore, Store


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What one student handed in. Nothing of it is read until `read`, and nothing is kept.

    `id` is safe as a file name: 1 to 80 of `A-Za-z0-9._@-`. `name` is as people write it, without
    control characters. `origin` is the folder, archive or file; `store` what of it is the
    student's, where that isn't all.
    """

    id: str
    name: str
    origin: Path
    store: Store | None = field(default=None, repr=False, compare=False)

    def read(self, wanted: Sequence[str]) -> Files:
        """The files of these names. Refused where they can't be had by the rules."""
        try:
            return read_files(self.store or _whole(self.origin), wanted)
        except OSError as error:
            raise Refused(f"can't be read: {error.strerror}") from None


def _whole(path: Path) -> Store:
    if path.is_dir() and not path.is_symlink():
        return FolderStore(root=path)
    return PieceStore(pieces={path.name: path})
