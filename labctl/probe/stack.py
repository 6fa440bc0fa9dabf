"""Stacks: the library functions that an exception went through."""

from __future__ import annotations

from .genuine import ClaimedFunction
from .text import shorten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import Any

    from .genuine import ModuleFiles
    from .text import Budget

_ENDS = 64
"""Frames kept of the head of a stack, and again of its tail."""
_NAME = 200
_FRAME_JSON = 60
"""The bytes of JSON that a frame takes beside its names."""


class StackReader:
    """Reads stacks without the frames of the client, whose file is `filename`."""

    def __init__(self, filename: str, budget: Budget, module_files: ModuleFiles) -> None:
        """Take the name of the client's file, the room for names, and the files of modules to
        compare with.
        """
        self._filename = filename
        self._budget = budget
        self.module_files = module_files

    def read(self, traceback: TracebackType | None) -> tuple[list[dict[str, Any]], int]:
        """Return the frames, outermost first, and how many were too many to report. May read the
        source files of modules.

        Each frame is a labctl.model.result.Frame as a dict.
        """
        own = [entry for entry in frames_of(traceback) if not self.is_client(entry[0])]
        kept = own if len(own) <= 2 * _ENDS else own[:_ENDS] + own[-_ENDS:]
        frames = [self._frame(*entry) for entry in kept if self._budget.spend(_FRAME_JSON)]
        return frames, len(own) - len(frames)

    def is_client(self, frame: FrameType) -> bool:
        """Return whether the frame runs the client's own code, by its file or by its module."""
        name = dict.get(frame.f_globals, "__name__")
        return frame.f_code.co_filename == self._filename or name == "__main__"

    def is_forged(self, frame: FrameType) -> bool:
        """Return whether the frame is not of the module that it claims."""
        return self.module_files.is_genuine(ClaimedFunction(frame)) is False

    def name(self, function: ClaimedFunction) -> str:
        """Return `module:qualname`."""
        names = (function.module, self.module_files.name(function))
        module, qualname = (shorten(name, _NAME) for name in names)
        return self._budget.text(f"{module}:{qualname}")

    def _frame(self, frame: FrameType, line: int | None) -> dict[str, Any]:
        """Return a frame as the report has it: module, qualname, line, and whether it is
        genuine.
        """
        function = ClaimedFunction(frame)
        return {
            "module": self._budget.text(shorten(function.module, _NAME)),
            "qualname": self._budget.text(shorten(self.module_files.name(function), _NAME)),
            "line": line,
            "genuine": self.module_files.is_genuine(function),
        }


def frames_of(traceback: TracebackType | None) -> list[tuple[FrameType, int | None]]:
    """Return the frames of a traceback with their lines, outermost first.

    A function that re-raises what it caught is in a traceback twice, with the same frame. It counts
    once, with the line where the exception came from.
    """
    frames: list[tuple[FrameType, int | None]] = []
    while traceback is not None:
        frame = traceback.tb_frame
        if frames and frames[-1][0] is frame:
            frames.pop()
        frames.append((frame, traceback.tb_lineno))
        traceback = traceback.tb_next
    return frames
