"""Images from archives and folders, also of hostile makers: what is loaded, and what is refused."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import sys
import tarfile
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from labctl.engine.images.backend import ImageInUse, Unwritable
from labctl.engine.images.names import BASE, EVENTS, IMAGE, LOADED
from labctl.engine.local import loading
from labctl.engine.local.loaded import LoadedImages, find_image
from labctl.engine.local.store import LocalImage, LocalStore
from labctl.errors import InputError, UsageError
from tests.unit.engine.local.saved import (
    MACHINE,
    OTHER,
    Entry,
    Files,
    Layout,
    config,
    docker_files,
    file,
    hard_link,
    link,
    named,
    platform,
    sha,
    tar,
    whiteout,
    write_folder,
    write_gzip,
    write_tar,
)
from tests.unit.nobody import NOBODY, as_nobody, let_everybody_enter

ZSTD = b"\x28\xb5\x2f\xfd"
LAYERS = (tar(file("a/old"), file("a/kept")), tar(whiteout("a/.wh.old"), file("new")))
SETTINGS = {
    "Env": ["PATH=/bin", "A=b=c", "EMPTY", "=x"],
    "User": "web:web",
    "WorkingDir": "srv",
    "Entrypoint": ["/serve"],
    "Cmd": ["--port", "80"],
    "Labels": {"own": "1", EVENTS: "1", IMAGE: "labctl/lab:latest", BASE: "x"},
}
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become someone else")
Write = Callable[[Path, Files], Path]
writes = pytest.mark.parametrize("write", [write_tar, write_gzip, write_folder])


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "cache")


@pytest.fixture
def images(store: LocalStore) -> LoadedImages:
    return LoadedImages(store)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "source"


def names(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def loaded(images: LoadedImages) -> list[str]:
    return [one.name for one in images.all()]


def oci(*layers: bytes, name: str = "own/web:1", packed: bool = True) -> Files:
    layout = Layout()
    return layout.index(layout.image(layers, packed=packed, **named(name)))


def found(store: LocalStore, name: str) -> LocalImage:
    image = find_image(store, name)
    assert image is not None
    return image


@writes
@pytest.mark.parametrize(
    "files",
    [docker_files(LAYERS), oci(*LAYERS), oci(*LAYERS, packed=False)],
    ids=["docker", "oci", "oci, not packed"],
)
def test_layers_of_both_kinds_of_archives(
    store: LocalStore, images: LoadedImages, source: Path, write: Write, files: Files
) -> None:
    [image] = images.load(write(source, files))
    assert (image.name, image.origin, image.state) == ("own/web:1", "file", "ready")
    assert image.id == sha(config(LAYERS))
    root = store.root(found(store, "own/web:1"))
    assert [one for one in names(root) if not one.startswith("etc")] == ["a/kept", "new"]
    assert not [*(source.parent / "cache/making").iterdir()]


def test_how_an_images_programs_run(store: LocalStore, images: LoadedImages, source: Path) -> None:
    images.load(write_tar(source, docker_files(LAYERS, config(LAYERS, settings=SETTINGS))))
    image = found(store, "own/web:1")
    assert image.environment == {"PATH": "/bin", "A": "b=c", "EMPTY": ""}
    assert (image.user, image.working_dir) == ("web:web", "/srv")
    assert (image.entrypoint, image.command) == (("/serve",), ("--port", "80"))
    assert image.labels == {"own": "1", EVENTS: "1", LOADED: "1"}


@pytest.mark.parametrize("settings", [None, {}, dict.fromkeys(SETTINGS)])
def test_an_image_need_not_say_anything(
    store: LocalStore, images: LoadedImages, source: Path, settings: Mapping[str, object] | None
) -> None:
    images.load(write_tar(source, docker_files(LAYERS, config(LAYERS, settings=settings))))
    image = found(store, "own/web:1")
    assert (image.entrypoint, image.command, image.user, image.working_dir) == ((), (), "", "")


def test_several_images_have_their_own_names(images: LoadedImages, source: Path) -> None:
    one, two = docker_files(LAYERS[:1], names=("a", "b:2")), docker_files(LAYERS, names=("c",))
    listed = [json.loads(files["manifest.json"])[0] for files in (one, two)]
    files = {**one, **two, "manifest.json": json.dumps(listed).encode()}
    assert [image.name for image in images.load(write_tar(source, files))] == [
        "a:latest", "b:2", "c:latest",
    ]  # fmt: skip
    with pytest.raises(UsageError, match="has 2 images, for one name"):
        images.load(source, name="d")
    assert loaded(images) == ["a:latest", "b:2", "c:latest"]


@pytest.mark.parametrize("files", [docker_files(LAYERS, names=None), oci(*LAYERS, name="1.27")])
def test_an_image_without_a_name_is_given_one(
    images: LoadedImages, source: Path, files: Files
) -> None:
    write_tar(source, files)
    with pytest.raises(UsageError, match="has an image without a name") as caught:
        images.load(source)
    assert caught.value.hint.endswith("--as NAME")
    assert [one.name for one in images.load(source, name="web")] == ["web:latest"]


def test_the_image_for_this_machine_is_taken(
    store: LocalStore, images: LoadedImages, source: Path
) -> None:
    layout = Layout()
    other = layout.image([tar(file("other"))], config([], architecture=OTHER), **platform(OTHER))
    note = layout.image([tar(file("note"))], b"{}", **platform("unknown", "unknown"))
    own = layout.image([tar(file("own"))], **platform(MACHINE))
    absent = {"digest": f"sha256:{'0' * 64}", **platform("s390x")}
    index = layout.node({"manifests": [absent, other, note, own]}, **named("web:1"))
    images.load(write_folder(source, layout.index(index)))
    assert "own" in names(store.root(found(store, "web:1")))


def test_platforms_that_stand_beside_one_another(
    store: LocalStore, images: LoadedImages, source: Path
) -> None:
    """Where nobody says what they are for, their configs say it."""
    layout = Layout()
    layers = [[tar(file("other"))], [tar(file("own"))]]
    other = layout.image(layers[0], config(layers[0], architecture=OTHER), **named("web:1"))
    own = layout.image(layers[1], **named("web:1"))
    images.load(write_folder(source, layout.index(other, own)))
    assert "own" in names(store.root(found(store, "web:1")))


@pytest.mark.parametrize(("architecture", "system"), [(OTHER, "linux"), (MACHINE, "windows")])
@pytest.mark.parametrize("says", [False, True])
def test_an_image_for_other_machines_is_refused(
    images: LoadedImages, source: Path, architecture: str, system: str, says: bool
) -> None:
    about = config(LAYERS, architecture=architecture, system=system)
    layout = Layout()
    more = platform(architecture, system) if says else {}
    layouts = layout.index(layout.image(LAYERS, about, **more))
    for files in (docker_files(LAYERS, about), layouts):
        with pytest.raises(InputError, match=f"it is for {system}/{architecture}, and this mach"):
            images.load(write_tar(source, files))


def test_an_image_that_lies_about_its_machine_is_refused(
    images: LoadedImages, source: Path
) -> None:
    layout = Layout()
    about = config(LAYERS, architecture=OTHER)
    files = layout.index(layout.image(LAYERS, about, **platform(MACHINE)))
    with pytest.raises(InputError, match="and this machine is"):
        images.load(write_folder(source, files))


def damaged(files: Files, which: str) -> Files:
    """Change a byte of a file that is found by a digest."""
    data = files[which]
    return {**files, which: data[:-1] + bytes([data[-1] ^ 1])}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("number", range(5))
def test_a_damaged_blob_is_refused(
    images: LoadedImages, source: Path, number: int, packed: bool
) -> None:
    files = oci(*LAYERS, packed=packed)
    blobs = [name for name in files if name.startswith("blobs")]
    if number == len(blobs):
        assert images.load(write_folder(source, files)), "as it was"
        return
    with pytest.raises(InputError, match="is damaged: its digest is"):
        images.load(write_folder(source, damaged(files, blobs[number])))
    assert loaded(images) == []


@pytest.mark.parametrize("kind", ["layer", "config"])
def test_a_damaged_file_of_docker_is_refused(images: LoadedImages, source: Path, kind: str) -> None:
    files = docker_files(LAYERS)
    which = "1/layer.tar" if kind == "layer" else f"{sha(config(LAYERS))}.json"
    if kind == "config":
        files[which] = files[which].replace(b'"os"', b'"so"')
    else:
        files = damaged(files, which)
    with pytest.raises(InputError, match="is damaged: its digest is"):
        images.load(write_tar(source, files))
    assert loaded(images) == []


@pytest.mark.parametrize(
    "again", [link("2/layer.tar", "../0/layer.tar"), hard_link("./2/layer.tar", "0/layer.tar")]
)
def test_a_layer_that_is_there_twice(
    store: LocalStore, images: LoadedImages, source: Path, again: Entry
) -> None:
    """Docker saves it once, with a link to it."""
    files = docker_files([LAYERS[0], LAYERS[1], LAYERS[0]])
    files.pop("2/layer.tar")
    images.load(write_tar(source, files, again))
    assert "a/old" in names(store.root(found(store, "own/web:1")))


@pytest.mark.parametrize("goal", ["layer.tar", "../1/layer.tar", "/etc/passwd", "../../x"])
def test_links_in_an_archive_lead_to_its_files_alone(
    images: LoadedImages, source: Path, goal: str
) -> None:
    files = docker_files(LAYERS)
    files.pop("1/layer.tar")
    with pytest.raises(InputError, match=r"1/layer\.tar is missing"):
        images.load(write_tar(source, files, link("1/layer.tar", goal)))


@writes
@pytest.mark.parametrize("name", ["../secret", "/{secret}", "x/../../secret", "a\0b"])
def test_files_of_an_archive_are_not_those_of_the_host(
    images: LoadedImages, source: Path, write: Write, name: str
) -> None:
    secret = source.parent / "secret"
    secret.write_bytes(LAYERS[1])
    files = docker_files(LAYERS)
    listed = json.loads(files["manifest.json"])
    listed[0]["Layers"][1] = name.format(secret=secret)
    files["manifest.json"] = json.dumps(listed).encode()
    with pytest.raises(InputError, match="is missing"):
        images.load(write(source, files))


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ((file("../x"),), "outside of its root: ../x"),
        ((whiteout("../.wh.x"),), "outside of its root"),
        ((link("a", "b"), link("b", "a"), file("a/x")), "can't be: Too many levels"),
    ],
)
def test_a_hostile_layer_is_refused_and_leaves_nothing(
    images: LoadedImages, source: Path, entries: tuple[Entry, ...], says: str
) -> None:
    with pytest.raises(InputError, match=says) as caught:
        images.load(write_tar(source, docker_files([tar(*entries)])))
    assert str(caught.value).startswith(f"{source}: ")
    assert caught.value.hint
    assert loaded(images) == []


def test_links_of_one_layer_do_not_lead_the_next_one_outside(
    images: LoadedImages, source: Path, tmp_path: Path
) -> None:
    (tmp_path / "host").mkdir()
    layers = [tar(link("etc", tmp_path / "host"), link("a", tmp_path / "host")), tar(file("a/x"))]
    images.load(write_tar(source, docker_files(layers)))
    assert not [*(tmp_path / "host").iterdir()]


def test_indexes_in_one_another_end(images: LoadedImages, source: Path) -> None:
    layout = Layout()
    node = layout.image(LAYERS, **named("web"))
    for _ in range(7):
        node = layout.node({"manifests": [node]})
    with pytest.raises(InputError, match="indexes are in one another without end"):
        images.load(write_folder(source, layout.index(node)))


@pytest.mark.parametrize(
    "about",
    [
        b"[" * 100_000,
        b"{}",
        b'{"rootfs": {"diff_ids": ["md5:0"]}}',
        config(LAYERS, settings={"Env": ["A=\0"]}),
        config(LAYERS, settings={"Cmd": "sh"}),
        config(LAYERS).replace(b'"linux"', b'"\\ud800"'),
    ],
    ids=["deep", "empty", "digest", "zero byte", "a text", "half a character"],
)
def test_a_config_that_is_none_is_refused(images: LoadedImages, source: Path, about: bytes) -> None:
    with pytest.raises(InputError, match="is not what it should be"):
        images.load(write_tar(source, docker_files(LAYERS, about)))


def test_an_image_with_more_layers_than_it_says_is_refused(
    images: LoadedImages, source: Path
) -> None:
    with pytest.raises(InputError, match=r"it has 2 layers, and .* names 1"):
        images.load(write_tar(source, docker_files(LAYERS, config(LAYERS[:1]))))


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"etc/passwd": b"root"}, "there is no image in it: no list manifest.json, no index.json"),
        ({"manifest.json": b"{}"}, "there is no image in it: no list manifest.json"),
        ({"manifest.json": b"[]"}, "there is no image in it"),
        ({"manifest.json": b"[1]"}, "manifest.json is not what it should be"),
        ({"index.json": b"[]"}, "index.json is not what it should be"),
        ({"index.json": b"{}"}, "there is no image in it"),
        ({"index.json": b" " * (17 << 20)}, "index.json is larger than 16 MiB"),
        ({"index.json": b'{"manifests": [{"digest": "sha256:../../x"}]}'}, "manifests.0.digest"),
    ],
)
@writes
def test_what_is_no_image_is_refused(
    images: LoadedImages, source: Path, write: Write, files: Files, says: str
) -> None:
    with pytest.raises(InputError, match=says) as caught:
        images.load(write(source, files))
    assert "docker save" in caught.value.hint or "16 MiB" in says


@pytest.mark.parametrize("size", [0, 1, 300, 1000, 5000, 15_000])
@pytest.mark.parametrize("write", [write_tar, write_gzip])
def test_an_archive_that_breaks_off_is_refused(
    images: LoadedImages, source: Path, write: Write, size: int
) -> None:
    content = tar(file("random", os.urandom(20_000)))
    write(source, docker_files([content]))
    source.write_bytes(source.read_bytes()[:size])
    with pytest.raises(InputError) as caught:
        images.load(source)
    assert str(caught.value).startswith(f"{source}: ")
    assert loaded(images) == []


def test_what_is_not_there_or_is_something_else(
    images: LoadedImages, source: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        images.load(source)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is no file and no folder"):
        images.load(tmp_path / "pipe")
    source.write_text("FROM nginx", "utf-8")
    with pytest.raises(InputError, match="it is no folder and no whole tar archive"):
        images.load(source)


@NEEDS_ROOT
@pytest.mark.parametrize("is_root", [True, False])
def test_files_belong_to_whom_they_should_if_root_loads_them(
    store: LocalStore, images: LoadedImages, source: Path, is_root: bool
) -> None:
    """For others, all is their own."""
    entry, content = file("a")
    entry.uid, entry.gid = 101, 102
    write_tar(source, docker_files([tar((entry, content))]))
    let_everybody_enter(source.parent)
    source.parent.chmod(0o777)
    with nullcontext() if is_root else as_nobody():
        images.load(source)
    found_at = (store.root(found(store, "own/web:1")) / "a").stat()
    assert (found_at.st_uid, found_at.st_gid) == ((101, 102) if is_root else (NOBODY, 0))


@NEEDS_ROOT
@pytest.mark.parametrize("write", [write_tar, write_folder])
def test_what_may_not_be_read(images: LoadedImages, source: Path, write: Write) -> None:
    let_everybody_enter(source.parent)
    write(source, docker_files(LAYERS)).chmod(0)
    with as_nobody(), pytest.raises(InputError, match="can't be read: Permission denied"):
        images.load(source)


def test_where_images_cannot_be_kept_the_archive_is_not_to_blame(
    source: Path, tmp_path: Path
) -> None:
    (tmp_path / "blocked").touch()
    images = LoadedImages(LocalStore(tmp_path / "blocked"))
    with pytest.raises(Unwritable, match="images cannot be kept in"):
        images.load(write_tar(source, docker_files(LAYERS)))


@pytest.mark.skipif(
    importlib.util.find_spec("compression") is not None, reason="this Python has zstd"
)
@pytest.mark.parametrize("is_layer", [False, True])
def test_zstd_is_refused_in_a_line(images: LoadedImages, source: Path, is_layer: bool) -> None:
    layout = Layout()
    packed = ZSTD + LAYERS[0]
    about = config([LAYERS[0]])
    manifest = {"config": layout.add(about), "layers": [layout.add(packed)]}
    write_tar(source, layout.index(layout.node(manifest, **named("web:1"))))
    if not is_layer:
        source.write_bytes(ZSTD + source.read_bytes())
    with pytest.raises(InputError, match="compressed with zstd, which this Python can't") as caught:
        images.load(source)
    assert caught.value.hint.startswith("save it uncompressed")


def test_zstd_is_read_where_this_python_can(
    images: LoadedImages, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What uncompresses it is a stand-in here, which knows one text."""
    files = docker_files(LAYERS)
    plain = write_tar(source, files).read_bytes()
    zstd = SimpleNamespace(open=lambda _: io.BytesIO(plain), ZstdError=ValueError)
    monkeypatch.setitem(sys.modules, "compression.zstd", zstd)
    source.write_bytes(ZSTD)
    assert [one.name for one in images.load(source)] == ["own/web:1"]


