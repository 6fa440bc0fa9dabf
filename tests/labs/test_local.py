"""The local engine alone: users without rights, wardens that are killed, and full disks."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from textwrap import dedent

import pytest
import yaml

from labctl.engine.access import open_engine
from labctl.engine.early import begin_lab_early
from labctl.engine.images.names import LAB, client_image
from labctl.engine.local import labs
from labctl.engine.local.wardens import Warden
from labctl.load.bundled import bundled_compose, bundled_folder
from labctl.load.compose import load_compose
from labctl.model.plan import PlannedLab
from labctl.warden.specs import LabSpec
from tests.labs.conftest import labctl
from tests.labs.footprints import Footprint
from tests.labs.local_users import LocalUser, local_user
from tests.labs.test_cleanup import LIMIT_S, start, until

pytestmark = pytest.mark.local

KILLS = 10
ALL_KILLS = int(os.environ.get("LAB_TEST_LABCTL_KILLS", "1000"))
GONE_S = 2.0
"""After so long, nothing is left of a labctl that was killed."""

GREEDY = {
    "memory": """
        hoard = [bytearray(b"x") * (1 << 20) for _ in range(1 << 10)]
    """,
    "processes": """
        import os, time
        for _ in range(100):
            if os.fork() == 0:
                time.sleep(600)
    """,
    "files": """
        for number in range(2000):
            open(f"/tmp/{number}", "x").close()
    """,
    "shared-memory": """
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.shmget(0, 4096, 0o1600) < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    """,
}
"""Clients that go beyond a limit."""


@pytest.fixture(scope="module")
def made_user() -> Iterator[LocalUser]:
    find = open_engine().images().find
    names = [find(name) for name in (LAB, client_image("3.13"))]
    with local_user([name for name in names if name]) as user:
        yield user


@pytest.fixture(scope="module", params=[True, False], ids=["range-of-ids", "one-id"])
def user(request: pytest.FixtureRequest, made_user: LocalUser) -> Iterator[LocalUser]:
    """A user without rights: with a range of ids for labs, and without."""
    with made_user.with_range() if request.param else nullcontext():
        yield made_user


def test_a_user_without_rights_runs_core_scenarios(user: LocalUser, footprint: Footprint) -> None:
    chosen = ("refused-port", "working-smtp", "unresolvable-host")
    done = user.labctl("run", *chosen, "--attempt", "smtplib", "--attempt", "socket", "--json", "-")
    assert done.code == 0, done.out + done.err
    assert {one["verdict"] for one in done.document["attempts"]} == {"pass"}
    assert footprint.all() == []


def greedy() -> str:
    """A scenario whose clients go beyond the limits."""
    [path] = bundled_folder("scenarios").rglob("refused-port.yaml")
    document = yaml.safe_load(path.read_text("utf-8"))
    expect = document["attempts"]["socket"]["expect"]
    document["attempts"] = {
        name: {"client": dedent(source), "expect": expect} for name, source in GREEDY.items()
    }
    # Scenarios have no aliases, which those that are the same object would get.
    return yaml.safe_dump(json.loads(json.dumps(document)), sort_keys=False)


def test_its_clients_have_limits_all_the_same(user: LocalUser) -> None:
    """Without cgroups: the warden watches the memory, and the kernel counts processes."""
    file = user.write("refused-port.yaml", greedy())
    done = user.labctl("run", file, "--timeout", "20", "--json", "-")
    assert done.code == 1, done.out + done.err
    seen = {one["attempt"]: one["observed"] for one in done.document["attempts"]}
    assert seen["memory"]["outcome"] == "out-of-memory", seen["memory"]
    assert seen["processes"]["exception"]["type"] == "BlockingIOError", seen["processes"]
    for kind in ("files", "shared-memory"):
        assert seen[kind]["exception"]["message"].startswith("[Errno 28]"), seen[kind]


def test_doctor_says_what_a_user_lacks(user: LocalUser) -> None:
    done = user.labctl("doctor", "--json")
    checks = {one["name"]: one for one in json.loads(done.out)}
    assert done.code == 0, checks
    assert checks["namespaces"]["state"] == checks["isolation"]["state"] == "ok"
    assert checks["cgroups"]["state"] in {"ok", "limited"}


def test_a_user_keeps_a_lab_and_cleans_up(user: LocalUser, footprint: Footprint) -> None:
    kept = user.labctl("run", "refused-port", "--attempt", "smtplib", "--keep")
    assert kept.code == 0, kept.out + kept.err
    assert len(footprint.containers()) == 2
    cleaned = user.labctl("clean")
    assert cleaned.out == "removed 2 containers, 1 networks, 0 volumes\n", cleaned.err
    assert footprint.all() == []


def test_a_user_s_labctl_that_is_killed_leaves_nothing(
    user: LocalUser, footprint: Footprint
) -> None:
    run = user.begin("run", "filtered-port", "--attempt", "socket", "--repeat", "5")
    until(lambda: any("-client-" in name for name in footprint.containers()), "a client")
    run.kill()
    run.communicate()
    until(lambda: not footprint.all(), "an engine without leftovers", limit_s=GONE_S)


@pytest.mark.whole
def test_a_user_builds_images(user: LocalUser) -> None:
    done = user.labctl("images", "build", "lab", "3.13", "--force")
    assert done.code == 0, done.out + done.err
    assert user.labctl("run", "refused-port", "--attempt", "socket").code == 0


# --- what is killed ------------------------------------------------------------------------------


def wardens(run: subprocess.Popen[str], generations: int) -> list[int]:
    """The processes that a labctl has for its labs: outside of them, or those inside."""
    pids = [run.pid]
    for _ in range(generations):
        files = [file for pid in pids for file in Path(f"/proc/{pid}/task").glob("*/children")]
        pids = [int(child) for file in files for child in file.read_text("ascii").split()]
    return pids


@pytest.mark.parametrize("generations", [1, 2], ids=["the process outside", "the one inside"])
def test_a_warden_that_is_killed_is_an_error(
    footprint: Footprint, tmp_path: Path, generations: int
) -> None:
    file = tmp_path / "result.json"
    run = start("run", "filtered-port", "--attempt", "socket", "--json", str(file))
    until(lambda: any("-client-" in name for name in footprint.containers()), "a client")
    for warden in wardens(run, generations):
        os.kill(warden, signal.SIGKILL)
    out, err = run.communicate(timeout=LIMIT_S)
    assert run.returncode == 4, (out, err)
    assert "Traceback" not in err
    [attempt] = json.loads(file.read_text("utf-8"))["attempts"]
    assert attempt["verdict"] == "error"
    assert footprint.all() == []


def test_killed_at_any_moment_labctl_leaves_nothing(footprint: Footprint, is_whole: bool) -> None:
    moments = random.Random(7)  # noqa: S311 the same moments each time, as far as the machine goes
    for _ in range(ALL_KILLS if is_whole else KILLS):
        run = start("run", "refused-port", "filtered-port", "--jobs", "2")
        time.sleep(moments.uniform(0.2, 2.5))
        run.kill()
        run.communicate()
        until(lambda: not footprint.all(), "an engine without leftovers", limit_s=GONE_S)


# --- the lab that is started ahead ---------------------------------------------------------------

AHEAD = """
import sys
from labctl.engine.access import open_named
access = open_named("local")
access.try_out()
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("begun", ["early", "by trying"])
def test_a_lab_that_was_begun_ahead_is_the_first_to_be_used(
    footprint: Footprint, monkeypatch: pytest.MonkeyPatch, begun: str
) -> None:
    started: list[Warden] = []

    class CountedWarden(Warden):
        def __init__(self, spec: LabSpec) -> None:
            super().__init__(spec)
            started.append(self)

    monkeypatch.setattr(labs, "Warden", CountedWarden)
    if begun == "early":
        begin_lab_early()
        assert len(started) == 1
    access = open_engine()
    if begun == "by trying":
        access.try_out()
    engine = access.for_run("ahead000")
    compose = bundled_compose()
    dns = load_compose(compose)["dns"]
    with engine.lab(PlannedLab(compose=compose, services=(dns,), attempts=())):
        assert len(started) == 1
        assert footprint.networks()
    assert footprint.all() == []


