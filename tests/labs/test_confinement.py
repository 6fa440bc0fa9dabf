"""What keeps a client of the local engine in, found out by trying; and each control taken away:
then the same client gets further.

A warden is a program of its own. A control is taken away in a copy of it, which is started in its
place.
"""

from __future__ import annotations

import contextlib
import fcntl
import re
import secrets
import shutil
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import labctl
from labctl.engine.access import open_engine
from labctl.engine.containers import client_container
from labctl.engine.isolation import try_isolation
from labctl.engine.labels import OWNER_VARIABLE, Labels
from labctl.engine.limits import FILES, MEMORY, PROCESSES, lacking_limits
from labctl.engine.local import warden_process
from labctl.engine.local.labs import Lab, start_lab
from labctl.engine.local.loaded import find_image
from labctl.engine.local.store import LocalStore
from labctl.engine.run_once import run_once
from labctl.model.compose import Healthcheck
from tests.labs.test_isolation import interpreter, lab, run_in

pytestmark = pytest.mark.local

PACKAGE = Path(labctl.__file__).parent
ROOT = "0:0"
NOBODY = "65534:65534"

Change = tuple[str, str, str]
"""A file of the warden, and a text in it that becomes another one everywhere."""
Remove = Callable[[str, str, str], None]


CHECK = Healthcheck(test=("CMD", "/labctl/python", "-I", "-S", "-c", "pass"), interval=0.02)
WATCH = """
import os, time
seen = set()
end = time.monotonic() + 2
while time.monotonic() < end:
    for pid in os.listdir("/proc"):
        if pid.isdigit() and pid != "1":
            try:
                seen.add(os.readlink(f"/proc/{pid}/exe"))
            except OSError:
                pass
print(any("python3" in one for one in seen), any("memfd" in one for one in seen))
"""


@pytest.fixture
def change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Remove:
    """Changes a copy of the warden's program, which labs have from then on."""
    copy = tmp_path / "labctl" / "warden"
    for part in ("warden", "services"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PACKAGE / part, copy.with_name(part), ignore=ignored)
    shutil.copy(PACKAGE / "__init__.py", copy.parent)

    def change(file: str, old: str, new: str) -> None:
        text = (copy / file).read_text("utf-8")
        assert old in text, f"{file} has changed: this test has to change with it"
        (copy / file).write_text(text.replace(old, new), "utf-8")
        monkeypatch.setattr(warden_process, "_PROGRAM", copy / "__main__.py")

    return change


def said(
    source: str, *, user: str = NOBODY, has_init: bool = False, is_checked: bool = False
) -> str:
    """What a program says that is run like a client, without a network."""
    spec = client_container(
        interpreter().image,
        name=f"labctl-confine-{secrets.token_hex(4)}",
        tap="",
        labels=Labels(run="confine0").of(()),
    )
    alone = replace(
        spec,
        place=None,
        has_stdin=False,
        user=user,
        has_init=has_init,
        health_check=CHECK if is_checked else None,
        entrypoint=("/labctl/python", "-I", "-S", "-B"),
        command=("-c", source),
    )
    ended = run_once(open_engine().runtime, alone)
    assert ended.exit_code == 0, ended
    return ended.stdout.strip()


STATUS = """
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(status["NAME"].strip())
"""
NEW_USERS = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
print("done" if libc.unshare(0x10000000) == 0 else "refused")
"""
TRY = """
try:
    CODE
except OSError as error:
    print(type(error).__name__, error.errno)
else:
    print("done")
