"""The filter of system calls that protects the probe: by its program, and in the kernel."""

from __future__ import annotations

import errno
import struct
import sys

import pytest

from labctl.probe.call_filter import call_filter, own_filter
from tests.unit.probe.conftest import Probe

PROBE = 77
"""The id of the process that is protected."""
ALLOWED, EPERM, ENOSYS = 0x7FFF0000, 0x50000 + errno.EPERM, 0x50000 + errno.ENOSYS
CODES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
NUMBERS = {
    "prlimit64": (302, 261),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "socket": (41, 198),
    "getpid": (39, 172),
}
"""As <asm/unistd.h> has them, for each machine."""
CALLS = {
    "a limit of the probe": ("prlimit64", (PROBE, 0, 1, 0), EPERM),
    "its own limit": ("prlimit64", (0, 0, 1, 0), ALLOWED),
    "a limit of its child": ("prlimit64", (PROBE + 1, 0, 1, 0), ALLOWED),
    "the probe, in 64 bits": ("prlimit64", (PROBE + 2**32, 0, 1, 0), EPERM),
    "the probe's priority as others": ("sched_setparam", (PROBE, 1), EPERM),
    "the probe's scheduler": ("sched_setscheduler", (PROBE, 5, 1), EPERM),
    "its own scheduler": ("sched_setscheduler", (0, 5, 1), ALLOWED),
    "the probe's processors": ("sched_setaffinity", (PROBE, 8, 1), EPERM),
    "its own processors": ("sched_setaffinity", (0, 8, 1), ALLOWED),
    "the probe's attributes": ("sched_setattr", (PROBE, 1, 0), EPERM),
    "the probe's niceness": ("setpriority", (0, PROBE, 19), EPERM),
    "the niceness of a group": ("setpriority", (1, 0, 19), EPERM),
    "the niceness of a user": ("setpriority", (2, 0, 19), EPERM),
    "its own niceness": ("setpriority", (0, 0, 19), ALLOWED),
    "the probe's order at the disk": ("ioprio_set", (1, PROBE, 0), EPERM),
    "a user's order at the disk": ("ioprio_set", (3, 0, 0), EPERM),
    "its own order at the disk": ("ioprio_set", (1, 0, 0), ALLOWED),
    "TCP": ("socket", (2, 1, 6), ALLOWED),
    "questions about routes": ("socket", (16, 3, 0), ALLOWED),
    "messages between users": ("socket", (16, 3, 2), EPERM),
    "the kernel's events": ("socket", (16, 3, 15), EPERM),
    "another call with such arguments": ("getpid", (PROBE, PROBE, PROBE), ALLOWED),
}


def decide(program: bytes, number: int, machine: int, arguments: tuple[int, ...]) -> int:
    """What a filter decides about a call."""
    six = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("<iIQ6Q", number, machine, 0, *six)
    value = at = 0
    while True:
        code, if_true, if_false, operand = struct.unpack_from("<HBBI", program, 8 * at)
        at += 1
        if code == 0x20:
            (value,) = struct.unpack_from("<I", data, operand)
        elif code == 0x15:
            at += if_true if value == operand else if_false
        elif code == 0x45:
            at += if_true if value & operand else if_false
        else:
            assert code == 0x06
            return int(operand)


@pytest.mark.parametrize(("name", "arguments", "decision"), CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("machine", CODES)
def test_what_it_decides(
    machine: str, name: str, arguments: tuple[int, ...], decision: int
) -> None:
    number = NUMBERS[name][list(CODES).index(machine)]
    program = call_filter(machine, PROBE)
    assert decide(program, number, CODES[machine], arguments) == decision


@pytest.mark.parametrize("machine", CODES)
def test_calls_of_other_machines_are_refused(machine: str) -> None:
    program = call_filter(machine, PROBE)
    assert decide(program, 4, 0x40000003, ()) == ENOSYS  # those of i386
    assert decide(program, 0x40000000 + 39, CODES[machine], ()) == ENOSYS  # those of x32


def test_a_machine_that_is_not_known_has_none() -> None:
    assert call_filter("riscv64", PROBE) == b""


def test_a_python_of_32_bits_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert own_filter()
    monkeypatch.setattr(sys, "maxsize", 2**31 - 1)
    assert own_filter() == b""


def test_a_client_cannot_set_limits_of_the_probe(probe: Probe) -> None:
    report = probe("""
        import os, resource
        resource.setrlimit(resource.RLIMIT_CPU, (100, 100))
        resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (0, 0))
    """)
    assert report["exception"]["type"] == "PermissionError"


def test_a_program_of_the_client_cannot_either(probe: Probe) -> None:
    report = probe(f"""
        import os, subprocess, sys
        code = "import os, sys; os.setpriority(os.PRIO_PROCESS, int(sys.argv[1]), 19)"
        probe = str(os.getppid())
        done = subprocess.run([{sys.executable!r}, "-c", code, probe], stderr=subprocess.PIPE)
        print(done.stderr.decode())
    """)
    assert "PermissionError" in report["stdout"]
