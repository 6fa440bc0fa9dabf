"""The engines that labctl knows, and those that are used.

Verbs and the plugin open an engine here and know no more of it. A new engine is one more entry of
ENGINES.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping, Sequence

from labctl.engine.docker import places
from labctl.engine.engine_access import EngineAccess
from labctl.engines import EngineName, chosen_engine
from labctl.errors import EngineError, UsageError
from labctl.text import escape_control

__all__ = ["ENGINES", "EngineAccess", "open_engine", "open_engines", "open_named"]

_told = threading.Event()
"""Whether this process has said that labs run on another engine."""


def _open_docker() -> EngineAccess:
    """Open Docker. Its SDK is imported here, where there may be an engine: it takes time, and who
    uses another engine may not even have it.
    """
    places.check_places()
    from labctl.engine.docker.open import open_docker  # noqa: PLC0415

    return open_docker()


def _open_local() -> EngineAccess:
    """Open the local engine. It is imported here: other systems have nothing of what it takes."""
    if sys.platform == "linux":
        from labctl.engine.local.open import open_local  # noqa: PLC0415

        return open_local()
    else:  # noqa: RET505 for mypy, which knows each system's part by it
        raise EngineError("the local engine needs Linux", hint="use Docker")


ENGINES: Mapping[str, Callable[[], EngineAccess]] = {
    EngineName.DOCKER: _open_docker,
    EngineName.LOCAL: _open_local,
}
"""How each engine is opened, by its name, in the order in which they are tried. Opening raises
EngineError where the engine doesn't answer.
"""


def open_named(name: str) -> EngineAccess:
    """Open the engine of this name. Raise EngineError if it does not answer, or UsageError if this
    labctl has none of this name.
    """
    if name not in ENGINES:
        raise UsageError(f"this labctl has no engine '{name}'", hint=f"it has {', '.join(ENGINES)}")
    return ENGINES[name]()


def open_engine() -> EngineAccess:
    """Open the engine that was chosen, or else the first one that answers. If that is not the first
    of all, say so on stderr, once.

    Raise the EngineError of the engine that was chosen, or else of the first one: also if another
    answers, but the user named one with DOCKER_HOST, DOCKER_CONTEXT or CONTAINER_HOST.
    """
    chosen = chosen_engine()
    if chosen is not EngineName.AUTO:
        return open_named(chosen)
    first, *others = ENGINES
    try:
        return ENGINES[first]()
    except EngineError as refusal:
        if places.is_named() or not others:
            raise
        return _fall_back(first, others, refusal)


def open_engines() -> list[EngineAccess]:
    """Open the engine that was chosen, or else all that answer: at least one. Raise the EngineError
    of the one that was chosen or named, or of the first one if none answers.
    """
    chosen = chosen_engine()
    if chosen is not EngineName.AUTO:
        return [open_named(chosen)]
    opened: list[EngineAccess] = []
    refusals: list[EngineError] = []
    for open_one in ENGINES.values():
        try:
            opened.append(open_one())
        except EngineError as refusal:
            if places.is_named() and not (opened or refusals):
                raise
            refusals.append(refusal)
    if not opened:
        raise refusals[0]
    return opened


def _fall_back(first: str, others: Sequence[str], refusal: EngineError) -> EngineAccess:
    """Open the first of the other engines that can run labs, and say on stderr that it is used. If
    there is none, raise the refusal of the first engine, with what the others lack in its hint.
    """
    hints = [refusal.hint]
    for name in others:
        try:
            access = ENGINES[name]()
            access.try_out()
        except EngineError as lack:
            hints.append(f"the {name} engine can't run labs here either: {_line(lack)}")
        else:
            _tell(
                f"labctl: {first.capitalize()} does not answer ({_line(refusal)}): "
                f"labs run on the {name} engine"
            )
            return access
    raise EngineError(
        refusal.message, where=refusal.where, hint="; ".join(filter(None, hints))
    ) from refusal


def _line(error: EngineError) -> str:
    """Return an error's message as one line that is safe to print."""
    return escape_control(" ".join(error.message.split()), limit=None)


def _tell(text: str) -> None:
    """Write a line to stderr, the first time that this process has something to tell."""
    if not _told.is_set():
        _told.set()
        print(text, file=sys.stderr)  # noqa: T201