"""


def trying(*lines: str) -> str:
    return "import os\n" + TRY.replace("CODE", "\n    ".join(lines))


@dataclass(frozen=True, kw_only=True)
class Control:
    """A control, how it is taken away, and a client that says `kept` with it."""

    name: str
    changes: tuple[Change, ...]
    source: str
    kept: str
    user: str = NOBODY
    has_init: bool = False
    is_checked: bool = False
    """Whether a health check runs beside the client again and again."""


SAME_MODE = "os.chmod(PATH, os.stat(PATH).st_mode & 0o7777)"
"""Changes nothing, and needs all rights for a change."""
BIND_DEVICES = 'mount(f"{root}/dev", source="/dev", flags=MS_BIND)'

KEEPS_WRITES = 'layers = f"lowerdir={lower},upperdir={own}/upper,workdir={own}/work"'
NO_OWN_DEVICES = (
    "tree.py", "os.mknod(place, stat.S_IFCHR, os.makedev(*number))", "raise PermissionError",
)  # fmt: skip

CONTROLS = (
    Control(
        name="no capability can be gained",
        changes=(("syscalls.py", "_prctl(_PR_CAPBSET_DROP, capability)", "pass"),),
        source=STATUS.replace("NAME", "CapBnd"),
        kept="0" * 16,
    ),
    Control(
        name="root has no capability",
        changes=(
            ("syscalls.py", "_prctl(_PR_CAPBSET_DROP, capability)", "pass"),
            ("syscalls.py", "bits = sum(1 << capability for capability in kept)", "return"),
        ),
        source=trying("open('/tmp/own', 'x').close()", "os.chown('/tmp/own', 1, 1)"),
        kept="PermissionError 1",
        user=ROOT,
    ),
    Control(
        name="no privilege is gained by what is executed",
        changes=(
            ("confinement.py", "if spec.can_gain_privileges and not has_namespace", "if True"),
            ("confinement.py", "if not spec.can_gain_privileges", "if False"),
        ),
        source=STATUS.replace("NAME", "NoNewPrivs"),
        kept="1",
    ),
    Control(
        name="system calls are filtered",
        changes=(("syscalls.py", "program = _Filter(", "return\n    _Filter("),),
        source=NEW_USERS,
        kept="refused",
    ),
    Control(
        name="the root is read-only",
        changes=(
            ("tree.py", "_remount(root, MS_RDONLY | _USUAL)", "pass"),
            ("tree.py", 'layers = f"lowerdir={own}/upper:{lower}"', KEEPS_WRITES),
        ),
        source=trying("os.mkdir('/labctl-try')", "os.rmdir('/labctl-try')"),
        kept="OSError 30",
        user=ROOT,
    ),
    Control(
        name="the folder for temporary files is small",
        changes=(("tree.py", 'kind="tmpfs", flags=flags, options=rest', 'kind="tmpfs"'),),
        source=trying("open('/tmp/much', 'xb').write(bytes(20 << 20))"),
        kept="OSError 28",
    ),
    Control(
        name="the kernel's settings are read-only",
        changes=(("programs.py", "mask_proc(root)", "pass"),),
        # It is opened only, and not written to.
        source=trying("os.close(os.open('/proc/sys/kernel/panic', os.O_WRONLY))"),
        kept="OSError 30",
        user=ROOT,
    ),
    Control(
        name="what tells of the whole machine is hidden",
        changes=(("programs.py", "mask_proc(root)", "pass"),),
        source='print(len(open("/proc/interrupts").read()))',
        kept="0",
    ),
    Control(
        name="a client sees its own processes only",
        changes=(("programs.py", "syscalls.unshare(syscalls.NEW_PROCESSES)", "pass"),),
        source='import os\nprint(sum(name.isdigit() for name in os.listdir("/proc")))',
        kept="1",
    ),
    Control(
        name="no file of the warden's is open",
        changes=(
            ("stub.py", "os.set_inheritable(descriptor, False)", "pass"),
            ("programs.py", "os.closerange(_STANDARD, status)", "pass"),
            ("programs.py", "close_files(status + 1)", "pass"),
        ),
        # The last one is that of the folder itself.
        source='import os\nprint(*sorted(os.listdir("/proc/self/fd"), key=int))',
        kept="0 1 2 3",
    ),
    Control(
        name="devices are few",
        changes=(("tree.py", '_mount_devices(spec, f"{root}/dev")', BIND_DEVICES),),
        source='import os\nprint(*sorted(set(os.listdir("/dev")) - {"shm"}))',
        kept="fd full null random stderr stdin stdout tty urandom zero",
    ),
    Control(
        name="the mode of a device stays",
        changes=(
            ("tree.py", "mount(place, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | flags)", "pass"),
        ),
        source=trying(SAME_MODE.replace("PATH", "'/dev/null'")),
        kept="OSError 30",
        user=ROOT,
    ),
    Control(
        name="the mode of one of the machine's devices stays",
        changes=(NO_OWN_DEVICES, ("tree.py", "_remount(place, flags)", "pass")),
        source=trying(SAME_MODE.replace("PATH", "'/dev/null'")),
        kept="OSError 30",
        user=ROOT,
    ),
    Control(
        name="root's labs have devices of their own",
        changes=(NO_OWN_DEVICES,),
        source='import os\nprint(os.stat("/dev/null").st_dev == os.stat("/dev").st_dev)',
        kept="True",
    ),
    Control(
        name="a client does not see where its image is",
        changes=(("tree.py", "if spec.writes_image:", "if True:"),),
        source='print(*(line.split()[3] for line in open("/proc/self/mountinfo")'
        ' if line.split()[4] == "/"))',
        kept="/",
    ),
    Control(
        name="a client does not see its cgroups",
        changes=(("programs.py", "| syscalls.NEW_CGROUPS", ""),),
        source='print({line.split(":")[2] for line in open("/proc/self/cgroup")'
        ' if {*line.split(":")[1].split(",")} & {"", "memory"}})',
        kept=r"{'/\n'}",
    ),
    Control(
        name="a host's own files are read-only",
        changes=(("tree.py", "if not is_writable:", "if False:"),),
        source=trying("open('/etc/hosts', 'a').close()"),
        kept="OSError 30",
        user=ROOT,
    ),
    Control(
        name="the mode of what hides something stays",
        changes=(
            ("tree.py", '_remount(f"{proc}/{name}", MS_RDONLY | MS_NOSUID', "abs(MS_NOSUID"),
        ),
        source=trying(SAME_MODE.replace("PATH", "'/proc/interrupts'")),
        kept="OSError 30",
        user=ROOT,
    ),
    Control(
        name="the mode of the machine's own /dev/null stays",
        changes=(("programs.py", "        _reopen_null()\n", ""),),
        source=trying(SAME_MODE.replace("PATH", "0")),
        kept="OSError 30",
        user=ROOT,
    ),
    Control(
        name="nobody looks into what is not yet a program",
        changes=(("programs.py", "syscalls.set_dumpable(False)", "pass"),),
        source=trying("os.readlink('/proc/1/exe')"),
        kept="PermissionError 13",
        user=ROOT,
        has_init=True,
    ),
    Control(
        name="nobody looks into what is not yet a health check",
        changes=(("programs.py", "syscalls.set_dumpable(False)", "pass"),),
        source=WATCH,
        kept="True False",
        user=ROOT,
        is_checked=True,
    ),
)  # fmt: skip


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
def test_without_its_control_a_client_gets_further(control: Control, change: Remove) -> None:
    def tried() -> str:
        return said(
            control.source,
            user=control.user,
            has_init=control.has_init,
            is_checked=control.is_checked,
        )

    assert tried() == control.kept
    for one in control.changes:
        change(*one)
    assert tried() != control.kept


LOCK = """
import fcntl
with open("FILE") as file:
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
"""


def test_files_of_the_image_are_the_clients_own(change: Remove) -> None:
    """Programs with the same image could tell each other something with locks on its files."""
    store = LocalStore()
    image = find_image(store, interpreter().image)
    assert image is not None
    with (store.root(image) / "etc/passwd").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        trying_lock = LOCK.replace("FILE", "/etc/passwd") + "    print('locked')"
        assert said(trying_lock) == "locked"
        change("tree.py", "if spec.writes_image:", "if True:")
        with pytest.raises(AssertionError, match="BlockingIOError"):
            said(trying_lock)


def test_where_the_kernel_refuses_layers_a_program_runs_all_the_same(change: Remove) -> None:
    change("tree.py", 'kind="overlay"', 'kind="no such file system"')
    assert said(trying("os.mkdir('/labctl-try')"), user=ROOT) == "OSError 30"


LIMITS = {
    MEMORY: ("cgroups.py", "if spec.memory_bytes is not None:", "if False:"),
    PROCESSES: ("cgroups.py", "if spec.process_limit is not None:", "if False:"),
    FILES: ("tree.py", 'kind="tmpfs", flags=flags, options=rest', 'kind="tmpfs"'),
}


def test_a_client_has_every_limit() -> None:
    assert lacking_limits(open_engine().runtime, interpreter().image, "confine1") == []


@pytest.mark.parametrize("limit", LIMITS)
def test_without_a_limit_it_is_missed(limit: str, change: Remove) -> None:
    change(*LIMITS[limit])
    assert lacking_limits(open_engine().runtime, interpreter().image, "confine2") == [limit]


def test_a_link_to_the_host_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: the bridge of a lab is in a network namespace of its own, which has no link."""
    linked: list[int] = []
    real = Lab.add_host
    alone = threading.Lock()  # while it makes a host, a warden is in that host's namespace

    def add_host(self: Lab, name: str, **given: Any) -> None:
        with alone:
            real(self, name, **given)
            if given["place"] and not linked:
                linked.append(_link_to_host(self, given["place"].addresses[0].rpartition(".")[0]))

    monkeypatch.setattr(Lab, "add_host", add_host)
    found = try_isolation(open_engine().for_run("confine3"), interpreter())
    assert linked
    assert any(host.startswith("198.1") for host in found.reached), found


