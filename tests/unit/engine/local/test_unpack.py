"""What becomes of an archive: the files that are in it, and nothing outside of its folder."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import tarfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from labctl.engine.local.unpack import place_of, unpack
from labctl.engine.runtime import Refusal
from tests.unit.nobody import NOBODY, as_nobody, let_everybody_enter

TIME = 1_000_000_000
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for owners and devices")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder of the host's, with a file in it."""
    folder = tmp_path / "outside"
    folder.mkdir(mode=0o700)
    (folder / "passwd").write_text("host", "utf-8")
    return folder


class Entry(tarfile.TarInfo):
    """An entry of an archive, and its content."""

    def __init__(
        self, name: str, content: bytes = b"", *, mode: int = 0o644, owner: tuple[int, int] = (0, 0)
    ) -> None:
        super().__init__(name)
        self.content = content
        self.size = len(content)
        self.mode = mode
        self.mtime = TIME
        self.uid, self.gid = owner


def folder(name: str, mode: int = 0o755, owner: tuple[int, int] = (0, 0)) -> Entry:
    made = Entry(name, mode=mode, owner=owner)
    made.type = tarfile.DIRTYPE
    return made


def link(name: str, goal: str | Path, owner: tuple[int, int] = (0, 0)) -> Entry:
    made = Entry(name, mode=0o777, owner=owner)
    made.type = tarfile.SYMTYPE
    made.linkname = str(goal)
    return made


def hard_link(name: str, goal: str) -> Entry:
    made = Entry(name)
    made.type = tarfile.LNKTYPE
    made.linkname = goal
    return made


def device(name: str, kind: bytes) -> Entry:
    made = Entry(name)
    made.type = kind
    made.devmajor, made.devminor = 1, 3
    return made


def archive(*entries: Entry) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for entry in entries:
            tar.addfile(entry, io.BytesIO(entry.content))
    return buffer.getvalue()


