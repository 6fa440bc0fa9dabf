from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from labctl.engine.images import content, packages, parse_name
from labctl.engine.images.content import archive, context, digest, fingerprint, nft_context
from labctl.load.bundled import bundled_folder


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of what goes into images: `compose`, `probe` and `services` below this folder."""
    shutil.copytree(bundled_folder("compose"), tmp_path / "compose")
    for program in ("probe", "services"):
        (tmp_path / program).mkdir()
        (tmp_path / program / "__main__.py").write_text("print()\n")
    monkeypatch.setattr(content, "bundled_folder", lambda name: tmp_path / name)
    monkeypatch.setattr(content, "_PACKAGE", tmp_path)
    fingerprint.cache_clear()
    yield tmp_path
    fingerprint.cache_clear()


@pytest.mark.parametrize(
    "file",
    ["compose/images/libs/pins.txt", "compose/images/libs/Dockerfile",
     "engine/images/libraries.py"],
)  # fmt: skip
def test_what_makes_an_image_with_libraries_stale(
    copy: Path, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (copy / "engine" / "images").mkdir(parents=True)
    (copy / "engine" / "images" / "libraries.py").touch()
    monkeypatch.setattr("labctl.engine.images.libraries.bundled_folder", lambda name: copy / name)
    before = fingerprint("libs")
    with (copy / file).open("a") as changed:
        changed.write("# changed\n")
    fingerprint.cache_clear()
    assert fingerprint("libs") != before


def prints() -> tuple[str, str]:
    fingerprint.cache_clear()
    return fingerprint("client"), fingerprint("lab")


@pytest.mark.parametrize(
    ("file", "client", "lab"),
    [
        ("probe/__main__.py", True, False),
        ("probe/deep/er.py", True, False),
        ("services/new.py", False, True),
        ("compose/lab.yaml", False, False),
        ("compose/images/prepare.py", True, True),
        ("compose/images/etc/nsswitch.conf", True, True),
        ("compose/images/client/Dockerfile", True, False),
        ("compose/images/lab/Dockerfile", False, True),
        ("probe/__pycache__/x.pyc", False, False),
    ],
)
def test_what_goes_in_makes_an_image_stale(copy: Path, file: str, client: bool, lab: bool) -> None:
    before = prints()
    path = copy / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((path.read_bytes() if path.exists() else b"") + b"# changed\n")
    after = prints()
    assert (before[0] != after[0], before[1] != after[1]) == (client, lab)


def test_the_versions_of_packages_make_the_lab_image_stale(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert copy.is_dir()
    before = prints()
    monkeypatch.setattr(packages, "versions", lambda _: ("dnspython==99",))
    after = prints()
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_the_names_in_certificates_make_the_lab_image_stale(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert copy.is_dir()
    before = prints()
    monkeypatch.setattr(content, "HOSTS", ("new.lab",))
    after = prints()
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_a_digest_tells_names_from_contents() -> None:
    assert digest({"a": b"bc"}) != digest({"ab": b"c"})
    assert digest({"a": b"b", "c": b"d"}) == digest({"c": b"d", "a": b"b"})


def members(tar: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        return {member.name: member for member in opened}


def test_a_context_for_clients() -> None:
    found = members(context(parse_name("labctl/client:3.9"), "/usr/bin/python3.9"))
    link = found["root/labctl/python"]
    assert link.issym()
    assert link.linkname == "/usr/bin/python3.9"
    assert {"Dockerfile", "root/labctl/prepare.py", "root/etc/passwd"} <= set(found)
    assert "root/labctl/probe/__main__.py" in found
    assert not any("services" in name or "/lib/" in name for name in found)


def test_a_context_for_the_lab() -> None:
    found = members(context(parse_name("labctl/lab"), "/usr/bin/python3.13"))
    modules = {"dns", "aiosmtpd", "attr", "attrs", "public", "yaml"}
    assert {f"root/labctl/lib/{name}/__init__.py" for name in modules} <= set(found)
    assert "root/labctl/services/__main__.py" in found
    assert "root/labctl/services/__init__.py" in found
    assert not any("probe" in name for name in found)


def test_archives_are_the_same_each_time_and_readable_by_all() -> None:
    files = {"b/c.py": b"x", "a": b""}
    assert archive(files) == archive(dict(reversed(files.items())))
    found = members(archive(files))
    assert list(found) == ["b", "a", "b/c.py"]
    assert {name: entry.mode for name, entry in found.items()} == {
        "b": 0o755, "a": 0o644, "b/c.py": 0o644,
    }  # fmt: skip
    assert {(entry.uid, entry.gid, entry.mtime) for entry in found.values()} == {(0, 0, 0)}


def test_the_context_that_adds_nft() -> None:
    assert list(members(nft_context())) == ["Dockerfile"]
