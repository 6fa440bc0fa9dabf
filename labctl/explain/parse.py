"""Text with a traceback in it -> the exception that it tells of."""

from __future__ import annotations

from dataclasses import dataclass, replace

from labctl.explain.lines import Line, LineKind, lines_of
from labctl.explain.places import module_of
from labctl.explain.raised import Frame, Raised


@dataclass(frozen=True)
class _Item:
    level: int
    link: str
    raised: Raised


def parse(text: str) -> list[Raised]:
    """Return the exceptions that ended tracebacks in a text, in their order. Causes, contexts and
    members of groups are attached to the exception that they belong to.
    """
    items: list[_Item] = []
    frames: list[Frame] | None = None
    link = ""
    level = 0
    for line in lines_of(text):
        if line.kind is LineKind.HEADER:
            frames, level = [], line.level
        elif line.kind is LineKind.FRAME:
            frames, level = [*(frames or []), *_frame(line)], line.level
        elif line.kind is LineKind.LINK:
            link = line.name
        else:
            raised = Raised(type=line.name, message=line.text, frames=_told(frames))
            items.append(_Item(line.level if frames is None else level, link, raised))
            frames, link = None, ""
    return _assembled(items)


def _frame(line: Line) -> list[Frame]:
    """Return the frame of a line, if it is a library's, or else an empty list."""
    module = module_of(line.name)
    return [Frame(module, line.text.rpartition(".")[2])] if module and line.text else []


def _told(frames: list[Frame] | None) -> tuple[Frame, ...] | None:
    """Return the frames without repetitions in a row. A function that raises again what it caught
    is there twice.
    """
    if frames is None:
        return None
    pairs = zip([None, *frames], frames, strict=False)
    return tuple(frame for before, frame in pairs if frame != before)


def _assembled(items: list[_Item]) -> list[Raised]:
    """Return the exceptions with their causes and contexts, and with those of a deeper level as
    their groups.
    """
    found: list[Raised] = []
    while items:
        first, *items = items
        end = next((i for i, it in enumerate(items) if it.level <= first.level), len(items))
        members, items = items[:end], items[end:]
        raised = replace(first.raised, group=tuple(_assembled(members)))
        if first.link and found:
            before = found.pop()
            if first.link == "cause":
                raised = replace(raised, cause=before)
            else:
                raised = replace(raised, context=before)
        found.append(raised)
    return found
