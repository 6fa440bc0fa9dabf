"""Folders and files on disk: links and devices are refused, and none is ever waited for."""

from __future__ import annotations

import errno
import os
import socket
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from labctl.submissions import RefusalError, store
from labctl.submissions.names import Entry
from tests.unit.submissions.build import CLIENT, RIGHT, write
from tests.unit.submissions.test_reading import read, refusal


@pytest.fixture
def jane(tmp_path: Path) -> Path:
    write(tmp_path / "key.yaml", b"secret")
    return write(tmp_path / "jane" / CLIENT, RIGHT).parent


@pytest.mark.parametrize("to", ["../key.yaml", "client.py", "nowhere", "..", "/dev/zero"])
@pytest.mark.parametrize("name", ["answers.yaml", "x", "folder/x"])
def test_links_are_refused(name: str, to: str, jane: Path) -> None:
    (jane / name).parent.mkdir(exist_ok=True)
    (jane / name).symlink_to(to)
    assert refusal(jane) == f'"{name}" is a symbolic link: hand in the file that it leads to'


def test_a_link_among_what_is_skipped_does_not_matter(jane: Path) -> None:
    (jane / ".venv").mkdir()
    (jane / ".venv/python").symlink_to("/usr/bin/python3")
    (jane / "__pycache__").symlink_to("/")
    assert read(jane).contents == {CLIENT: RIGHT}


def test_a_submission_that_is_a_link_is_refused(jane: Path) -> None:
    for to in (jane, jane / CLIENT):
        link = jane.parent / f"to-{to.name}"
        link.symlink_to(to)
        assert "is a symbolic link" in refusal(link)


def test_pipes_and_sockets_are_refused(jane: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(jane)
    os.mkfifo("answers.yaml")
    message = '"answers.yaml" is a device, pipe or socket: hand in files only'
    assert refusal(jane) == message
    Path("answers.yaml").unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("answers.yaml")
        assert refusal(jane) == message


def test_a_pipe_alone_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / CLIENT)
    assert "is a device, pipe or socket" in refusal(tmp_path / CLIENT)


def test_what_became_a_link_or_pipe_since_is_not_opened(jane: Path) -> None:
    """Between looking and opening, a file may be exchanged."""
    (jane / "link").symlink_to("client.py")
    os.mkfifo(jane / "pipe")
    reading = store.FolderStore(root=jane)
    with pytest.raises(RefusalError, match="Too many levels"):
        reading.read([Entry(path="link", size=9)])
    with pytest.raises(RefusalError, match='"pipe" is no regular file: hand in files only'):
        reading.read([Entry(path="pipe", size=9)])


def test_where_opening_follows_links_they_are_looked_for_before(
    jane: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (jane / "link").symlink_to("client.py")
    monkeypatch.setattr(store, "_NO_FOLLOW", 0)
    monkeypatch.setattr(store, "_FLAGS", os.O_RDONLY)
    reading = store.FolderStore(root=jane)
    with pytest.raises(RefusalError, match='"link" is a symbolic link'):
        reading.read([Entry(path="link", size=9)])
    assert reading.read([Entry(path=CLIENT, size=6)]) == {CLIENT: RIGHT[:6]}


def test_a_junction_of_windows_is_a_link(jane: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Listing:
        """What Windows lists: a folder with the mark of a junction."""

        name = "elsewhere"

        def __enter__(self) -> list[Listing]:
            return [self]

        def __exit__(self, *_: object) -> None: ...

        def stat(self, *, follow_symlinks: bool) -> object:
            assert not follow_symlinks
            return SimpleNamespace(st_mode=stat.S_IFDIR, st_reparse_tag=0xA0000003, st_size=0)

    monkeypatch.setattr(os, "scandir", lambda _: Listing())
    with pytest.raises(RefusalError, match='"elsewhere" is a symbolic link'):
        store.FolderStore(root=jane).entries()


def test_what_grew_since_is_cut(jane: Path) -> None:
    reading = store.FolderStore(root=jane)
    assert reading.read([Entry(path=CLIENT, size=6)]) == {CLIENT: RIGHT[:6]}


@pytest.mark.parametrize("name", ["a\\b", "a\nb", "\udcff", "C:x"])
def test_names_keep_the_rules_of_archives(name: str, jane: Path) -> None:
    write(jane / name, b"")
    assert "in its name: " in refusal(jane) or "drive letter" in refusal(jane)
    assert refusal(jane).isprintable()


def test_a_folder_of_much_is_refused_without_reading_it(jane: Path) -> None:
    with (jane / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    assert refusal(jane) == (
        '"sparse" makes the files larger than 20 MiB in total: hand in only what is asked for'
    )


def test_a_large_file_alone_is_refused_without_reading_it(tmp_path: Path) -> None:
    with (tmp_path / "jane.zip").open("wb") as file:
        file.truncate(11 << 20)
    assert refusal(tmp_path / "jane.zip") == (
        '"jane.zip" has more than 10 MiB: hand in only what is asked for'
    )


def test_what_may_not_be_read_is_refused(jane: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is for those who aren't root."""

    def denied(*_: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("labctl.submissions.store.os.open", denied)
    assert refusal(jane) == '"client.py" can\'t be read: Permission denied'