@pytest.mark.parametrize("name", ["Web", "../x", "a b", "web:", "a+b", "x" * 300, "-", "web:1\n"])
def test_a_name_that_none_can_have(images: LoadedImages, source: Path, name: str) -> None:
    write_tar(source, docker_files(LAYERS, names=[name]))
    with pytest.raises(UsageError, match="no image can be called") as caught:
        images.load(source)
    assert str(caught.value).startswith(str(source))
    with pytest.raises(UsageError, match="no image can be called"):
        images.load(source, name=name)
    assert loaded(images) == []


def test_names_of_images_that_labctl_makes(
    store: LocalStore, images: LoadedImages, source: Path
) -> None:
    with store.making() as place:
        store.tag(store.keep(place, LocalImage(id="built", labels={IMAGE: "x"})), "labctl/lab:1f")
    for name in ("labctl/client:3.13", "labctl/lab", "labctl/lab:1f"):
        with pytest.raises(UsageError, match="labctl itself makes the image"):
            images.load(write_tar(source, docker_files(LAYERS, names=[name])))
    assert found(store, "labctl/lab:1f").id == "built"


def test_an_image_that_is_loaded_again_is_the_same(
    store: LocalStore, images: LoadedImages, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tar(source, docker_files(LAYERS))
    images.load(source)
    monkeypatch.setattr(loading, "unpack_layer", None)  # it takes long, and is not done again
    before = found(store, "own/web:1")
    images.load(source, name="other")
    assert loaded(images) == ["other:latest", "own/web:1"]
    assert found(store, "other") == before


@pytest.mark.parametrize("is_used", [False, True])
def test_a_name_moves_to_the_image_that_is_loaded_last(
    store: LocalStore, images: LoadedImages, source: Path, is_used: bool
) -> None:
    images.load(write_tar(source, docker_files(LAYERS[:1])))
    old = found(store, "own/web:1")
    lock = store.lock(old) if is_used else -1
    images.load(write_tar(source, docker_files(LAYERS)))
    assert found(store, "own/web:1").id == sha(config(LAYERS))
    assert (store.find(old.id) is not None) is is_used
    if is_used:
        os.close(lock)


def test_removing_names_and_the_image_with_the_last(
    store: LocalStore, images: LoadedImages, source: Path
) -> None:
    images.load(write_tar(source, docker_files(LAYERS, names=["a", "example.com/library/b:1"])))
    id_ = found(store, "a").id
    assert images.find("b:1") == "example.com/library/b:1"
    assert images.remove("b:1")
    assert (loaded(images), images.remove("b:1")) == (["a:latest"], False)
    lock = store.lock(found(store, "a"))
    with pytest.raises(ImageInUse):
        images.remove("a")
    os.close(lock)
    assert images.remove("a")
    assert store.find(id_) is None


def test_the_very_name_comes_before_others(
    store: LocalStore, images: LoadedImages, source: Path
) -> None:
    """Of two registries' images, the one that was loaded last is meant by the short name."""
    for number, name in enumerate(("web:1", "example.com/web:1", "example.com:80/web:2"), 1):
        layer = tar(file(f"{number}"))
        images.load(write_tar(source, docker_files([layer])), name=name)
    images.load(write_tar(source, docker_files([tar(file("4"))])), name="localhost/web:2")
    content = {
        name: [one for one in names(store.root(found(store, name))) if one.isdecimal()]
        for name in ("web:1", "example.com/web:1", "web:2", "example.com:80/web:2")
    }
    assert content == {
        "web:1": ["1"], "example.com/web:1": ["2"], "web:2": ["4"], "example.com:80/web:2": ["3"],
    }  # fmt: skip
    assert images.find("web:1") == "web:1"
    assert find_image(store, "example.com/web:2") is None
    assert find_image(store, "web") is None


def test_only_what_was_loaded_is_known_by_other_names(store: LocalStore) -> None:
    with store.making() as place:
        store.tag(store.keep(place, LocalImage(id="built")), "localhost/labctl/lab:1f")
    assert find_image(store, "labctl/lab:1f") is None
    assert LoadedImages(store).find("localhost/labctl/lab:1f") is None
    assert LoadedImages(store).all() == []


def test_an_archive_that_tarfile_can_not_read_on(
    images: LoadedImages, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise tarfile.ReadError("unexpected end of data")

    write_tar(source, docker_files(LAYERS))
    monkeypatch.setattr(tarfile.TarFile, "extractfile", broken)
    with pytest.raises(InputError, match="it is no whole archive: unexpected end of data"):
        images.load(source)
