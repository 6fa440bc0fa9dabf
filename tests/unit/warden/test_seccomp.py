"""Filters: what programs of a lab may call, on both machines, and what they may not."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from labctl.warden.seccomp import default_filter

from .bpf import ALLOW, ERRNO, INSTRUCTION, KILL, Call, decide

REFUSED = ERRNO | errno.EPERM
MISSING = ERRNO | errno.ENOSYS

X86_64 = {
    "read": 0, "write": 1, "close": 3, "poll": 7, "mmap": 9, "rt_sigaction": 13, "connect": 42,
    "accept": 43, "sendto": 44, "recvfrom": 45, "bind": 49, "listen": 50, "setsockopt": 54,
    "fork": 57, "vfork": 58, "execve": 59, "wait4": 61, "ptrace": 101, "prctl": 157,
    "arch_prctl": 158, "chroot": 161, "futex": 202, "exit_group": 231, "epoll_wait": 232,
    "epoll_ctl": 233, "openat": 257, "ppoll": 271, "epoll_pwait": 281, "accept4": 288,
    "eventfd2": 290, "epoll_create1": 291, "pipe2": 293, "process_vm_readv": 310, "seccomp": 317,
    "getrandom": 318, "statx": 332, "pidfd_open": 434, "close_range": 436, "openat2": 437,
    "fchmodat2": 452,
}  # fmt: skip
X86_64_REFUSED = {
    "syslog": 103, "uselib": 134, "pivot_root": 155, "acct": 163, "settimeofday": 164, "mount": 165,
    "umount2": 166, "swapon": 167, "reboot": 169, "iopl": 172, "ioperm": 173, "init_module": 175,
    "delete_module": 176, "quotactl": 179, "clock_settime": 227, "mbind": 237, "kexec_load": 246,
    "add_key": 248, "request_key": 249, "keyctl": 250, "unshare": 272, "move_pages": 279,
    "perf_event_open": 298, "open_by_handle_at": 304, "setns": 308, "kcmp": 312,
    "finit_module": 313, "kexec_file_load": 320, "bpf": 321, "userfaultfd": 323,
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428,
    "move_mount": 429, "fsopen": 430, "pidfd_getfd": 438, "mount_setattr": 442,
}  # fmt: skip
AARCH64 = {
    "eventfd2": 19, "epoll_create1": 20, "epoll_ctl": 21, "epoll_pwait": 22, "chroot": 51,
    "openat": 56, "close": 57, "pipe2": 59, "read": 63, "write": 64, "ppoll": 73, "exit_group": 94,
    "futex": 98, "ptrace": 117, "rt_sigaction": 134, "prctl": 167, "bind": 200, "listen": 201,
    "accept": 202, "connect": 203, "sendto": 206, "recvfrom": 207, "setsockopt": 208,
    "execve": 221, "mmap": 222, "accept4": 242, "wait4": 260, "process_vm_readv": 270,
    "seccomp": 277, "getrandom": 278, "statx": 291, "pidfd_open": 434, "close_range": 436,
    "openat2": 437, "fchmodat2": 452,
}  # fmt: skip
AARCH64_REFUSED = {
    "umount2": 39, "mount": 40, "pivot_root": 41, "vhangup": 58, "quotactl": 60, "acct": 89,
    "unshare": 97, "kexec_load": 104, "init_module": 105, "delete_module": 106,
    "clock_settime": 112, "syslog": 116, "reboot": 142, "settimeofday": 170, "add_key": 217,
    "request_key": 218, "keyctl": 219, "swapon": 224, "mbind": 235, "move_pages": 239,
    "perf_event_open": 241, "open_by_handle_at": 265, "setns": 268, "kcmp": 272,
    "finit_module": 273, "bpf": 280, "userfaultfd": 282, "kexec_file_load": 294,
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428,
    "move_mount": 429, "fsopen": 430, "pidfd_getfd": 438, "mount_setattr": 442,
}  # fmt: skip
CLONE3 = 435
NEWER = range(457, 1000)
"""No call that the profile allows has one of these numbers, on any architecture."""
X32 = 0x4000_0000
"""The bit in the number of each call of x32."""
X32_OWN = range(512, 548)
"""Calls that x32 numbers differently (arch/x86/entry/syscalls/syscall_64.tbl)."""

I386_ARCH = 0x4000_0003
I386 = {"read": 3, "write": 4, "socket": 359, "clone": 120}
I386_REFUSED = {"mount": 21, "keyctl": 288, "unshare": 310, "setns": 346, "bpf": 357}
I386_SOCKETCALL = 102
ARM_ARCH = 0x4000_0028
ARM = {"read": 3, "write": 4, "socket": 281, "clone": 120, "set_tls": 0x000F_0005}
ARM_REFUSED = {"mount": 21, "keyctl": 311, "unshare": 337, "setns": 375, "bpf": 386}

CLONE_THREAD = 0x003D_0F00
"""The flags of a thread: VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, SETTLS and the ids to set."""
CLONE_FORK = 0x0120_0011
NAMESPACES = {
    "cgroup": 0x0200_0000,
    "uts": 0x0400_0000,
    "ipc": 0x0800_0000,
    "user": 0x1000_0000,
    "pid": 0x2000_0000,
    "net": 0x4000_0000,
    "mount": 0x0002_0000,
}
AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_NFC = 1, 2, 10, 16, 17, 39
AF_ALG, AF_VSOCK, AF_MCTP = 38, 40, 45
PERSONALITIES = (0, 8, 0x20000, 0x20008, 0xFFFF_FFFF)
"""That of Linux, with 32 bits, with the version 2.6, with both; and the question which it is."""
NO_RANDOM_ADDRESSES = 0x0004_0000


class Machine(NamedTuple):
    """A machine, its own architecture, and the 32-bit one that it runs too."""

    name: str
    arch: int
    allowed: Mapping[str, int]
    refused: Mapping[str, int]
    socket: int
    clone: int
    personality: int
    narrow: int
    narrow_allowed: Mapping[str, int]
    narrow_refused: Mapping[str, int]

    def decide(self, number: int, *arguments: int, arch: int | None = None) -> int:
        """What the filter makes of a call."""
        asked = Call(self.arch if arch is None else arch, number, arguments)
        return decide(default_filter(self.name), asked)


X86_64_MACHINE = Machine(
    "x86_64", 0xC000_003E, X86_64, X86_64_REFUSED, 41, 56, 135, I386_ARCH, I386, I386_REFUSED
)
AARCH64_MACHINE = Machine(
    "aarch64", 0xC000_00B7, AARCH64, AARCH64_REFUSED, 198, 220, 92, ARM_ARCH, ARM, ARM_REFUSED
)
MACHINES = (X86_64_MACHINE, AARCH64_MACHINE)


@pytest.fixture(params=MACHINES, ids=lambda machine: machine.name)
def machine(request: pytest.FixtureRequest) -> Machine:
    found: Machine = request.param
    return found


def test_what_ordinary_programs_call_is_allowed(machine: Machine) -> None:
    decided = {name: machine.decide(number) for name, number in machine.allowed.items()}
    assert decided == dict.fromkeys(machine.allowed, ALLOW)


def test_what_is_for_the_host_alone_is_refused(machine: Machine) -> None:
    decided = {name: machine.decide(number) for name, number in machine.refused.items()}
    assert decided == dict.fromkeys(machine.refused, REFUSED)


def test_threads_and_processes_are_made_but_no_namespaces(machine: Machine) -> None:
    assert machine.decide(machine.clone, CLONE_THREAD) == ALLOW
    assert machine.decide(machine.clone, CLONE_FORK) == ALLOW
    for bit in NAMESPACES.values():
        assert machine.decide(machine.clone, CLONE_FORK | bit) == REFUSED
    # Programs take clone instead, whose flags a filter sees.
    assert machine.decide(CLONE3) == MISSING


def test_sockets_are_of_every_family_but_two(machine: Machine) -> None:
    for family in (AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_NFC, AF_MCTP):
        assert machine.decide(machine.socket, family) == ALLOW
    for family in (AF_ALG, AF_VSOCK):
        assert machine.decide(machine.socket, family) == REFUSED


@pytest.mark.parametrize("above", [1, 0x8000_0000, 0xFFFF_FFFF])
def test_bits_that_the_kernel_ignores_make_no_other_family(machine: Machine, above: int) -> None:
    for family in (AF_ALG, AF_VSOCK):
        assert machine.decide(machine.socket, above << 32 | family) == REFUSED


def test_a_personality_is_one_of_a_few(machine: Machine) -> None:
    for personality in PERSONALITIES:
        assert machine.decide(machine.personality, personality) == ALLOW
    for personality in (NO_RANDOM_ADDRESSES, 1, 7, 0x0400_0000, 0xFFFF_FFFE):
        assert machine.decide(machine.personality, personality) == REFUSED


def test_a_call_that_is_newer_than_the_filter_seems_to_be_missing(machine: Machine) -> None:
    """So that programs take an older one."""
    for arch in (machine.arch, machine.narrow):
        assert {machine.decide(number, arch=arch) for number in NEWER} == {MISSING}


def test_programs_of_32_bits_get_the_same_list(machine: Machine) -> None:
    allowed, refused = machine.narrow_allowed, machine.narrow_refused
    for number in allowed.values():
        assert machine.decide(number, arch=machine.narrow) == ALLOW
    for number in refused.values():
        assert machine.decide(number, arch=machine.narrow) == REFUSED
    for family in (AF_ALG, AF_VSOCK):
        assert machine.decide(allowed["socket"], family, arch=machine.narrow) == REFUSED
    user = CLONE_FORK | NAMESPACES["user"]
    assert machine.decide(allowed["clone"], user, arch=machine.narrow) == REFUSED
    assert machine.decide(CLONE3, arch=machine.narrow) == MISSING


def test_a_family_that_no_filter_sees_is_asked_for_in_vain() -> None:
    for call in range(1, 21):
        assert X86_64_MACHINE.decide(I386_SOCKETCALL, call, arch=I386_ARCH) == MISSING


def test_numbers_of_x32_are_no_way_around() -> None:
    machine = X86_64_MACHINE
    for number in (*machine.refused.values(), *NEWER):
        if number not in X32_OWN:
            assert machine.decide(X32 | number) == REFUSED
    assert machine.decide(X32 | CLONE3) == MISSING
    for above in (0, 1 << 32):
        assert machine.decide(X32 | machine.socket, above | AF_VSOCK) == REFUSED
    assert machine.decide(X32 | machine.clone, CLONE_FORK | NAMESPACES["user"]) == REFUSED
    assert machine.decide(X32 | machine.personality, NO_RANDOM_ADDRESSES) == REFUSED


@pytest.mark.parametrize("number", [0, 63, 457, 0x000F_0005, X32])
@pytest.mark.parametrize("arch", [0, 0xC000_00F3, 0x8000_0016, 0x0000_0008])
def test_any_other_architecture_ends_the_program(machine: Machine, arch: int, number: int) -> None:
    other = next(one for one in MACHINES if one != machine)
    for unknown in (arch, other.arch, other.narrow):
        assert machine.decide(number, arch=unknown) == KILL


def _jumps(program: bytes) -> Iterator[int]:
    for at, (code, if_true, if_false, constant) in enumerate(INSTRUCTION.iter_unpack(program)):
        if code & 7 == 5:  # BPF_JMP
            yield at + 1 + (constant if code == 5 else max(if_true, if_false))


def test_the_kernel_loads_it(machine: Machine) -> None:
    """It takes 4096 instructions (BPF_MAXINSNS) at most, and jumps within them only."""
    program = default_filter(machine.name)
    count, rest = divmod(len(program), INSTRUCTION.size)
    assert rest == 0
    assert 100 < count < 4096
    assert max(_jumps(program)) < count


def test_a_machine_without_a_filter_is_told() -> None:
    with pytest.raises(OSError, match=r"no seccomp filter for machines of type riscv64$"):
        default_filter("riscv64")


PROGRAM = """
import asyncio, ctypes, errno, socket, ssl, subprocess, sys, threading

