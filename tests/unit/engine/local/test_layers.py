"""Layers on top of one another: what hides what, what gives way, and nothing leaves the root."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from labctl.engine.local.roots import add_mount_points
from labctl.engine.local.unpack import unpack_layer
from labctl.engine.runtime import Refusal
from tests.unit.engine.local.saved import (
    Entry,
    file,
    folder,
    hard_link,
    link,
    sha,
    tar,
    whiteout,
)

OPAQUE = ".wh..wh..opq"
ENDLESS = 5000


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder of the host's, with a file in it."""
    place = tmp_path / "outside"
    place.mkdir(mode=0o700)
    (place / "file").write_text("host", "utf-8")
    return place


def put(root: Path, *layers: tuple[Entry, ...]) -> None:
    for entries in layers:
        unpack_layer([tar(*entries)], root)


def names(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def mode_of(path: Path) -> int:
    return path.lstat().st_mode & 0o7777


def test_a_layer_has_the_digest_of_its_archive(root: Path) -> None:
    data = tar(file("a"))
    assert unpack_layer([data[:100], data[100:]], root) == sha(data)


def test_a_whiteout_hides_a_file_a_link_or_a_folder(root: Path, outside: Path) -> None:
    below = (file("a/file"), link("a/link", outside), file("a/folder/file"), file("a/stays"))
    put(root, below, (whiteout("a/.wh.file"), whiteout("a/.wh.link"), whiteout("a/.wh.folder")))
    assert names(root) == ["a", "a/stays"]
    assert names(outside) == ["file"]


def test_a_whiteout_of_nothing_hides_nothing(root: Path) -> None:
    put(root, (file("a"),), (whiteout(".wh.b"), whiteout("c/.wh.d"), whiteout(f"c/{OPAQUE}")))
    assert names(root) == ["a"]


@pytest.mark.parametrize("is_last", [False, True])
def test_an_opaque_folder_hides_what_other_layers_have_there(root: Path, is_last: bool) -> None:
    below = (file("a/old"), file("a/b/old"), file("c"))
    own = (folder("a"), file("a/new"), file("a/b/new"))
    hides = whiteout(f"a/{OPAQUE}")
    put(root, below, (*own, hides) if is_last else (hides, *own))
    assert names(root) == ["a", "a/b", "a/b/new", "a/new", "c"]


@pytest.mark.parametrize("is_last", [False, True])
def test_a_whiteout_leaves_what_its_own_layer_has_made(root: Path, is_last: bool) -> None:
    own, hides = (file("a/new"),), whiteout(".wh.a")
    put(root, (file("a/old"),), (*own, hides) if is_last else (hides, *own))
    assert names(root) == ["a", "a/new"]


def test_the_whole_root_can_be_hidden(root: Path) -> None:
    put(root, (file("a"), file("b/c")), (whiteout(OPAQUE), file("d")))
    assert names(root) == ["d"]


@pytest.mark.parametrize(
    "name", [".wh.", ".wh..", ".wh...", "a/.wh..", "a/.wh...", "../.wh.outside"]
)
def test_a_whiteout_outside_is_refused(root: Path, outside: Path, name: str) -> None:
    put(root, (file("a/b"),))
    with pytest.raises(Refusal, match="outside of its root"):
        put(root, (whiteout(name),))
    assert names(root) == ["a", "a/b"]
    assert names(outside) == ["file"]


@pytest.mark.parametrize("name", [".wh.file", OPAQUE])
def test_a_whiteout_behind_a_link_stays_inside(root: Path, outside: Path, name: str) -> None:
    put(root, (link("a", outside), file(f"{outside}/file")), (whiteout(f"a/{name}"),))
    assert names(outside) == ["file"]
    assert not (root / str(outside)[1:] / "file").exists()


def test_notes_of_aufs_are_left_out(root: Path) -> None:
    put(root, (whiteout(".wh..wh.aufs"), file("a")))
    assert names(root) == ["a"]


def test_a_folder_replaces_a_file_or_a_link(root: Path, outside: Path) -> None:
    put(root, (file("a"), link("b", outside)), (folder("a"), file("a/x"), folder("b", 0o777)))
    assert (root / "a/x").is_file()
    assert (root / "b").is_dir()
    assert not (root / "b").is_symlink()
    assert mode_of(outside) == 0o700


def test_a_file_below_a_file_makes_a_folder_of_it(root: Path) -> None:
    put(root, (file("a"),), (file("a/b/c"),))
    assert names(root) == ["a", "a/b", "a/b/c"]


def test_a_file_or_a_link_replaces_a_folder(root: Path) -> None:
    put(root, (file("a/x"), file("b/x")), (file("a", b"new"), link("b", "a")))
    assert names(root) == ["a", "b"]
    assert (root / "a").read_bytes() == b"new"
    assert (root / "b").is_symlink()


def test_a_folder_joins_a_folder_and_has_the_last_mode(root: Path) -> None:
    put(root, (folder("a", 0o700), file("a/x")), (folder("a", 0o1777), file("a/y")))
    assert names(root) == ["a", "a/x", "a/y"]
    assert mode_of(root / "a") == 0o1777


def test_a_hard_link_to_a_file_of_another_layer(root: Path) -> None:
    put(root, (file("a", b"one"),), (hard_link("b", "a"),))
    assert (root / "a").samefile(root / "b")


def test_a_file_that_is_replaced_leaves_its_other_names(root: Path) -> None:
    put(root, (file("a", b"1"), hard_link("b", "a")), (file("a", b"2"),))
    assert ((root / "a").read_bytes(), (root / "b").read_bytes()) == (b"2", b"1")


@pytest.mark.parametrize(
    "entries",
    [
        (hard_link("a", "a"),),
        (hard_link("a", "no/such"),),
        (folder("a"), hard_link("b", "a")),
        (link("a", "b"), link("b", "a"), file("a/x")),
        (file("x" * 300),),
        (link("a", ""),),
    ],
    ids=["itself", "nothing", "a folder", "a circle", "a long name", "an empty link"],
)
def test_an_entry_that_cannot_be_is_refused(root: Path, entries: tuple[Entry, ...]) -> None:
    with pytest.raises(Refusal, match=r"the layer's entry '.*' can't be"):
        put(root, entries)


@pytest.mark.parametrize("goal", ["../outside/file", "/../outside/file"])
def test_a_hard_link_to_the_outside_is_refused(root: Path, outside: Path, goal: str) -> None:
    with pytest.raises(Refusal, match="outside of its root"):
        put(root, (hard_link("a", goal),))
    assert (outside / "file").stat().st_nlink == 1


@pytest.mark.parametrize("name", ["/", ".", "./"])
def test_only_a_folder_can_be_the_root(root: Path, outside: Path, name: str) -> None:
    put(root, (file("a"),))
    with pytest.raises(Refusal, match="no folder as its root"):
        put(root, (link(name, outside),))
    assert names(root) == ["a"]


def test_modes_of_folders_do_not_leave_the_root(root: Path, outside: Path) -> None:
    """One that becomes a link, or is below one, when its mode is still to be set."""
    (outside / "b").mkdir(mode=0o700)
    put(root, (folder("a", 0o777), folder("a/b", 0o777)), ())
    put(root, (folder("a", 0o777), folder("a/b", 0o777), link("a", outside)))
    assert (mode_of(outside), mode_of(outside / "b")) == (0o700, 0o700)


def test_no_program_runs_as_its_owner_on_the_host(root: Path) -> None:
    put(root, (file("su", mode=0o6755), hard_link("too", "su"), folder("mail", 0o2775)))
    assert mode_of(root / "su") == 0o755
    assert mode_of(root / "mail") == 0o2775


def test_whatever_the_umask_others_can_enter_folders_without_an_entry(root: Path) -> None:
    before = os.umask(0o077)
    try:
        put(root, (file("a/b/c"),))
    finally:
        os.umask(before)
    assert [mode_of(root / name) for name in ("a", "a/b", "a/b/c")] == [0o755, 0o755, 0o644]


def test_folders_do_not_go_down_without_end(root: Path) -> None:
    with pytest.raises(Refusal, match="more than 200 folders inside one another"):
        put(root, (file("a/" * 300 + "x"),))
    entries = [folder("a/" * 150), link("b", "a/" * 150), file("b/" + "c/" * 100 + "x")]
    with pytest.raises(Refusal, match="more than 200 folders inside one another"):
        put(root, (*entries,))


def test_headers_without_end_are_refused(root: Path) -> None:
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 0
    with pytest.raises(Refusal, match="a layer is no tar archive"):
        unpack_layer([header.tobuf(tarfile.GNU_FORMAT) * ENDLESS], root)


@pytest.mark.parametrize("key", ["mtime", "path", "uid", "gid"])
@pytest.mark.parametrize("value", ["nan", "1e400", "9" * 30, "a\0b"])
def test_values_that_cannot_be_end_in_a_refusal_or_nowhere(
    root: Path, key: str, value: str
) -> None:
    info, content = file("a")
    info.pax_headers = {key: value}
    try:
        put(root, ((info, content),))
    except Refusal:
        return
    assert len(names(root)) == 1


@pytest.mark.parametrize("goal", ["{outside}", "file", "etc", "usr", "../../outside"])
def test_what_labs_mount_on_is_made_inside(root: Path, outside: Path, goal: str) -> None:
    """The warden mounts on /proc and its like as they are, so these are no links."""
    top = ("dev", "proc", "sys", "tmp", "etc")
    links = (link(name, goal.format(outside=outside)) for name in top)
    put(root, (folder("usr"), *links))
    add_mount_points(root)
    assert names(outside) == ["file"]
    for name in ("dev", "proc", "sys"):
        assert (root / name).is_dir()
        assert not (root / name).is_symlink()
    assert mode_of(outside) == 0o700


def test_files_in_the_place_of_what_labs_mount_on_give_way(root: Path) -> None:
    put(root, tuple(file(name) for name in ("dev", "proc", "sys", "tmp", "etc")))
    add_mount_points(root)
    assert names(root) == [
        "dev", "etc", "etc/hostname", "etc/hosts", "etc/resolv.conf", "proc", "sys", "tmp",
    ]  # fmt: skip


def test_what_an_image_has_for_labs_to_mount_on_stays(root: Path) -> None:
    own = (link("tmp", "var/tmp"), folder("var/tmp", 0o1777), file("etc/hosts", b"own"))
    put(root, (*own, link("etc/resolv.conf", "../run/resolv.conf"), folder("dev", 0o700)))
    add_mount_points(root)
    assert (root / "tmp").is_symlink()
    assert (root / "etc/hosts").read_bytes() == b"own"
    assert not (root / "run").exists()
    assert mode_of(root / "dev") == 0o700
