from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from labctl.engine.images.layers import NFT, RECIPES, Recipe

WHOLE = Recipe(
    commands=(("a", "b"), ("c",)),
    environment={"A": "1", "B": "2"},
    user="1:1",
    working_dir="/",
    entrypoint=("d",),
    labels={"x": "1", "y": "2"},
)


def test_the_same_recipe_has_the_same_fingerprint() -> None:
    turned = replace(WHOLE, environment={"B": "2", "A": "1"}, labels={"y": "2", "x": "1"})
    assert turned.fingerprint == WHOLE.fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"commands": (("a",), ("b", "c"))},
        {"commands": (("c",), ("a", "b"))},
        {"environment": {"A": "1"}},
        {"user": ""},
        {"working_dir": "/tmp"},
        {"entrypoint": ()},
        {"labels": {}},
        {"has_network": True},
    ],
)
def test_another_recipe_has_another_fingerprint(change: dict[str, Any]) -> None:
    assert replace(WHOLE, **change).fingerprint != WHOLE.fingerprint


def test_recipes_differ() -> None:
    every = [*RECIPES.values(), NFT]
    assert len({recipe.fingerprint for recipe in every}) == len(every)


def test_only_nft_comes_over_the_network() -> None:
    assert [kind for kind, recipe in RECIPES.items() if recipe.has_network] == []
    assert NFT.has_network


def test_clients_are_nobody_and_services_are_what_the_engine_makes_them() -> None:
    users = {kind: recipe.user for kind, recipe in RECIPES.items()}
    assert users == {"client": "65534:65534", "lab": "", "libs": "65534:65534"}


def test_only_programs_of_the_lab_write_events() -> None:
    labels = {kind: recipe.labels for kind, recipe in RECIPES.items()}
    assert labels == {"client": {}, "lab": {"labctl.events": "1"}, "libs": {}}