def pieces(data: bytes, size: int) -> Iterable[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def names(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_files_have_their_content_mode_and_time(root: Path) -> None:
    unpack([archive(Entry("usr/bin/tool", b"program", mode=0o755), Entry("empty"))], root)
    tool = root / "usr/bin/tool"
    assert tool.read_bytes() == b"program"
    assert (mode_of(tool), tool.stat().st_mtime) == (0o755, TIME)
    assert (root / "empty").read_bytes() == b""
    assert names(root) == ["empty", "usr", "usr/bin", "usr/bin/tool"]


@pytest.mark.parametrize("size", [1, 511, 4096, 10**6])
def test_the_digest_is_that_of_the_archive_as_it_came(root: Path, size: int) -> None:
    data = archive(Entry("one", b"x" * 700), Entry("two", b"yy"), folder("three"))
    digest = hashlib.sha256(data).hexdigest()
    assert unpack(pieces(data, size), root) == (digest, 702)
    assert names(root) == ["one", "three", "two"]


def test_what_is_behind_the_end_of_the_archive_is_part_of_the_digest(root: Path) -> None:
    """Archives end with zeros up to some size; a base's digest is over all of them."""
    data = archive(Entry("one", b"x")) + bytes(3 << 20)
    assert unpack(pieces(data, 1 << 16), root)[0] == hashlib.sha256(data).hexdigest()


def test_empty_pieces_are_not_the_end(root: Path) -> None:
    unpack([b"", archive(Entry("one", b"x")), b""], root)
    assert names(root) == ["one"]


def test_a_folder_that_nobody_may_write_to_is_filled_first(root: Path) -> None:
    """Its owner may always change it here, so that it can be removed."""
    with_file = archive(folder("closed", 0o555), folder("closed/in", 0), Entry("closed/in/file"))
    if os.geteuid() == 0:
        let_everybody_enter(root)
        root.chmod(0o777)
        with as_nobody():
            unpack([with_file], root)
    else:
        unpack([with_file], root)
    assert names(root) == ["closed", "closed/in", "closed/in/file"]
    assert (mode_of(root / "closed"), mode_of(root / "closed/in")) == (0o755, 0o700)


def test_the_archive_says_the_mode_of_its_root(root: Path) -> None:
    unpack([archive(folder("./", 0o711), Entry("./file"))], root)
    assert mode_of(root) == 0o711
    assert names(root) == ["file"]


def test_a_folder_that_comes_again_has_its_last_mode(root: Path) -> None:
    unpack([archive(folder("a", 0o700), Entry("a/b"), folder("a", 0o1777))], root)
    assert mode_of(root / "a") == 0o1777


def test_links_are_kept_as_they_are_written(root: Path) -> None:
    unpack([archive(link("bin", "usr/bin"), link("absolute", "/etc"), link("up", "../.."))], root)
    goals = {name: str((root / name).readlink()) for name in names(root)}
    assert goals == {"bin": "usr/bin", "absolute": "/etc", "up": "../.."}


def test_hard_links_are_the_same_file(root: Path) -> None:
    unpack([archive(Entry("a/one", b"x"), hard_link("two", "a/one"))], root)
    assert (root / "two").samefile(root / "a/one")


def test_a_hard_link_to_a_link_does_not_follow_it(root: Path, outside: Path) -> None:
    unpack([archive(link("a", outside / "passwd"), hard_link("b", "a"))], root)
    assert (root / "b").readlink() == outside / "passwd"
    assert (outside / "passwd").stat().st_nlink == 1


@pytest.mark.parametrize("goal", ["../outside/passwd", "/../outside/passwd"])
def test_a_hard_link_to_the_outside_is_refused(root: Path, outside: Path, goal: str) -> None:
    with pytest.raises(Refusal, match="outside of its root"):
        unpack([archive(hard_link("a", goal))], root)
    assert (outside / "passwd").stat().st_nlink == 1


def test_a_hard_link_through_a_link_stays_inside(root: Path, outside: Path) -> None:
    entries = (link("a", outside), Entry(f"{outside}/passwd", b"ours"), hard_link("b", "a/passwd"))
    unpack([archive(*entries)], root)
    assert (root / "b").read_bytes() == b"ours"


@NEEDS_ROOT
@pytest.mark.parametrize("owner", [(0, 0), (5, 6)])
def test_setuid_and_setgid_of_files_are_kept(root: Path, owner: tuple[int, int]) -> None:
    unpack([archive(Entry("su", b"x", mode=0o6755, owner=owner), hard_link("too", "su"))], root)
    assert mode_of(root / "su") == 0o6755


@NEEDS_ROOT
def test_setgid_and_the_sticky_bit_of_folders_are_kept(root: Path) -> None:
    unpack([archive(folder("mail", 0o2775, (0, 8)), folder("tmp", 0o1777))], root)
    assert (mode_of(root / "mail"), mode_of(root / "tmp")) == (0o2775, 0o1777)


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_are_left_out(root: Path, kind: bytes) -> None:
    unpack([archive(device("dev/null", kind), Entry("after"))], root)
    assert names(root) == ["after", "dev"]


@NEEDS_ROOT
def test_root_sets_owners(root: Path) -> None:
    owner = (1234, 5678)
    entries = (folder("a", owner=owner), Entry("b", owner=owner), link("c", "b", owner))
    unpack([archive(*entries)], root)
    found = [(root / name).lstat() for name in "abc"]
    assert {(one.st_uid, one.st_gid) for one in found} == {owner}


@NEEDS_ROOT
def test_for_others_all_is_their_own(root: Path) -> None:
    let_everybody_enter(root)
    root.chmod(0o777)
    entries = (folder("a", owner=(7, 7)), Entry("a/b", b"x", mode=0, owner=(0, 0)), link("c", "b"))
    with as_nobody():
        unpack([archive(*entries)], root)
        assert (root / "a/b").read_bytes() == b"x", "its owner can read it"
    assert {path.lstat().st_uid for path in root.rglob("*")} == {NOBODY}


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/../x", "a/..", ".."])
def test_an_entry_outside_is_refused(root: Path, name: str) -> None:
    with pytest.raises(Refusal, match="outside of its root"):
        unpack([archive(Entry(name, b"x"))], root)
    assert sorted(path.name for path in root.parent.iterdir()) == ["root"]


def test_absolute_names_are_inside(root: Path, outside: Path) -> None:
    unpack([archive(Entry(f"{outside}/passwd", b"ours"), Entry("//etc/./motd", b"hi"))], root)
    assert (outside / "passwd").read_bytes() == b"host"
    assert (root / str(outside)[1:] / "passwd").read_bytes() == b"ours"
    assert (root / "etc/motd").read_bytes() == b"hi"


@pytest.mark.parametrize(
    "links",
    [
        {"a": "{outside}"},
        {"a": "b", "b": "{outside}"},
        {"a": "b/c", "b": "d", "d/c": "{outside}"},
        {"a": "/b/", "b": "../../..{outside}"},
    ],
    ids=["absolute", "chain", "in folders", "up"],
)
@pytest.mark.parametrize("has_goal", [False, True])
def test_what_is_below_a_link_lands_inside(
    root: Path, outside: Path, links: dict[str, str], has_goal: bool
) -> None:
    made = [link(name, goal.format(outside=outside)) for name, goal in links.items()]
    goal = [folder(str(outside))] if has_goal else []
    unpack([archive(*goal, *made, Entry("a/passwd", b"ours"), folder("a/new", 0o700))], root)
    assert (outside / "passwd").read_bytes() == b"host"
    assert names(outside) == ["passwd"]
    below = root / str(outside)[1:]
    assert (below / "passwd").read_bytes() == b"ours"
    assert (below / "new").is_dir()


def test_usr_merged_folders_are_one(root: Path) -> None:
    """As in Debian's images: /bin is a link, and archives have files below it."""
    unpack([archive(folder("usr/bin"), link("bin", "usr/bin"), Entry("bin/sh", b"x"))], root)
    assert names(root) == ["bin", "usr", "usr/bin", "usr/bin/sh"]


def test_links_in_a_circle_end(root: Path) -> None:
    entries = (link("a", "b"), link("b", "a"), Entry("a/x"))
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        unpack([archive(*entries)], root)
    assert names(root) == ["a", "b"]


def test_a_file_replaces_a_link_of_its_name(root: Path, outside: Path) -> None:
    unpack([archive(link("a", outside / "passwd"), Entry("a", b"ours"))], root)
    assert (outside / "passwd").read_bytes() == b"host"
    assert (root / "a").read_bytes() == b"ours"
    assert not (root / "a").is_symlink()


def test_a_file_replaces_a_file_and_leaves_its_other_names(root: Path) -> None:
    unpack([archive(Entry("a", b"1"), hard_link("b", "a"), Entry("a", b"2"))], root)
    assert ((root / "a").read_bytes(), (root / "b").read_bytes()) == (b"2", b"1")


def test_a_link_replaces_a_file_or_link_of_its_name(root: Path) -> None:
    unpack([archive(Entry("a", b"1"), link("a", "b"), link("a", "c"))], root)
    assert (root / "a").readlink() == Path("c")


def test_a_folder_of_the_name_of_a_link_leaves_the_host_alone(root: Path, outside: Path) -> None:
    unpack([archive(link("a", outside), folder("a", 0o777))], root)
    assert mode_of(outside) == 0o700


def test_garbage_is_no_archive(root: Path) -> None:
    for data in (b"", b"x", b"garbage" * 1000, b"\x1f\x8b\x08" + b"z" * 5000):
        with pytest.raises(Refusal, match=r"^the root file system is no tar archive: "):
            unpack([data], root)
    assert names(root) == []


def test_an_archive_that_breaks_off_in_a_file_is_refused(root: Path) -> None:
    data = archive(Entry("a", os.urandom(50_000)), Entry("b", b"x"))
    with pytest.raises(Refusal, match="no tar archive"):
        unpack([data[:20_000]], root)


@pytest.mark.parametrize(
    "left", [0, 200, -1], ids=["before a header", "in a header", "garbage for a header"]
)
def test_an_archive_that_breaks_off_between_files_is_refused(root: Path, left: int) -> None:
    data = archive(Entry("a", b"x"), Entry("b", b"x"))
    with pytest.raises(Refusal, match="no whole tar archive"):
        unpack([data[: 1024 + left] if left >= 0 else data[:1024] + b"z" * 4096], root)


def test_what_the_source_of_an_archive_raises_is_raised(root: Path) -> None:
    def broken() -> Iterable[bytes]:
        yield archive(Entry("a", b"x" * 5000))[:2000]
        raise ConnectionResetError("the mirror has gone")

    with pytest.raises(ConnectionResetError, match="the mirror has gone"):
        unpack(broken(), root)


@pytest.mark.parametrize("name", ["", "/", ".", "./"])
def test_the_place_of_the_root_is_the_folder(root: Path, name: str) -> None:
    assert place_of(root, name) == root


def test_whatever_the_umask_others_can_enter_folders_without_an_entry(root: Path) -> None:
    before = os.umask(0o077)
    try:
        unpack([archive(Entry("a/b", b"x"))], root)
    finally:
        os.umask(before)
    assert mode_of(root / "a") == 0o755
