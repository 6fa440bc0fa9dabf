"""The dev container: keys that there are, and what it starts."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
READ = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8"))
KEYS = {"name", "image", "features", "hostRequirements", "postCreateCommand", "remoteEnv"}
"""Some of those that the schema of dev containers has for one that is made of an image."""


def test_it_has_keys_that_there_are() -> None:
    assert set(READ) == KEYS
    assert set(READ["hostRequirements"]) <= {"cpus", "memory", "storage", "gpu"}
    assert re.fullmatch(r"\d+([tgmk]b)?", READ["hostRequirements"]["memory"])


def test_it_has_an_engine_of_its_own() -> None:
    [feature] = READ["features"]
    assert feature.startswith("ghcr.io/devcontainers/features/docker-in-docker:")


def test_it_sets_labctl_up_and_finds_it() -> None:
    assert os.access(ROOT / READ["postCreateCommand"], os.X_OK)
    folder = "${containerWorkspaceFolder}/.venv/bin"
    assert READ["remoteEnv"]["PATH"].split(":")[0] == folder
    assert "venv=$here/.venv" in (ROOT / "bootstrap").read_text("utf-8")
