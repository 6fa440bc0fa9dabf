"""Where a path of a program's tree is, and the options of its file systems in memory."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from labctl.warden.syscalls import MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY
from labctl.warden.tree import inside, tmpfs_options

USUAL = MS_NOSUID | MS_NODEV | MS_NOEXEC


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tree in which some things are, and some are links."""
    tree = tmp_path / "tree"
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "usr/bin/sh").touch()
    (tmp_path / "secret").touch()
    links = {
        "bin": "usr/bin",
        "absolute": "/usr",
        "usr/up": "..",
        "usr/far-up": "../../../../../secret",
        "usr/absolute": "/usr/bin",
        "out": f"{tmp_path}/secret",
        "one": "two",
        "two": "./usr/../one-more//",
        "one-more": "/usr/bin/",
        "host": "/etc",
        "missing": "not/there",
        "circle": "circle/x",
        "ping": "/pong",
        "pong": "usr/../ping",
    }
    for name, goal in links.items():
        (tree / name).symlink_to(goal)
    return tree


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", ""),
        ("/", ""),
        (".", ""),
        ("usr/bin/sh", "/usr/bin/sh"),
        ("//usr/./bin//sh/", "/usr/bin/sh"),
        ("/etc/hosts", "/etc/hosts"),
        ("/no/such/folder", "/no/such/folder"),
        ("usr/bin/sh/below/a/file", "/usr/bin/sh/below/a/file"),
    ],
)
def test_what_is_no_link_is_where_it_says(root: Path, path: str, found: str) -> None:
    assert inside(str(root), path) == f"{root}{found}"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("..", ""),
        ("/../../..", ""),
        ("../../secret", "/secret"),
        ("usr/../etc", "/etc"),
        ("usr/bin/../../../etc", "/etc"),
        ("no/../etc", "/etc"),
    ],
)
def test_nothing_is_above_the_root(root: Path, path: str, found: str) -> None:
    assert inside(str(root), path) == f"{root}{found}"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("bin", "/usr/bin"),
        ("/bin/sh", "/usr/bin/sh"),
        ("absolute/bin/sh", "/usr/bin/sh"),
        ("usr/bin/../up/bin/sh", "/usr/bin/sh"),
        ("usr/absolute/sh", "/usr/bin/sh"),
        ("one/sh", "/usr/bin/sh"),
        ("host/passwd", "/etc/passwd"),
        ("missing/file", "/not/there/file"),
        ("usr/far-up", "/secret"),
        ("usr/up/up/usr", "/up/usr"),
    ],
)
def test_links_are_followed_inside_the_tree(root: Path, path: str, found: str) -> None:
    assert inside(str(root), path) == f"{root}{found}"


def test_above_a_link_is_above_its_goal(root: Path) -> None:
    """As the kernel has it, and not as the path is written."""
    assert inside(str(root), "bin/../lib") == f"{root}/usr/lib"
    assert inside(str(root), "usr/up/..") == str(root)


def test_the_tree_may_be_behind_a_link_itself(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    assert inside(f"{tmp_path}/link", "bin") == f"{tmp_path}/link/usr/bin"


def test_the_path_of_a_link_of_the_host_is_one_in_the_tree(root: Path, tmp_path: Path) -> None:
    assert inside(str(root), "out") == f"{root}{tmp_path}/secret"


@pytest.mark.parametrize("path", ["circle", "ping", "pong/x", "bin/../../ping"])
def test_circles_end(root: Path, path: str) -> None:
    with pytest.raises(OSError, match="Too many levels") as caught:
        inside(str(root), path)
    assert (caught.value.errno, caught.value.filename) == (errno.ELOOP, path)


def test_there_may_be_as_many_links_as_the_kernel_follows(tmp_path: Path) -> None:
    for number in range(41):
        (tmp_path / f"{number}").symlink_to(f"{number + 1}")
    assert inside(str(tmp_path), "1") == f"{tmp_path}/41"
    with pytest.raises(OSError, match="Too many levels"):
        inside(str(tmp_path), "0")


@pytest.mark.parametrize(
    ("options", "flags", "rest"),
    [
        ("", USUAL, ""),
        ("size=1m,mode=1777", USUAL, "size=1m,mode=1777"),
        ("exec", MS_NOSUID | MS_NODEV, ""),
        ("exec,noexec", USUAL, ""),
        ("noexec,exec,size=1m", MS_NOSUID | MS_NODEV, "size=1m"),
        ("suid,dev,exec", 0, ""),
        ("ro", USUAL | MS_RDONLY, ""),
        ("ro,rw", USUAL, ""),
        ("uid=1,,nosuid,gid=2,", USUAL, "uid=1,gid=2"),
    ],
)
def test_options_of_file_systems_in_memory(options: str, flags: int, rest: str) -> None:
    assert tmpfs_options(options) == (flags, rest)