@pytest.mark.parametrize("is_killed", [False, True], ids=["ends", "is killed"])
def test_a_lab_that_nobody_needed_ends_with_labctl(footprint: Footprint, is_killed: bool) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", AHEAD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert wardens(process, 1)
        if is_killed:
            process.kill()
        process.communicate()
        if not is_killed:
            assert footprint.all() == []
    until(lambda: not footprint.all(), "an engine without leftovers", limit_s=GONE_S)


def test_a_run_of_nothing_that_is_known_leaves_no_lab(footprint: Footprint) -> None:
    done = labctl("run", "no-such-scenario")
    assert done.code == 2, done
    assert "no-such-scenario" in one_line(done.err)
    assert footprint.all() == []


# --- what is full, or read-only, or not there ----------------------------------------------------


@contextmanager
def mounted(options: str) -> Iterator[Path]:
    """A file system of one's own."""
    folder = Path(tempfile.mkdtemp(prefix="labctl-full-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
        folder.rmdir()


def one_line(said: str) -> str:
    """The one line that tells what is wrong; besides it, there may be a hint."""
    assert "Traceback" not in said
    lines = [line for line in said.splitlines() if line.startswith("labctl: ")]
    assert len(lines) == 1, said
    return lines[0]


def test_a_full_disk_is_one_line() -> None:
    with mounted("size=20m") as cache:
        at = {"XDG_CACHE_HOME": str(cache)}
        done = labctl("images", "build", "3.13", "--from", "host", env=at)
        assert done.code == 4, done.out + done.err
        assert "No space left on device" in one_line(done.err)
        assert "XDG_CACHE_HOME" in done.err
        assert list((cache / "labctl" / "local" / "making").iterdir()) == []


def test_a_cache_that_is_read_only_is_one_line() -> None:
    with mounted("size=1m,ro") as cache:
        at = {"XDG_CACHE_HOME": str(cache)}
        done = labctl("images", "build", "3.13", "--from", "host", env=at)
        assert done.code == 4, done.out + done.err
        assert "Read-only file system" in one_line(done.err)
        assert "XDG_CACHE_HOME" in done.err


def test_a_folder_for_temporary_files_that_is_missing_is_not_needed(tmp_path: Path) -> None:
    at = {"TMPDIR": str(tmp_path / "missing")}
    done = labctl("run", "refused-port", "--attempt", "socket", env=at)
    assert done.code == 0, done.out + done.err


NO_TEMPORARY_FILES = """
mount -t tmpfs -o ro none /tmp
mount -t tmpfs -o ro none /var/tmp
cd /proc
exec "$@"
"""


def test_where_no_temporary_file_can_be_written_one_line_says_so() -> None:
    command = ["unshare", "--mount", "sh", "-ec", NO_TEMPORARY_FILES, "sh"]
    done = subprocess.run(
        [*command, sys.executable, "-m", "labctl", "run", "refused-port"],
        env={**os.environ, "XDG_RUNTIME_DIR": "/run"},
        capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert done.returncode in (2, 4), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
