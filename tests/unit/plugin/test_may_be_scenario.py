"""Which files may be scenarios."""

from __future__ import annotations

from pathlib import Path

import pytest

from labctl.load.bundled import bundled_folder
from labctl.plugin import may_be_scenario
from tests.unit.plugin.inner import SCENARIO


def test_every_scenario_that_labctl_brings_may_be_one() -> None:
    files = [
        path for path in bundled_folder("scenarios").rglob("*.yaml") if path.name != "lab.yaml"
    ]
    assert len(files) > 100
    assert all(map(may_be_scenario, files))


@pytest.mark.parametrize("name", ["a.yaml", "a.yml"])
@pytest.mark.parametrize("text", [SCENARIO, SCENARIO.replace("\n", "\r\n"), "layer:\nattempts:"])
def test_what_has_both_keys_at_its_top_may_be_one(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, newline="")
    assert may_be_scenario(tmp_path / name)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "attempts: 3\n",
        "layer: tcp\n",
        "retry:\n  attempts: 3\n  layer: tcp\n",
        "# attempts:\n# layer:\n",
        "attempts: 3\nlayers: []\n",
        "attempts: 3\nretry:\n  layer: tcp\n",
        "layer: tcp\nretry:\n  attempts: 3\n",
        "layer: tcp\nattempts: {}\n" + "x" * 1024 * 1024,
    ],
)
def test_other_yaml_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    assert not may_be_scenario(tmp_path / "a.yaml")


def test_nothing_else_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(SCENARIO)
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "link.yaml").symlink_to(tmp_path / "nowhere")
    assert not any(map(may_be_scenario, tmp_path.iterdir()))
