"""A filter of system calls (seccomp(2)) that keeps clients from what engines allow them.

Whoever has the same user may set the limits of another process, and what processor time it gets.
With a limit, the kernel ends a process by force: so a client could end the probe, and its failure
would look like one of the lab. No engine's filter knows the probe's process, so the probe has this
one, and all processes that it starts inherit it.

The kernel's memory for messages between netlink sockets counts for nobody. Clients get those alone
that ask for addresses and routes, as getaddrinfo(3) does.
"""

from __future__ import annotations

import posix
import sys
from struct import pack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
"""Codes of instructions: BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_JMP|BPF_JSET|BPF_K, and
BPF_RET|BPF_K of <linux/bpf_common.h>.
"""
_NUMBER, _MACHINE = 0, 4
"""Where `struct seccomp_data` has the call's number, and the machine whose calls are meant."""
_ALLOW, _EPERM, _ENOSYS = 0x7FFF0000, 0x00050001, 0x00050026
_OTHER_NUMBERS = 0x40000000
"""The bit that calls of x32 have in their number."""
_OF_64_BITS = 1 << 32
_AF_NETLINK = 16
_PRIO_PROCESS, _IOPRIO_WHO_PROCESS = 0, 1

_MACHINES = {
    "x86_64": (
        0xC000003E,
        {
            "prlimit64": 302, "sched_setparam": 142, "sched_setscheduler": 144,
            "sched_setaffinity": 203, "sched_setattr": 314, "setpriority": 141, "ioprio_set": 251,
            "socket": 41,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "prlimit64": 261, "sched_setparam": 118, "sched_setscheduler": 119,
            "sched_setaffinity": 122, "sched_setattr": 274, "setpriority": 140, "ioprio_set": 30,
            "socket": 198,
        },
    ),
}  # fmt: skip
"""What each machine is called in filters (AUDIT_ARCH_...), and the numbers of its calls."""
_OF_A_PROCESS = (
    "prlimit64", "sched_setparam", "sched_setscheduler", "sched_setaffinity", "sched_setattr",
)  # fmt: skip
"""Calls whose first argument is the process that they change."""


def call_filter(machine: str, process: int) -> bytes:
    """Return the filter that protects a process, for a machine as `uname -m` calls it: an array of
    `struct sock_filter`. It is empty for a machine that is not known. Calls of other machines get
    ENOSYS, for their numbers are others.
    """
    if machine not in _MACHINES:
        return b""
    code, numbers = _MACHINES[machine]
    program = [
        _load(_MACHINE),
        _jump(_JUMP_IF_EQUAL, code, 1, 0),
        _return(_ENOSYS),
        _load(_NUMBER),
        _jump(_JUMP_IF_ANY_BIT, _OTHER_NUMBERS, 0, 1),
        _return(_ENOSYS),
    ]
    for name in _OF_A_PROCESS:
        program += _rule(numbers[name], _refuse_if_equal(0, process))
    for name, kind in (("setpriority", _PRIO_PROCESS), ("ioprio_set", _IOPRIO_WHO_PROCESS)):
        refusal = [*_refuse_unless_equal(0, kind), *_refuse_if_equal(1, process)]
        program += _rule(numbers[name], refusal)
    of_netlink = _refuse_unless_equal(2, 0)
    is_netlink = [_argument(0), _jump(_JUMP_IF_EQUAL, _AF_NETLINK, 0, len(of_netlink))]
    program += _rule(numbers["socket"], [*is_netlink, *of_netlink])
    return b"".join([*program, _return(_ALLOW)])


def own_filter() -> bytes:
    """Return the filter that protects this process; empty if there is none for this machine. A
    Python of 32 bits makes the calls of another machine than the kernel's.
    """
    if sys.maxsize < _OF_64_BITS:
        return b""
    return call_filter(posix.uname().machine, posix.getpid())


def _rule(number: int, refusal: Sequence[bytes]) -> list[bytes]:
    """Return what decides about one call, and goes on after it for all others."""
    body = [*refusal, _return(_ALLOW)]
    return [_jump(_JUMP_IF_EQUAL, number, 0, len(body)), *body]


def _refuse_if_equal(index: int, value: int) -> list[bytes]:
    """Return what refuses a call one argument of which has this value."""
    return [_argument(index), _jump(_JUMP_IF_EQUAL, value, 0, 1), _return(_EPERM)]


def _refuse_unless_equal(index: int, value: int) -> list[bytes]:
    """Return what refuses a call one argument of which has another value."""
    return [_argument(index), _jump(_JUMP_IF_EQUAL, value, 1, 0), _return(_EPERM)]


def _argument(index: int) -> bytes:
    """Return what loads an argument: its lower half, for all of these are of 32 bits."""
    return _load(16 + 8 * index)


def _load(offset: int) -> bytes:
    return pack("HBBI", _LOAD, 0, 0, offset)


def _jump(code: int, value: int, if_true: int, if_false: int) -> bytes:
    return pack("HBBI", code, if_true, if_false, value)


def _return(action: int) -> bytes:
    return pack("HBBI", _RETURN, 0, 0, action)