sys.path.insert(0, sys.argv[1])
from labctl.warden.seccomp import default_filter

libc = ctypes.CDLL(None, use_errno=True)

def errno_of(function, *arguments):
    ctypes.set_errno(0)
    function(*arguments)
    return errno.errorcode.get(ctypes.get_errno())

def load(code):
    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]
    held = ctypes.create_string_buffer(code)
    program = Program(len(code) // 8, ctypes.addressof(held))
    PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, MODE_FILTER = 38, 22, 2
    assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    assert libc.prctl(PR_SET_SECCOMP, MODE_FILTER, ctypes.byref(program)) == 0, ctypes.get_errno()

async def echo():
    async def answer(reader, writer):
        writer.write(await reader.readline())
        writer.close()
        await writer.wait_closed()
    async with await asyncio.start_server(answer, "127.0.0.1") as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"hello\\n")
        said = await reader.readline()
        writer.close()
        await writer.wait_closed()
    await asyncio.to_thread(print, said.decode(), end="")

load(default_filter())
CLONE_NEWUSER, CLONE_NEWNET, AF_VSOCK = 0x10000000, 0x40000000, 40
sys.stdout.reconfigure(line_buffering=True)
print(errno_of(libc.unshare, CLONE_NEWUSER), errno_of(libc.unshare, CLONE_NEWNET))
print(errno_of(libc.socket, AF_VSOCK, 1, 0), errno_of(libc.mount, 0, 0, 0, 0, 0))
print(errno_of(libc.personality, 0x40000))
print(errno_of(libc.syscall, 435, 0, 0), errno_of(libc.syscall, 457, 0, 0))
subprocess.run([sys.executable, "-I", "-S", "-c", "print(1 + 1)"], check=True)
thread = threading.Thread(target=print, args=("thread",))
thread.start()
thread.join()
asyncio.run(echo())
print(ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO()).version())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp is of Linux")
def test_python_goes_on_below_it() -> None:
    """In a process of its own, as a filter stays for good."""
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM, str(root)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "EPERM EPERM",
        "EPERM EPERM",
        "EPERM",
        "ENOSYS ENOSYS",
        "2",
        "thread",
        "hello",
        "None",
    ]
