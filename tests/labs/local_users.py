"""A user of this machine who has nothing but images: made for tests, and gone after them."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from labctl.engine.local.store import LocalStore
from tests.labs.conftest import LIMIT_S, Done

_ROOT = Path(__file__).parents[2]
_PYTHON = "/usr/bin/python3"
"""One that everybody may use; that of our environment may be in somebody's home."""
_RANGE = "2000000000-2000065535"
_TRY = "import sys, labctl.__main__, labctl.warden; print(*sys.version_info[:2])"


@dataclass(frozen=True)
class LocalUser:
    """The user, and the folder that is all the user's own."""

    name: str
    folder: Path
    packages: tuple[Path, ...]
    """The folders that labctl and what it needs are in."""

    def start(self, command: Sequence[str | Path], **given: Any) -> subprocess.Popen[str]:
        """Start a program as this user, in a session of its own."""
        entry = pwd.getpwnam(self.name)
        return subprocess.Popen(
            list(map(str, command)),
            user=entry.pw_uid,
            group=entry.pw_gid,
            extra_groups=[],
            env=self._environment(),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **given,
        )

    def _environment(self) -> dict[str, str]:
        """What this user has: our labctl and what it needs, and folders of one's own."""
        kept = {name: value for name, value in os.environ.items() if name.startswith("LABCTL_")}
        own = {
            "HOME": "home",
            "XDG_CACHE_HOME": "cache",
            "XDG_RUNTIME_DIR": "runtime",
            "TMPDIR": "tmp",
        }
        return {
            **kept,
            **{name: str(self.folder / place) for name, place in own.items()},
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": ":".join(map(str, self.packages)),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def run(self, *command: str | Path) -> Done:
        """Run a program to its end."""
        with self.start(command) as process:
            out, err = process.communicate(timeout=LIMIT_S)
        return Done(process.returncode, out, err)

    def labctl(self, *args: str | Path) -> Done:
        return self.run(_PYTHON, "-m", "labctl", *args)

    def begin(self, *args: str) -> subprocess.Popen[str]:
        """Start a labctl."""
        return self.start([_PYTHON, "-m", "labctl", *args])

    def write(self, name: str, text: str) -> Path:
        """A file that this user may read."""
        place = self.folder / name
        place.write_text(text, "utf-8")
        return place

    @contextmanager
    def with_range(self) -> Iterator[None]:
        """Give the user a range of ids in /etc/subuid and /etc/subgid inside the block."""
        self._change_range("add")
        try:
            yield
        finally:
            self._change_range("del")

    def _change_range(self, how: str) -> None:
        _admin("usermod", f"--{how}-subuids", _RANGE, f"--{how}-subgids", _RANGE, self.name)


@contextmanager
def local_user(images: Sequence[str]) -> Iterator[LocalUser]:
    """Make a user who has copies of these images, by their names in our own cache. Fail the test if
    that is not possible.
    """
    if os.getuid():
        pytest.fail("this takes a user made for the test: run the tests as root")
    folder = Path(tempfile.mkdtemp(prefix="labctl-user-"))
    user = LocalUser(f"labctl-{secrets.token_hex(4)}", folder, _packages(folder))
    ids = [part for kind in ("UID", "GID") for part in ("-K", f"SUB_{kind}_COUNT=0")]
    _admin("useradd", *ids, "--no-create-home", "--shell", "/bin/sh", user.name)
    try:
        _furnish(user, images)
        _check_python(user)
        yield user
    finally:
        _admin("userdel", user.name)
        shutil.rmtree(user.folder)


def _packages(folder: Path) -> tuple[Path, ...]:
    """Return the folders that labctl and what it needs are in: ours, or else, where not everybody
    may read ours, copies below this folder.
    """
    ours = (_ROOT, Path(sysconfig.get_path("purelib")))
    above = {place for one in ours for place in (one, *one.parents)}
    if all(place.stat().st_mode & 0o005 == 0o005 for place in above):
        return ours
    copies = (folder / "checkout", folder / "packages")
    copies[0].mkdir()
    parts = [ours[0] / name for name in ("labctl", "scenarios", "compose", "exercises")]
    subprocess.run(["cp", "-r", *parts, copies[0]], check=True)
    subprocess.run(["cp", "-r", ours[1], copies[1]], check=True)
    return copies


def _furnish(user: LocalUser, images: Sequence[str]) -> None:
    """Make the user's folders, with the images in the cache."""
    for name in ("home", "runtime", "tmp"):
        (user.folder / name).mkdir()
    store, own = LocalStore(), user.folder / "cache" / "labctl" / "local"
    (own / "names").mkdir(parents=True)
    (own / "images").mkdir()
    for name in images:
        image = store.find(name)
        assert image is not None, name
        (own / "names" / name.replace("/", "+")).symlink_to(f"../images/{image.id}")
        subprocess.run(["cp", "-a", store.root(image).parent, own / "images"], check=True)
    subprocess.run(["chown", "-R", "-h", f"{user.name}:", user.folder], check=True)


def _check_python(user: LocalUser) -> None:
    """Fail unless the user can import labctl."""
    wanted = f"{sys.version_info.major} {sys.version_info.minor}"
    tried = user.run(_PYTHON, "-c", _TRY)
    if tried.out.strip() != wanted:
        pytest.fail(
            f"a user without rights can't run labctl here: {_PYTHON} has to be Python "
            f"{wanted.replace(' ', '.')}: {tried.out}{tried.err}"
        )


def _admin(*command: str) -> None:
    """Run a program that administers users."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    done = subprocess.run(
        command, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
