"""Where an exception came from: whose code was the innermost, and what it was doing."""

from __future__ import annotations

from .genuine import Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FrameType, TracebackType
    from typing import Any

    from .stack import Stacks

_GENERATORS = 0x20 | 0x80 | 0x200
"""CO_GENERATOR, CO_COROUTINE and CO_ASYNC_GENERATOR."""


def origin_of(traceback: TracebackType | None, stacks: Stacks) -> dict[str, Any] | None:
    """As labctl.model.result.Origin; None for an exception that was never raised."""
    entries: list[tuple[FrameType, int, int | None]] = []
    while traceback is not None:
        entries.append((traceback.tb_frame, traceback.tb_lasti, traceback.tb_lineno))
        traceback = traceback.tb_next
    if not entries:
        return None
    frame, at, line = entries[-1]
    above = (entry[0] for entry in reversed(entries) if not stacks.is_client(entry[0]))
    under = next((found for found in above if not stacks.is_forged(found)), None)
    return {
        "client": stacks.is_client(frame) or stacks.is_forged(frame),
        "how": _how(frame, at),
        "under": "" if under is None else stacks.name(Place(under)),
        "line": line,
    }


def _how(frame: FrameType, at: int) -> str:
    """`raise` for a statement, `throw` for what was thrown into a generator, else `call`."""
    code = frame.f_code
    operation = _operation(code, at)
    if operation == _opcode(_raise):
        return "raise"
    if code.co_flags & _GENERATORS and operation in map(_opcode, (_fresh, _begun, _waiting)):
        return "throw"
    return "call"


def _opcode(fail: Any) -> int:
    """The instruction that an exception of that kind comes out of. It differs by version."""
    try:
        fail()
    except ZeroDivisionError as error:
        # A variable that held the traceback would keep this frame, and all above, alive.
        return _innermost(error.__traceback__)
    return -1


def _innermost(traceback: TracebackType | None) -> int:
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return -1 if traceback is None else _operation(traceback.tb_frame.f_code, traceback.tb_lasti)


def _operation(code: CodeType, at: int) -> int:
    """-1 before the first instruction."""
    return code.co_code[at] if 0 <= at < len(code.co_code) else -1


def _raise() -> None:
    raise ZeroDivisionError


def _generator() -> Any:
    yield


def _fresh() -> None:
    _generator().throw(ZeroDivisionError())


def _begun() -> None:
    generator = _generator()
    next(generator)
    generator.throw(ZeroDivisionError())


def _delegating() -> Any:
    yield from iter((None,))


def _waiting() -> None:
    generator = _delegating()
    next(generator)
    generator.throw(ZeroDivisionError())
