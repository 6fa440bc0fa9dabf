from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path, PurePosixPath
from typing import Any, cast

import pytest

from labctl.engine.images import packages
from labctl.errors import EngineError


class Package:
    """A package as importlib.metadata tells of it."""

    version = "1.0"

    def __init__(self, name: str, requires: Sequence[str] = (), files: Sequence[str] = ()) -> None:
        self.name = name
        self.requires = list(requires) or None
        self.files = [File(file) for file in files]

    @property
    def real(self) -> Distribution:
        return cast("Distribution", self)


class File(PurePosixPath):
    """A file of a package; its content is its name."""

    def read_binary(self) -> bytes:
        return str(self).encode()


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> dict[str, Package]:
    known: dict[str, Package] = {}

    def find(name: str) -> Any:
        if name not in known:
            raise PackageNotFoundError(name)
        return known[name]

    monkeypatch.setattr(packages, "distribution", find)
    return known


def add(known: dict[str, Package], *new: Package) -> None:
    known.update({package.name: package for package in new})


def test_what_packages_need_comes_along(installed: dict[str, Package]) -> None:
    add(
        installed,
        Package(
            "aiosmtpd",
            [
                "Deep.Down >=1",
                "only-old; python_version < '3.13'",
                "only-windows; sys_platform == 'win32'",
                "only-extra; extra == 'dev'",
            ],
        ),
        Package("dnspython", ["deep-down"]),
        Package("deep-down", ["deeper"]),
        Package("deeper", ["aiosmtpd"]),
        Package("pyyaml"),
    )
    assert packages.versions(packages.closure()) == (
        "aiosmtpd==1.0", "deep-down==1.0", "deeper==1.0", "dnspython==1.0",
        "pyyaml==1.0",
    )  # fmt: skip


def test_a_package_that_is_not_installed(installed: dict[str, Package]) -> None:
    add(installed, Package("dnspython"), Package("pyyaml"))
    with pytest.raises(EngineError) as caught:
        packages.closure()
    assert str(caught.value) == (
        "the lab image needs the package aiosmtpd, which is not installed beside labctl"
    )
    assert caught.value.hint


def test_modules_alone_are_taken() -> None:
    package = Package(
        "some",
        files=[
            "some/__init__.py", "some/sub/mod.py", "some/tests/test_mod.py", "some/mod.pyi",
            "some/__pycache__/mod.cpython-313.pyc", "some-1.0.dist-info/RECORD", "../../bin/a.py",
        ],
    )  # fmt: skip
    assert packages.modules((package.real,)) == {
        "some/__init__.py": b"some/__init__.py",
        "some/sub/mod.py": b"some/sub/mod.py",
    }


def test_compiled_packages_are_refused() -> None:
    package = Package("fast", files=["fast/speed.cpython-311-x86_64-linux-gnu.so"])
    with pytest.raises(EngineError, match="pure Python packages only, and fast has fast/speed"):
        packages.modules((package.real,))


def test_but_for_one_that_does_without_its_compiled_part() -> None:
    package = Package("PyYAML", files=["yaml/__init__.py", "yaml/_yaml.cpython-311.so"])
    assert list(packages.modules((package.real,))) == ["yaml/__init__.py"]


def test_the_real_ones_are_all_there() -> None:
    names = {Path(path).parts[0] for path in packages.modules(packages.closure())}
    assert {"aiosmtpd", "attr", "attrs", "dns", "public", "yaml"} <= names
