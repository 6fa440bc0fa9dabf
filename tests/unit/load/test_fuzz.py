"""Whatever stands in a file, reading it gives a model or an InputError, never another error."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labctl.errors import InputError
from labctl.load import yaml_reader
from labctl.load.compose import load_compose
from labctl.load.scenario import load_scenario
from tests.unit.load.test_schema import EXAMPLE
from tests.unit.load.texts import COMPOSE, LAB, SCENARIO

FUZZ = settings(
    max_examples=300,
    # the folder is one for all examples, and each writes its file anew
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
RIGHT = [SCENARIO, EXAMPLE, COMPOSE]
PARTS = [
    "{",
    "}",
    "[",
    "]",
    ": ",
    "- ",
    "\n",
    "  ",
    "|",
    "'",
    '"',
    "&a ",
    "*a",
    "!!int ",
    "<<: ",
    "#",
]
VALUES = ["", "~", "1", "1.5", "no", "[]", "{}", "[1]", "{a: b}", "text", "'$'", "[[a]]", "-1"]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A right file with parts cut out, put in or, after a colon, replaced."""
    text = draw(st.sampled_from(RIGHT))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        if draw(st.booleans()):
            lines = text.split("\n")
            number = draw(st.integers(0, len(lines) - 1))
            key = lines[number].partition(":")[0]
            lines[number] = f"{key}: {draw(st.sampled_from(VALUES))}"
            text = "\n".join(lines)
        else:
            end = start + draw(st.integers(0, 12))
            text = text[:start] + draw(st.sampled_from(PARTS)) + text[end:]
    return text


@st.composite
def grafted(draw: st.DrawFn) -> str:
    """A right file in which one value, anywhere, is another tree."""
    root = yaml.safe_load(draw(st.sampled_from(RIGHT)))
    current = root
    while True:
        keys = list(current) if isinstance(current, dict) else list(range(len(current)))
        key = draw(st.sampled_from(keys))
        below = current[key]
        if not isinstance(below, (dict, list)) or not below or draw(st.booleans()):
            current[key] = draw(TREES)
            text: str = yaml.safe_dump(root)
            return text
        current = below


def reads(data: bytes, name: str = "x.yaml") -> None:
    Path(name).write_bytes(data)
    actions: list[Callable[[], object]] = [
        lambda: load_compose(Path(name)),
        lambda: load_scenario(Path(name), builtin_compose=LAB),
    ]
    for action in actions:
        with contextlib.suppress(InputError):
            action()


@FUZZ
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    reads(data)


@FUZZ
@given(st.text(max_size=60))
def test_any_text(text: str) -> None:
    reads(text.encode("utf-8", "surrogatepass"))


@FUZZ
@given(mutated())
def test_any_change_of_a_right_file(text: str) -> None:
    reads(text.encode())


@FUZZ
@given(grafted())
def test_any_value_in_a_right_file(text: str) -> None:
    reads(text.encode("utf-8", "surrogatepass"))


@FUZZ
@given(mutated())
def test_any_change_with_the_pure_parser(text: str) -> None:
    with contextlib.ExitStack() as stack:
        stack.callback(setattr, yaml_reader, "LOADER", yaml_reader.LOADER)
        setattr(yaml_reader, "LOADER", yaml.SafeLoader)  # noqa: B010 it is Final
        reads(text.encode())


@FUZZ
@given(grafted())
def test_every_message_is_one_short_line_with_a_place(text: str) -> None:
    Path("x.yaml").write_text(text, "utf-8", "surrogatepass")
    try:
        load_scenario(Path("x.yaml"), builtin_compose=LAB)
    except InputError as error:
        for each in error.each():
            assert str(each.where).startswith("x.yaml")
            assert "\n" not in str(each)
            assert len(str(each)) < 800
