"""Every scenario that labctl brings teaches something, and is whole.

What `labctl validate` and `labctl show` say of each is tested with those verbs.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from labctl.load.bundled import bundled_compose, bundled_folder
from labctl.load.catalogue import Catalogue
from labctl.load.scenario import load_scenario
from labctl.load.schema import scenario_schema
from labctl.model.scenario import Scenario

COMPOSE = bundled_compose()
FILES = sorted(bundled_folder("scenarios").rglob("*.yaml"))
SENTENCES = 2
LETTERS = 20
"""Of a story's sentence, on average, at the least."""

each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@cache
def scenario(path: Path) -> Scenario:
    return load_scenario(path, builtin_compose=COMPOSE)


def test_all_are_there_and_none_is_called_like_another() -> None:
    found = Catalogue([bundled_folder("scenarios")], COMPOSE).all()
    assert [one.path for one in found] == sorted(FILES, key=lambda path: path.stem)
    titles = Counter(" ".join(one.title.casefold().split()) for one in found)
    assert [title for title, count in titles.items() if count > 1] == []


BY_CLIENT = {"asyncio", "xmlrpc"}
"""Folders of scenarios about one client, whatever the layer that it fails in."""


@each_file
def test_the_folder_is_the_layer(path: Path) -> None:
    assert path.parent.name in {scenario(path).layer, *BY_CLIENT}


@each_file
def test_the_story_says_something(path: Path) -> None:
    sentences = re.findall(r"\S[^.!?:]*[.!?](?=\s|\)|$)", scenario(path).story)
    assert len(sentences) >= SENTENCES
    assert sum(map(len, sentences)) >= LETTERS * SENTENCES
    assert scenario(path).title.strip(" .") not in ("", scenario(path).story.strip(" .\n"))


@each_file
def test_the_clients_are_python_that_says_where_it_goes(path: Path) -> None:
    """They are read to learn from: the target stands in them, and is not taken from LAB_HOST.
    Where no packet is sent, there is none.
    """
    sources = {one.name: one.source for one in scenario(path).attempts}
    for name, source in sources.items():
        assert ast.parse(source).body, name
        assert "LAB_HOST" not in source, name
        assert "LAB_PORT" not in source, name
    variants = [one for attempt in scenario(path).attempts for one in attempt.expectations]
    silent = all(one.wire == "nothing" for one in variants)
    assert silent or any(scenario(path).target.host in source for source in sources.values())


@each_file
def test_the_schema_for_editors_takes_it(path: Path) -> None:
    written = yaml.safe_load(path.read_text("utf-8"))
    errors = Draft202012Validator(scenario_schema()).iter_errors(written)
    assert [error.message for error in errors] == []
