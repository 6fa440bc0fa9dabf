"""The library functions that an exception travelled through."""

from __future__ import annotations

from .genuine import Place
from .text import cut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import Any

    from .genuine import Library
    from .text import Budget

_ENDS = 64
"""Frames kept of the head of a stack, and again of its tail."""
_NAME = 200
_FRAME_JSON = 60


class Stacks:
    """Reads stacks, leaving out the frames of the client in `filename`."""

    def __init__(self, filename: str, budget: Budget, library: Library) -> None:
        self._filename = filename
        self._budget = budget
        self.library = library

    def read(self, traceback: TracebackType | None) -> tuple[list[dict[str, Any]], int]:
        """Frames from the outermost to the innermost, and how many were too many to report."""
        found = [entry for entry in entries(traceback) if not self.is_client(entry[0])]
        kept = found if len(found) <= 2 * _ENDS else found[:_ENDS] + found[-_ENDS:]
        frames = [self._frame(*entry) for entry in kept if self._budget.spend(_FRAME_JSON)]
        return frames, len(found) - len(frames)

    def is_client(self, frame: FrameType) -> bool:
        """Whether it runs the client's own code, by its file or by its module."""
        name = dict.get(frame.f_globals, "__name__")
        return frame.f_code.co_filename == self._filename or name == "__main__"

    def is_forged(self, frame: FrameType) -> bool:
        """Whether the frame is not of the module that it says."""
        return self.library.is_genuine(Place(frame)) is False

    def name(self, place: Place) -> str:
        """`module:qualname`."""
        module, qualname = (cut(n, _NAME) for n in (place.module, self.library.name(place)))
        return self._budget.text(f"{module}:{qualname}")

    def _frame(self, frame: FrameType, line: int | None) -> dict[str, Any]:
        place = Place(frame)
        return {
            "module": self._budget.text(cut(place.module, _NAME)),
            "qualname": self._budget.text(cut(self.library.name(place), _NAME)),
            "line": line,
            "genuine": self.library.is_genuine(place),
        }


def entries(traceback: TracebackType | None) -> list[tuple[FrameType, int | None]]:
    """Frames with their lines. A function that re-raises what it caught is in a traceback twice,
    with the same frame: that counts once, with the line where the exception came from.
    """
    entries: list[tuple[FrameType, int | None]] = []
    while traceback is not None:
        frame = traceback.tb_frame
        if entries and entries[-1][0] is frame:
            entries.pop()
        entries.append((frame, traceback.tb_lineno))
        traceback = traceback.tb_next
    return entries
