"""Where an exception came from: whose code was innermost, and what that code was doing."""

from __future__ import annotations

from .genuine import ClaimedFunction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FrameType, TracebackType
    from typing import Any

    from .stack import StackReader

_GENERATORS = 0x20 | 0x80 | 0x200
"""CO_GENERATOR, CO_COROUTINE and CO_ASYNC_GENERATOR."""


def origin_of(traceback: TracebackType | None, stacks: StackReader) -> dict[str, Any] | None:
    """Return labctl.model.result.Origin as a dict; None for an exception that was never raised."""
    entries: list[tuple[FrameType, int, int | None]] = []
    while traceback is not None:
        entries.append((traceback.tb_frame, traceback.tb_lasti, traceback.tb_lineno))
        traceback = traceback.tb_next
    if not entries:
        return None
    frame, at, line = entries[-1]
    above = (entry[0] for entry in reversed(entries) if not stacks.is_client(entry[0]))
    under = next((frame for frame in above if not stacks.is_forged(frame)), None)
    return {
        "client": stacks.is_client(frame) or stacks.is_forged(frame),
        "how": _how(frame, at),
        "under": "" if under is None else stacks.name(ClaimedFunction(under)),
        "line": line,
    }


def _how(frame: FrameType, at: int) -> str:
    """Return `raise` for a statement, `throw` for what was thrown into a generator, else `call`.

    `at` is the offset of the instruction in the frame's bytecode.
    """
    code = frame.f_code
    operation = _operation(code, at)
    if operation == _opcode(_raise):
        return "raise"
    if code.co_flags & _GENERATORS and operation in map(
        _opcode, (_throw_fresh, _throw_begun, _throw_delegating)
    ):
        return "throw"
    return "call"


def _opcode(fail: Any) -> int:
    """Return the opcode at which the exception of `fail` is raised; it differs between Pythons."""
    try:
        fail()
    except ZeroDivisionError as error:
        # A variable that held the traceback would keep this frame, and all above, alive.
        return _innermost_opcode(error.__traceback__)
    return -1


def _innermost_opcode(traceback: TracebackType | None) -> int:
    """Return the operation at which a traceback's innermost frame was, or -1."""
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return -1 if traceback is None else _operation(traceback.tb_frame.f_code, traceback.tb_lasti)


def _operation(code: CodeType, at: int) -> int:
    """Return the opcode at an offset; -1 before the first instruction."""
    return code.co_code[at] if 0 <= at < len(code.co_code) else -1


def _raise() -> None:
    """Raise an exception by a `raise` statement."""
    raise ZeroDivisionError


def _generator() -> Any:
    """Yield once, to be thrown into."""
    yield


def _throw_fresh() -> None:
    """Throw an exception into a generator that has not begun."""
    _generator().throw(ZeroDivisionError())


def _throw_begun() -> None:
    """Throw an exception into a generator that has begun."""
    generator = _generator()
    next(generator)
    generator.throw(ZeroDivisionError())


def _delegating() -> Any:
    """Yield from another iterator, to be thrown into."""
    yield from iter((None,))


def _throw_delegating() -> None:
    """Throw an exception into a generator that delegates to another iterator."""
    generator = _delegating()
    next(generator)
    generator.throw(ZeroDivisionError())
