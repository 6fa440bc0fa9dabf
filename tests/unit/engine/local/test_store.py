"""Images as folders: their names, what keeps them, and several labctls in one cache."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from labctl.engine.images.backend import ImageInUse, Unwritable
from labctl.engine.local.store import LocalImage, LocalStore, default_folder
from tests.unit.nobody import as_nobody, let_everybody_enter
from tests.unit.open_files import open_files

LIMIT_S = 20
CHECKOUT = Path(__file__).parents[4]
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become someone else")
LABELS = {"labctl.image": "client"}

MAKES = """
import sys
from pathlib import Path
from labctl.engine.local.store import LocalStore
with LocalStore(Path(sys.argv[1])).making() as place:
    (place / "root" / "file").touch()
    print(place, flush=True)
    sys.stdin.read()
"""
KEEPS = """
import sys
from pathlib import Path
from labctl.engine.local.store import LocalImage, LocalStore
store = LocalStore(Path(sys.argv[1]))
with store.making() as place:
    (place / "root" / "file").write_text(sys.argv[2], "utf-8")
    print("ready", flush=True)
    sys.stdin.read()
    print(store.keep(place, LocalImage(id="same")).created)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def store(folder: Path) -> LocalStore:
    return LocalStore(folder)


def keep(store: LocalStore, id_: str, *names: str, parent: str = "", text: str = "x") -> LocalImage:
    """Keep an image with a file in it."""
    with store.making() as place:
        (place / "root" / "file").write_text(text, "utf-8")
        made = store.keep(place, LocalImage(id=id_, parent=parent, labels=LABELS))
    for name in names:
        store.tag(made, name)
    return made


def ids(store: LocalStore) -> list[str]:
    return [image.id for image in store.all()]


def unfinished(folder: Path) -> list[str]:
    """What is in the making, or is being removed."""
    return [path.name for path in (folder / "making").iterdir()]