def _link_to_host(lab: Lab, subnet: str) -> int:
    """Give the host the gateway's address in a lab, and return the lab's process."""
    stub = lab.warden.pid
    children = Path(f"/proc/{stub}/task/{stub}/children").read_text("ascii")
    warden = int(children.split()[0])
    for command in (
        f"ip link add labctl-try type veth peer name try netns {warden}",
        f"ip address add {subnet}.1/24 dev labctl-try",
        "ip link set labctl-try up",
        f"nsenter -t {warden} -n ip link set try master lab up",
    ):
        subprocess.run(command.split(), check=True)
    return warden


def test_a_lab_has_no_link_to_the_host() -> None:
    with lab("confine4") as tap:
        assert run_in(tap, "import socket\n[name for _, name in socket.if_nameindex()]") == (
            "['lo', 'eth0']"
        )
        names = [place.name for place in Path("/sys/class/net").iterdir()]
        assert not [name for name in names if name == "lab" or re.fullmatch(r"host\d+", name)]


def test_a_warden_runs_from_a_copy_of_the_interpreter() -> None:
    """What is not yet a program runs from the same file. Its owner could change the file's mode."""
    with contextlib.closing(start_lab(LocalStore())) as made:
        stub = made.warden.pid
        children = Path(f"/proc/{stub}/task/{stub}/children").read_text("ascii").split()
        for pid in (stub, *children):
            file = Path(f"/proc/{pid}/exe").readlink()
            assert str(file).startswith("/memfd:labctl-python")
        environment = Path(f"/proc/{stub}/environ").read_text("ascii").split("\0")
    names = {text.partition("=")[0] for text in environment if text}
    assert names <= {"PATH", "LD_LIBRARY_PATH", OWNER_VARIABLE}
