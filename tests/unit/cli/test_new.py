"""`labctl new`: a scenario that is right as it is, and never in the place of another file."""

from __future__ import annotations

from pathlib import Path

import pytest

from labctl.model.layers import LAYERS
from tests.unit.cli.conftest import Labctl, Listener
from tests.unit.load.texts import write


@pytest.fixture(autouse=True)
def _no_engine_is_needed(engine: Listener) -> object:
    yield
    assert not engine.was_asked


@pytest.mark.parametrize("layer", LAYERS)
def test_what_is_written_is_right_and_teaches(labctl: Labctl, layer: str) -> None:
    done = labctl("new", "mine", "--layer", layer)
    assert (done.code, done.err) == (0, "")
    assert "labctl record mine.yaml" in done.out
    assert labctl("validate", "mine.yaml").out == "mine.yaml: ok\n"
    text = Path("mine.yaml").read_text("utf-8")
    assert f"\nlayer: {layer}\n" in text
    assert text.count("#") > 10
    assert max(map(len, text.splitlines())) <= 100


def test_a_folder_is_made_for_it(labctl: Labctl) -> None:
    done = labctl("new", "mine.yaml", "--directory", "my scenarios/tcp")
    assert done.code == 0
    assert "labctl record 'my scenarios/tcp/mine.yaml'" in done.out
    assert labctl("validate", "mine", "--scenarios", "my scenarios").code == 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("there",), "there.yaml is there already"),
        (("link",), "link.yaml is there already"),
        (("a", "--directory", "there.yaml"), "there.yaml is there already"),
        (("a", "--directory", "there.yaml/b"), "cannot write there.yaml/b/a.yaml: Not a directory"),
        (("My",), "'My' can't be a scenario's name"),
        (("a/b",), "'a/b' can't be a scenario's name"),
        (("compose",), "Compose files are called compose.yaml"),
        (("refused-port",), "labctl has a scenario called refused-port"),
        (("a", "--layer", "tpc"), 'there is no layer tpc; did you mean "tcp"?'),
    ],
)
def test_what_cannot_be_written(labctl: Labctl, args: tuple[str, ...], message: str) -> None:
    write("there.yaml", "mine")
    Path("link.yaml").symlink_to("nowhere")
    done = labctl("new", *args)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"labctl: {message}\n  hint: ")
    assert Path("there.yaml").read_text("utf-8") == "mine"
    assert sorted(path.name for path in Path().iterdir()) == ["link.yaml", "there.yaml"]
