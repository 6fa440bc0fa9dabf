from __future__ import annotations

import json
import os
import platform
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from labctl.engine.images.interpreters import Unusable, candidates, describe, find
from tests.unit.nobody import as_nobody, let_everybody_enter


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(0o755)
    return path


def python(
    path: Path, version: str, missing: list[str], *, implementation: str = "cpython"
) -> Path:
    said = {
        "implementation": implementation, "version": version, "executable": str(path),
        "library": ["/lib/python", "/lib/python"], "missing": missing,
    }  # fmt: skip
    return script(path, f"cat <<'END'\n{json.dumps(said)}\nEND")


def test_where_interpreters_are_looked_for_and_in_which_order(tmp_path: Path) -> None:
    for folder in ("3.12.1", "3.12.10", "3.12.9", "3.1.2", "3.12-dev", "3.120.1"):
        (tmp_path / ".pyenv/versions" / folder).mkdir(parents=True)
    for folder in (
        "cpython-3.12.4-linux-x86_64-gnu", "cpython-3.12.4-windows-x86_64-none",
        "cpython-3.13.1-linux-x86_64-gnu", "pypy-3.12.1-linux-x86_64-gnu",
    ):  # fmt: skip
        (tmp_path / ".local/share/uv/python" / folder).mkdir(parents=True)
    *found, own = candidates("3.12", {}, tmp_path, tmp_path)
    assert own == Path(sys.base_prefix, "bin", "python3.12")
    assert [str(path.relative_to(tmp_path)) for path in found] == [
        ".pyenv/versions/3.12.10/bin/python3.12",
        ".pyenv/versions/3.12.9/bin/python3.12",
        ".pyenv/versions/3.12.1/bin/python3.12",
        ".local/share/uv/python/cpython-3.12.4-linux-x86_64-gnu/bin/python3.12",
        "usr/local/bin/python3.12",
        "usr/bin/python3.12",
    ]


def test_the_environment_says_where_pyenv_and_uv_keep_theirs(tmp_path: Path) -> None:
    (tmp_path / "p/versions/3.12.1").mkdir(parents=True)
    (tmp_path / "u/cpython-3.12.4-linux-aarch64-gnu").mkdir(parents=True)
    (tmp_path / "d/uv/python/cpython-3.12.5-linux-aarch64-gnu").mkdir(parents=True)
    home = tmp_path / "home"

    def places(**environment: Path) -> list[str]:
        found = candidates("3.12", {k: str(v) for k, v in environment.items()}, home)
        return [path.parts[-3] for path in found if path.is_relative_to(tmp_path)]

    both = places(PYENV_ROOT=tmp_path / "p", UV_PYTHON_INSTALL_DIR=tmp_path / "u")
    assert both == ["3.12.1", "cpython-3.12.4-linux-aarch64-gnu"]
    assert places(XDG_DATA_HOME=tmp_path / "d") == ["cpython-3.12.5-linux-aarch64-gnu"]


def test_what_an_interpreter_says_of_itself(tmp_path: Path) -> None:
    found = describe(python(tmp_path / "python3.12", "3.12.7", []))
    assert (found.version, found.library) == ("3.12.7", (Path("/lib/python"),))


@pytest.mark.parametrize("text", ["exit 1", "echo nonsense"])
def test_an_interpreter_that_does_not_run(tmp_path: Path, text: str) -> None:
    with pytest.raises(Unusable, match=f"^{tmp_path}/python3.12 does not run "):
        describe(script(tmp_path / "python3.12", text))


def test_the_first_interpreter_of_use_is_taken(tmp_path: Path) -> None:
    versions = tmp_path / ".pyenv/versions"
    python(versions / "3.9.3/bin/python3.9", "3.9.3", ["ssl (libssl.so.1.1: not found)"])
    python(versions / "3.9.2/bin/python3.9", "3.9.2", [])
    assert find("3.9", {}, tmp_path).version == "3.9.2"


def test_an_interpreter_that_is_not_cpython_is_left_out(tmp_path: Path) -> None:
    versions = tmp_path / ".pyenv/versions"
    other = python(versions / "3.9.19/bin/python3.9", "3.9.19", [], implementation="pypy")
    with pytest.raises(Unusable) as caught:
        describe(other)
    assert str(caught.value) == f"{other} is pypy, and not cpython"
    python(versions / "3.9.2/bin/python3.9", "3.9.2", [])
    assert find("3.9", {}, tmp_path).version == "3.9.2"


def test_the_interpreter_of_this_test_says_what_it_is() -> None:
    own = Path(sys.base_prefix, "bin", f"python{sys.version_info[0]}.{sys.version_info[1]}")
    assert describe(own).version == platform.python_version()


def test_why_no_interpreter_is_of_use(tmp_path: Path) -> None:
    bad = tmp_path / ".pyenv/versions/3.7.3/bin/python3.7"
    python(bad, "3.7.3", ["ssl (libssl.so.1.1: not found)", "zlib (no)"])
    with pytest.raises(Unusable) as caught:
        find("3.7", {}, tmp_path)
    assert str(caught.value) == (f"{bad} cannot import ssl (libssl.so.1.1: not found), zlib (no)")


def test_no_interpreter_at_all(tmp_path: Path) -> None:
    with pytest.raises(Unusable) as caught:
        find("3.99", {}, tmp_path)
    assert str(caught.value) == "no Python 3.99 in pyenv, uv, /usr/local/bin or /usr/bin"


@pytest.mark.parametrize("closed", ["pyenv", "pyenv/versions", "pyenv/versions/3.99.1"])
def test_a_folder_that_this_user_may_not_read_has_none(tmp_path: Path, closed: str) -> None:
    """Such as root's own pyenv, where PYENV_ROOT is set for everybody."""
    user: AbstractContextManager[None] = nullcontext()
    if os.geteuid() == 0:
        let_everybody_enter(tmp_path)
        user = as_nobody()
    python(tmp_path / "pyenv/versions/3.99.1/bin/python3.99", "3.99.1", [])
    (tmp_path / closed).chmod(0)
    try:
        with user, pytest.raises(Unusable, match=r"^no Python 3\.99 in pyenv, "):
            find("3.99", {"PYENV_ROOT": str(tmp_path / "pyenv")}, tmp_path / "home")
    finally:
        (tmp_path / closed).chmod(0o755)
