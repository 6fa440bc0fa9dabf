"""The pinned packages, and pip: a program of a test's own in its place."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from labctl.engine.images import libraries
from labctl.engine.images.libraries import command, fetch, pinned, pins_file
from labctl.errors import EngineError
from labctl.model.libraries import libraries as client_libraries
from labctl.pythons import SERIES
from tests.unit.images.fakes import FakeClient, builder

INSTALLS = """
import pathlib, sys
folder = pathlib.Path(next(a for a in sys.argv if a.startswith("--target=")).partition("=")[2])
for name in ("httpx/__init__.py", "httpx/deep/x.so", "bin/httpx"):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(name)
"""
FAILS = "print('WARNING: so'); print('ERROR: first'); print('ERROR: no such version'); exit(1)"


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A program that labctl takes for pip."""
    program = tmp_path / "pip.py"
    monkeypatch.setattr(libraries, "_pip", lambda: [sys.executable, str(program)])
    return program


@pytest.mark.parametrize("series", SERIES)
def test_every_python_has_every_library(series: str) -> None:
    distributions = {one.distribution for one in client_libraries().values() if one.distribution}
    assert distributions <= set(pinned(series))


def test_a_marker_decides_for_which_python_a_pin_is() -> None:
    assert "exceptiongroup" in pinned("3.10")
    assert "exceptiongroup" not in pinned("3.11")
    assert pinned("3.9")["aiohttp"] != pinned("3.10")["aiohttp"]


@pytest.mark.parametrize("series", SERIES)
def test_a_package_has_one_version_for_a_python(
    series: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A second pin that fits would hide the first."""
    lines = pins_file().read_text("utf-8").splitlines()
    pin = re.compile(r"[a-z0-9-]+==[0-9.]+(?:; python_version (?:<|>=) \"3\.\d+\")?")
    single: list[str] = []
    copy = tmp_path / "images" / "libs" / "pins.txt"
    copy.parent.mkdir(parents=True)
    monkeypatch.setattr(libraries, "bundled_folder", lambda _: tmp_path)
    for line in lines:
        if line and not line.startswith("#"):
            assert pin.fullmatch(line), line
            copy.write_text(line)
            single += pinned(series)
    assert len(single) == len(set(single))


def test_pip_is_told_for_what_and_may_run_nothing_of_theirs(tmp_path: Path) -> None:
    said = command("3.9", "aarch64", tmp_path)
    assert "--python-version=3.9" in said
    assert "--platform=manylinux_2_17_aarch64" in said
    assert {"--only-binary=:all:", "--no-deps", f"--target={tmp_path}"} <= set(said)
    assert "requests==2.32.5" in said
    assert "://" not in "".join(said)


def test_what_was_installed_goes_in_but_for_scripts(pip: Path) -> None:
    pip.write_text(INSTALLS, "utf-8")
    assert fetch("3.13", builder(FakeClient())) == {
        "httpx/__init__.py": b"httpx/__init__.py", "httpx/deep/x.so": b"httpx/deep/x.so",
    }  # fmt: skip


def test_a_pip_that_fails_says_why_and_what_to_do(pip: Path) -> None:
    pip.write_text(FAILS, "utf-8")
    with pytest.raises(EngineError) as caught:
        fetch("3.13", builder(FakeClient()))
    assert str(caught.value) == "pip could not get the packages for Python 3.13: no such version"
    assert "--attempt" in caught.value.hint


def test_a_pip_that_fails_without_a_word(pip: Path) -> None:
    pip.write_text("exit(7)", "utf-8")
    with pytest.raises(EngineError, match=r"for Python 3\.13: exit status 7"):
        fetch("3.13", builder(FakeClient()))


def test_a_pip_that_takes_too_long(pip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip.write_text("import time; time.sleep(60)", "utf-8")
    monkeypatch.setattr(libraries, "_LIMIT_S", 0)
    with pytest.raises(EngineError, match="pip took more than 0 s"):
        fetch("3.13", builder(FakeClient()))


def test_without_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(EngineError) as caught:
        fetch("3.13", builder(FakeClient()))
    assert str(caught.value) == "client images with libraries need pip, which is not installed"
    assert "ensurepip" in caught.value.hint


def test_a_pip_beside_labctl_does_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    assert command("3.13", "x86_64", tmp_path)[0] == "/usr/bin/pip3"


def test_an_engine_that_there_are_no_packages_for(monkeypatch: pytest.MonkeyPatch) -> None:
    made = builder(FakeClient())
    monkeypatch.setattr(made, "architecture", lambda: "riscv64")
    with pytest.raises(EngineError, match="no packages for an engine on riscv64"):
        fetch("3.13", made)
