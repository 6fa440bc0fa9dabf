from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from labctl.engine.images import content, packages
from labctl.engine.images.content import digest, fingerprint, layer, libraries_layer, nft_layer
from labctl.engine.images.layers import NFT, RECIPES, Recipe
from labctl.engine.images.names import ImageKind, parse_name
from labctl.load.bundled import bundled_folder
from tests.unit.images.fakes import FakeClient, builder


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


@pytest.mark.parametrize("file", ["compose/images/libs/pins.txt", "engine/images/libraries.py"])
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


@pytest.mark.parametrize("kind", list(RECIPES))
def test_another_recipe_makes_an_image_stale(
    kind: ImageKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fingerprint(kind)
    monkeypatch.setattr(content, "RECIPES", {**RECIPES, kind: Recipe(working_dir="/another")})
    fingerprint.cache_clear()
    assert fingerprint(kind) != before
    fingerprint.cache_clear()


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


LABELS = {"labctl.image": "labctl/trial"}


def test_the_layer_of_a_client() -> None:
    made = layer(parse_name("labctl/client:3.9"), "/usr/bin/python3.9", LABELS)
    assert made.links == {"labctl/python": "/usr/bin/python3.9"}
    assert (made.labels, made.recipe) == (LABELS, RECIPES["client"])
    assert {"labctl/prepare.py", "etc/passwd", "labctl/revoked.pem"} <= set(made.files)
    assert "labctl/probe/__main__.py" in made.files
    assert not any("services" in name or "/lib/" in name for name in made.files)


def test_the_layer_of_the_lab() -> None:
    made = layer(parse_name("labctl/lab"), "/usr/bin/python3.13", LABELS)
    modules = {"dns", "aiosmtpd", "attr", "attrs", "public", "yaml"}
    assert {f"labctl/lib/{name}/__init__.py" for name in modules} <= set(made.files)
    assert "labctl/services/__main__.py" in made.files
    assert "labctl/services/__init__.py" in made.files
    assert not any("probe" in name for name in made.files)
    assert made.labels == {**LABELS, "labctl.events": "1"}


def test_the_layer_with_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labctl.engine.images.libraries.fetch", lambda *_: {"x/y.py": b"1"})
    made = libraries_layer(parse_name("labctl/client:3.9-libs"), builder(FakeClient()), LABELS)
    assert (made.files, made.links) == ({"labctl/libs/x/y.py": b"1"}, {})
    assert (made.labels, made.recipe) == (LABELS, RECIPES["libs"])


def test_the_layer_that_adds_nft() -> None:
    made = nft_layer()
    assert (made.files, made.links, made.recipe) == ({}, {}, NFT)
    assert made.labels == {"labctl.image": "base"}
