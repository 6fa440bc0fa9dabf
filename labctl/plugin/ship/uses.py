"""Which global names a piece of source uses."""

from __future__ import annotations
import __future__

import dis
from collections.abc import Iterator
from types import CodeType

_USES = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS", "STORE_GLOBAL", "DELETE_GLOBAL"}


def names_used(text: str) -> set[str]:
    """Those that a definition looks for outside of itself, built-in ones among them. Annotations
    don't count: nobody evaluates them.
    """
    flags = __future__.annotations.compiler_flag
    code = compile(text, "<part>", "exec", flags=flags, dont_inherit=True)
    return {name for inner in _codes(code) for name in _globals_in(inner)}


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _globals_in(code: CodeType) -> Iterator[str]:
    """The names that a piece of code looks for outside of itself."""
    instructions = list(dis.get_instructions(code))
    own = {one.argval for one in instructions if one.opname == "STORE_NAME"}
    for one in instructions:
        if one.opname in _USES and not (one.opname == "LOAD_NAME" and one.argval in own):
            yield one.argval
