"""What the kernel makes of a seccomp filter and a system call: classic BPF, as seccomp(2) takes it.

Instructions and their codes are those of linux/bpf_common.h, data is that of linux/seccomp.h.
"""

from __future__ import annotations

import operator
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

KILL = 0x0000_0000
ERRNO = 0x0005_0000
ALLOW = 0x7FFF_0000

INSTRUCTION = struct.Struct("<HBBI")
"""Code, how far to jump if true, how far if false, and a constant."""

_LOAD_WORD, _AND = 0x20, 0x54
_JUMP, _RETURN = 0x05, 0x06
_BRANCHES: Mapping[int, Callable[[int, int], object]] = {
    0x15: operator.eq,
    0x25: operator.gt,
    0x35: operator.ge,
    0x45: operator.and_,
}


@dataclass(frozen=True)
class Call:
    """A system call, as a filter sees it."""

    arch: int
    number: int
    arguments: tuple[int, ...] = ()
    pointer: int = 0

    def data(self) -> bytes:
        """`struct seccomp_data`; arguments that are left out are 0."""
        arguments = (*self.arguments, 0, 0, 0, 0, 0, 0)[:6]
        return struct.pack("<IIQ6Q", self.number, self.arch, self.pointer, *arguments)


def decide(program: bytes, call: Call) -> int:
    """What a filter returns for a call. Raises ValueError for what the kernel would not load."""
    code = list(INSTRUCTION.iter_unpack(program))
    data = call.data()
    accumulator = at = 0
    while at < len(code):
        operation, if_true, if_false, constant = code[at]
        at += 1
        if operation == _RETURN:
            return int(constant)
        if operation == _LOAD_WORD:
            accumulator = _word(data, constant)
        elif operation == _AND:
            accumulator &= constant
        elif operation == _JUMP:
            at += constant
        elif operation in _BRANCHES:
            at += if_true if _BRANCHES[operation](accumulator, constant) else if_false
        else:
            raise ValueError(f"instruction {at - 1} has the code {operation:#x}")
    raise ValueError("the program goes on after its last instruction")


def _word(data: bytes, offset: int) -> int:
    if offset % 4 or offset + 4 > len(data):
        raise ValueError(f"no word of a call is at {offset}")
    return int.from_bytes(data[offset : offset + 4], "little")