@contextmanager
def started(program: str, *words: object) -> Iterator[subprocess.Popen[str]]:
    """A process of this program, which has written nothing yet."""
    command = [sys.executable, "-c", program, *map(str, words)]
    with subprocess.Popen(
        command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def test_an_image_is_found_as_it_was_kept(store: LocalStore, folder: Path) -> None:
    before = time.time()
    image = LocalImage(
        id="1", parent="0", labels=LABELS, environment={"A": "b"}, user="me", working_dir="/w",
        entrypoint=("a", "b"), command=("c",),
    )  # fmt: skip
    with store.making() as place:
        (place / "root" / "file").write_bytes(b"12345")
        made = store.keep(place, image)
    assert before <= made.created <= time.time()
    assert made == LocalImage(**{**vars(image), "created": made.created, "size": 5})
    assert LocalStore(folder).find("1") == made
    assert (store.root(made) / "file").read_bytes() == b"12345"
    assert not unfinished(folder)


def test_an_image_has_what_labs_mount_something_on(store: LocalStore) -> None:
    root = store.root(keep(store, "1"))
    assert all((root / name).is_dir() for name in ("dev", "proc", "sys", "tmp"))
    assert [(root / "etc" / name).read_bytes() for name in ("hosts", "hostname")] == [b"", b""]


def test_what_is_there_to_mount_something_on_stays(store: LocalStore) -> None:
    with store.making() as place:
        root = place / "root"
        (root / "etc").mkdir()
        (root / "etc/hosts").write_text("own", "utf-8")
        (root / "etc/resolv.conf").symlink_to("../run/resolv.conf")
        (root / "var/tmp").mkdir(parents=True)
        (root / "tmp").symlink_to("/var/tmp")
        made = store.keep(place, LocalImage(id="1"))
    root = store.root(made)
    assert (root / "etc/hosts").read_text("utf-8") == "own"
    assert (root / "etc/resolv.conf").readlink() == Path("../run/resolv.conf")
    assert (root / "tmp").readlink() == Path("/var/tmp")


def test_an_image_whose_etc_is_a_link_leaves_the_host_alone(
    store: LocalStore, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    with store.making() as place:
        (place / "root/etc").symlink_to(outside)
        store.keep(place, LocalImage(id="1"))
    assert not list(outside.iterdir())


def test_whatever_the_umask_others_may_read_what_is_mounted_on(store: LocalStore) -> None:
    before = os.umask(0o077)
    try:
        root = store.root(keep(store, "1"))
    finally:
        os.umask(before)
    modes = [(root / name).stat().st_mode & 0o777 for name in ("etc", "etc/hosts")]
    assert modes == [0o755, 0o644]


def test_what_was_not_kept_is_removed(store: LocalStore, folder: Path) -> None:
    with suppress(ZeroDivisionError), store.making() as place:
        (place / "root" / "file").touch()
        raise ZeroDivisionError
    assert not unfinished(folder)
    assert store.all() == []


def test_an_empty_cache_has_nothing(store: LocalStore, folder: Path) -> None:
    assert store.find("a/b:1") is None
    assert store.all() == []
    assert not store.remove("a/b:1")
    store.remove_unfinished("labctl.image", min_age_s=0)
    assert not folder.exists(), "looking makes nothing"


def test_all_tells_names_and_parents(store: LocalStore) -> None:
    keep(store, "1")
    keep(store, "2", "labctl/client:3.13", "labctl/another:1", parent="1")
    keep(store, "3", parent="gone")
    found = [(one.id, one.names, one.has_parent) for one in store.all()]
    assert found == [
        ("1", (), False),
        ("2", ("labctl/another:1", "labctl/client:3.13"), True),
        ("3", (), False),
    ]
    assert {one.size for one in store.all()} == {1}
    assert all(one.labels == LABELS for one in store.all())


def test_a_name_goes_to_another_image(store: LocalStore) -> None:
    one, two = keep(store, "1", "a/b:1"), keep(store, "2")
    assert store.find("a/b:1") == one
    store.tag(two, "a/b:1")
    assert store.find("a/b:1") == two
    assert [image.names for image in store.all()] == [(), ("a/b:1",)]


def test_a_name_whose_image_has_gone_finds_nothing(store: LocalStore) -> None:
    image = keep(store, "1", "a:1")
    shutil.rmtree(store.root(image).parent)
    assert store.find("a:1") is None
    assert not store.remove("a:1")
    assert store.all() == []


def test_the_last_name_goes_with_its_image(store: LocalStore, folder: Path) -> None:
    keep(store, "1", "a:1", "a:2")
    assert store.remove("a:1")
    assert [image.names for image in store.all()] == [("a:2",)]
    assert store.remove("a:2")
    assert store.all() == []
    assert not list((folder / "names").iterdir())
    assert not unfinished(folder)
    assert not store.remove("a:2")


def test_an_image_with_names_is_not_removed_by_its_id(store: LocalStore) -> None:
    keep(store, "1", "a:1", "b/c:2")
    with pytest.raises(ImageInUse, match=r"^the image is called (a:1, b/c:2|b/c:2, a:1)$"):
        store.remove("1")
    assert ids(store) == ["1"]


def test_an_image_without_names_is_removed_by_its_id(store: LocalStore) -> None:
    keep(store, "1")
    assert store.remove("1")
    assert store.all() == []


def test_unnamed_parents_go_with_their_child(store: LocalStore) -> None:
    keep(store, "named", "a:1")
    keep(store, "1", parent="named")
    keep(store, "2", parent="1")
    keep(store, "3", "a:3", parent="2")
    assert store.remove("a:3")
    assert ids(store) == ["named"]


def test_a_parent_of_another_child_stays(store: LocalStore) -> None:
    keep(store, "1")
    keep(store, "2", "a:2", parent="1")
    keep(store, "3", "a:3", parent="1")
    assert store.remove("a:2")
    assert ids(store) == ["1", "3"]
    assert store.remove("a:3")
    assert ids(store) == []


def test_a_parent_that_is_used_stays(store: LocalStore) -> None:
    one = keep(store, "1")
    keep(store, "2", "a:2", parent="1")
    lock = store.lock(one)
    assert store.remove("a:2")
    os.close(lock)
    assert ids(store) == ["1"]


def test_an_image_that_another_one_is_made_of_stays(store: LocalStore) -> None:
    keep(store, "1", "a:1")
    keep(store, "2", parent="1")
    with pytest.raises(ImageInUse, match="another image is made of it"):
        store.remove("a:1")
    found = store.find("a:1")
    assert found
    assert found.id == "1", "it keeps its name"


def test_a_locked_image_stays_until_all_have_let_go(store: LocalStore, folder: Path) -> None:
    image = keep(store, "1", "a:1")
    locks = [store.lock(image), LocalStore(folder).lock(image)]
    for lock in locks:
        with pytest.raises(ImageInUse, match="something uses it"):
            store.remove("a:1")
        assert store.find("a:1") == image
        os.close(lock)
    assert store.remove("a:1")


def test_a_lock_is_held_by_whoever_has_the_file(store: LocalStore) -> None:
    """So it is the warden of a lab that keeps its images, whatever becomes of labctl."""
    image = keep(store, "1")
    lock = store.lock(image)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[lock]) as other:
        os.close(lock)
        with pytest.raises(ImageInUse):
            store.remove("1")
        other.communicate()
    assert store.remove("1")


def test_an_image_that_is_being_removed_can_not_be_locked(store: LocalStore, folder: Path) -> None:
    image = keep(store, "1")
    with (folder / "images/1/lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        before = open_files()
        with pytest.raises(ImageInUse, match="the image 1 is being removed"):
            store.lock(image)
        assert open_files() <= before
    os.close(store.lock(image))


def test_an_image_can_be_locked_as_soon_as_it_is_found(store: LocalStore, folder: Path) -> None:
    with store.making() as place:
        image = store.keep(place, LocalImage(id="1"))
        os.close(LocalStore(folder).lock(image))


@pytest.mark.parametrize("moment", ["before", "meanwhile"])
def test_an_image_that_another_labctl_has_removed_can_not_be_locked(
    store: LocalStore, folder: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    image = keep(store, "1")
    opened = os.open

    def open_late(path: Path, flags: int, mode: int = 0o777) -> int:
        file = opened(path, flags, mode)
        monkeypatch.undo()
        LocalStore(folder).remove("1")
        return file

    if moment == "before":
        LocalStore(folder).remove("1")
    else:
        monkeypatch.setattr(os, "open", open_late)
    with pytest.raises(ImageInUse):
        os.close(store.lock(image))


def test_two_labctls_that_make_the_same_image_have_one(folder: Path) -> None:
    """The later one gets what the first one has kept."""
    together = threading.Barrier(4)

    def make(number: int) -> float:
        own = LocalStore(folder)
        with own.making() as place:
            (place / "root" / "file").write_text(str(number), "utf-8")
            together.wait(LIMIT_S)
            return own.keep(place, LocalImage(id="same")).created

    with ThreadPoolExecutor(4) as pool:
        [created] = set(pool.map(make, range(4)))
    [image] = LocalStore(folder).all()
    assert image.created == created
    assert not unfinished(folder)


def test_two_processes_that_make_the_same_image_have_one(store: LocalStore, folder: Path) -> None:
    with started(KEEPS, folder, "one") as one, started(KEEPS, folder, "two") as two:
        assert [line_of(one), line_of(two)] == ["ready", "ready"]
        for process in (one, two):
            assert process.stdin
            process.stdin.close()
        times = {line_of(one), line_of(two)}
        assert (one.wait(LIMIT_S), two.wait(LIMIT_S)) == (0, 0)
    [image] = store.all()
    assert times == {str(image.created)}
    assert not unfinished(folder)


def test_images_that_are_tagged_meanwhile_keep_their_names(store: LocalStore) -> None:
    """Whoever looks finds a name at the one image or the other, never nowhere."""
    one, two = keep(store, "1"), keep(store, "2")
    store.tag(one, "a:1")
    is_over = threading.Event()

    def tag() -> None:
        while not is_over.is_set():
            store.tag(two, "a:1")
            store.tag(one, "a:1")

    tagger = threading.Thread(target=tag)
    tagger.start()
    try:
        assert all(store.find("a:1") in (one, two) for _ in range(300))
    finally:
        is_over.set()
        tagger.join()


def test_a_name_that_is_just_being_given_is_none_yet(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A labctl that is killed at this moment leaves its link, too."""
    image = keep(store, "1")
    with monkeypatch.context() as patch, suppress(Unwritable):
        patch.setattr(Path, "replace", interrupted)
        store.tag(image, "a:1")
    assert [image.names for image in store.all()] == [()]


def interrupted(*_: object) -> None:
    raise OSError(errno.EINTR, "killed")


def test_a_name_that_goes_while_names_are_read_hides_no_other(
    store: LocalStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(store, "1", "a:1", "b:1", "c:1")
    listed = Path.iterdir

    def list_with_gone(path: Path) -> Iterator[Path]:
        return iter([path / "gone:1", *listed(path)] if path.name == "names" else listed(path))

    monkeypatch.setattr(Path, "iterdir", list_with_gone)
    assert LocalStore(folder).all()[0].names == ("a:1", "b:1", "c:1")


def test_what_a_killed_process_was_making_is_removed(store: LocalStore, folder: Path) -> None:
    with started(MAKES, folder) as process:
        place = Path(line_of(process))
        store.remove_unfinished("labctl.image", min_age_s=0)
        assert (place / "root/file").exists(), "its maker is alive"
        process.kill()
        process.wait(LIMIT_S)
        store.remove_unfinished("labctl.image", min_age_s=3600)
        assert (place / "root/file").exists(), "it is too young"
        store.remove_unfinished("labctl.image", min_age_s=0)
    assert not unfinished(folder)


def test_unfinished_images_are_those_without_a_name_that_nothing_uses(store: LocalStore) -> None:
    used = keep(store, "used")
    keep(store, "named", "a:1")
    keep(store, "parent")
    keep(store, "child", "a:2", parent="parent")
    keep(store, "unfinished")
    with store.making() as place:
        store.keep(place, LocalImage(id="of others", labels={"another": "label"}))
    lock = store.lock(used)
    store.remove_unfinished("labctl.image", min_age_s=3600)
    assert len(ids(store)) == 6, "they are too young"
    store.remove_unfinished("labctl.image", min_age_s=0)
    os.close(lock)
    assert ids(store) == ["child", "named", "of others", "parent", "used"]


def test_what_a_killed_removal_has_left_is_removed(store: LocalStore, folder: Path) -> None:
    image = keep(store, "1")
    store.root(image).parent.rename(folder / "making" / "gone-1")
    store.remove_unfinished("labctl.image", min_age_s=0)
    assert not unfinished(folder)


def test_the_mount_point_is_made_once(store: LocalStore, folder: Path) -> None:
    assert store.mount == folder / "mount"
    (folder / "mount/x").touch()
    assert list(store.mount.iterdir()) == [folder / "mount/x"]


def refusals(store: LocalStore) -> Iterator[Unwritable]:
    """What the store says of each thing that it can't write."""
    with pytest.raises(Unwritable) as caught, store.making():
        pass
    yield caught.value
    with pytest.raises(Unwritable) as caught:
        str(store.mount)
    yield caught.value
    with pytest.raises(Unwritable) as caught:
        store.tag(LocalImage(id="1"), "a:1")
    yield caught.value


@NEEDS_ROOT
def test_a_cache_that_is_read_only(store: LocalStore, folder: Path) -> None:
    image = keep(store, "1", "a:1")
    let_everybody_enter(folder)
    with as_nobody():
        told = [(str(error), error.hint) for error in refusals(store)]
        with pytest.raises(Unwritable, match="Permission denied"):
            store.remove("a:1")
        assert store.find("a:1") == image
        os.close(store.lock(image))
    message = f"images cannot be kept in {folder}: Permission denied"
    assert told == [(message, "set XDG_CACHE_HOME to a folder that you may write to")] * 3
    assert ids(store) == ["1"]


@NEEDS_ROOT
def test_a_cache_that_this_user_may_not_read_is_unwritable(store: LocalStore, folder: Path) -> None:
    """Such as root's own, where XDG_CACHE_HOME is kept by sudo -E."""
    keep(store, "1", "a:1")
    let_everybody_enter(folder.parent)
    folder.chmod(0o700)
    with as_nobody(), pytest.raises(Unwritable):
        store.find("a:1")


def test_a_cache_that_is_a_file(store: LocalStore, folder: Path) -> None:
    folder.touch()
    for error in refusals(store):
        assert str(error) == f"images cannot be kept in {folder}: Not a directory"
        assert error.hint == "set XDG_CACHE_HOME to a folder that you may write to"
    assert store.all() == []
    assert store.find("a:1") is None


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk(store: LocalStore, code: int) -> None:
    with pytest.raises(Unwritable) as caught, store.making():
        raise OSError(code, os.strerror(code))
    assert caught.value.hint == "make room there, or set XDG_CACHE_HOME to a folder with more"
    assert os.strerror(code) in caught.value.message


def test_the_cache_is_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    assert default_folder() == tmp_path / "elsewhere/labctl/local"
    assert LocalStore().mount == tmp_path / "elsewhere/labctl/local/mount"
    for ignored in ("", "relative", "./here"):
        monkeypatch.setenv("XDG_CACHE_HOME", ignored)
        assert default_folder() == tmp_path / "home/.cache/labctl/local"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_folder() == tmp_path / "home/.cache/labctl/local"


def test_no_file_stays_open(store: LocalStore) -> None:
    before = open_files()
    image = keep(store, "1", "a:1")
    lock = os.fdopen(store.lock(image))
    with closing(lock), pytest.raises(ImageInUse):
        store.remove("a:1")
    store.remove("a:1")
    assert open_files() <= before
