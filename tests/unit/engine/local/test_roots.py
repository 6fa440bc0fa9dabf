"""Root file systems as folders: how they are removed, and what labs mount something on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from labctl.engine.local.roots import remove_tree
from tests.unit.nobody import as_nobody, let_everybody_enter


def closed_tree(top: Path, mode: int) -> None:
    """A folder in a folder in a folder, all of that mode, with a file in each."""
    folders = [top, top / "a", top / "a/b"]
    for one in folders:
        one.mkdir(parents=True)
        (one / "file").touch()
    for one in reversed(folders):
        one.chmod(mode)


@pytest.mark.parametrize(
    "mode",
    [0o555, 0],
    ids=oct,
)
def test_a_tree_is_removed_whatever_its_permissions(tmp_path: Path, mode: int) -> None:
    if os.geteuid() == 0:
        let_everybody_enter(tmp_path)
        tmp_path.chmod(0o777)
        with as_nobody():
            own = tmp_path / "own"
            own.mkdir()
            closed_tree(own / "tree", mode)
            remove_tree(own / "tree")
    else:
        own = tmp_path / "own"
        closed_tree(own / "tree", mode)
        remove_tree(own / "tree")
    assert not list(own.iterdir())


def test_removing_what_has_gone_leaves_the_folder_around_it_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    remove_tree(tmp_path / "gone")
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_where_the_links_of_a_removed_tree_lead_all_stays(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/file").touch()
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/link").symlink_to(tmp_path / "outside")
    remove_tree(tmp_path / "tree")
    remove_tree(tmp_path / "tree")
    assert [path.name for path in tmp_path.rglob("*")] == ["outside", "file"]
