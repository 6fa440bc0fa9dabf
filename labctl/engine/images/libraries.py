"""The third-party packages of client images with libraries: pinned, and had with pip."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

from labctl.engine import sessions
from labctl.engine.images.builder import Builder
from labctl.errors import EngineError
from labctl.load.bundled import bundled_folder

FOLDER = "labctl/libs"
"""Where they are in the image; labctl/probe/client.py has it too."""

_LIMIT_S = 300
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_GLIBC = ("2_17", "2_28")
"""The oldest C libraries that wheels for these run on; the images' are newer."""
_HINT = (
    "mend that and run labctl again; attempts without `requires` need no packages: "
    "choose them with --attempt"
)


def pins_file() -> Path:
    """Return the path of the file that pins the packages."""
    return bundled_folder("compose") / "images" / "libs" / "pins.txt"


def pinned(series: str) -> dict[str, str]:
    """Return the versions of the pinned packages for a Python (`3.13`), by name."""
    place = {
        "python_version": series,
        "python_full_version": f"{series}.0",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "implementation_name": "cpython",
    }
    lines = (line.partition("#")[0].strip() for line in pins_file().read_text("utf-8").splitlines())
    found = [Requirement(line) for line in lines if line]
    return {
        one.name: next(iter(one.specifier)).version
        for one in found
        if one.marker is None or one.marker.evaluate(place)
    }


def fetch(series: str, builder: Builder) -> dict[str, bytes]:
    """Run pip to fetch the packages (some seconds), and return every file's content by its path
    below FOLDER.

    pip asks the index that it is set up for. Only wheels are taken: nothing of the packages is run
    here. Raise EngineError if they can't be had.
    """
    machine = _MACHINES.get(builder.architecture())
    if machine is None:
        raise EngineError(
            f"labctl knows no packages for an engine on {builder.architecture()}",
            hint="use an engine on amd64 or arm64, or attempts without `requires`",
        )
    builder.report("pip: fetching packages", None)
    with tempfile.TemporaryDirectory() as folder:
        _install(series, machine, Path(folder), builder)
        return dict(_files(Path(folder)))


def command(series: str, machine: str, folder: Path) -> list[str]:
    """Return the pip command that installs the packages for another Python and machine into a
    folder.
    """
    platforms = [f"--platform=manylinux_{glibc}_{machine}" for glibc in reversed(_GLIBC)]
    pins = [f"{name}=={version}" for name, version in pinned(series).items()]
    return [
        *_pip(), "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps",
        "--no-compile", "--only-binary=:all:", "--implementation=cp", f"--python-version={series}",
        *platforms, f"--target={folder}", *pins,
    ]  # fmt: skip


def _pip() -> list[str]:
    """Return the command that runs pip on this machine. Raise EngineError if there is none."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    for name in ("pip3", "pip"):
        if found := shutil.which(name):
            return [found]
    raise EngineError(
        "client images with libraries need pip, which is not installed",
        hint=f"install it ({sys.executable} -m ensurepip, or apt-get install python3-pip); "
        "attempts without `requires` do without: choose them with --attempt",
    )


def _install(series: str, machine: str, folder: Path, builder: Builder) -> None:
    """Run pip to install the pinned packages into a folder. Raise EngineError if it fails."""
    with tempfile.TemporaryFile() as said:
        running = sessions.start(command(series, machine, folder), stdout=said, stderr=said)
        with running as process:
            try:
                status = builder.interruption.wait_for(process, limit_s=_LIMIT_S)
            except subprocess.TimeoutExpired:
                raise EngineError(f"pip took more than {_LIMIT_S} s", hint=_HINT) from None
        builder.interruption.check()
        if status:
            said.seek(0)
            reason = _reason(said.read().decode("utf-8", "replace"), status)
            raise EngineError(
                f"pip could not get the packages for Python {series}: {reason}", hint=_HINT
            )


def _reason(said: str, status: int) -> str:
    """Return pip's last error, which sums up the earlier ones."""
    errors = [line[6:].strip() for line in said.splitlines() if line.startswith("ERROR:")]
    return errors[-1] if errors else f"exit status {status}"


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Read all files of a folder but the scripts, and yield them with their paths in it."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and inside.parts[0] != "bin":
            yield inside.as_posix(), path.read_bytes()
