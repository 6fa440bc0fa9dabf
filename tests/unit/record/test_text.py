"""What is written is what is read again, in the style of the bundled scenarios."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.load.files import forbidden_character
from labctl.load.yaml_reader import read_yaml
from labctl.record.text import expect_lines, scalar

FRAMES = ["smtplib:SMTP.__init__", "...", "asyncio.tasks:f.<locals>.<lambda>"]


def test_the_style() -> None:
    expected = {
        "raises": "urllib.error.URLError",
        "cause": "none",
        "context": {"raises": "http.client.BadStatusLine", "attrs": {"line": "220 x\r\n"}},
        "stack": FRAMES,
        "unhandled": [{"raises": "KeyError"}],
        "elapsed": {"min": "800ms", "max": "10s"},
        "served": [],
    }
    assert expect_lines([expected], 4) == [
        "      raises: urllib.error.URLError",
        "      cause: none",
        '      context: {raises: http.client.BadStatusLine, attrs: {line: "220 x\\r\\n"}}',
        "      stack:",
        "        - smtplib:SMTP.__init__",
        "        - ...",
        "        - asyncio.tasks:f.<locals>.<lambda>",
        "      unhandled:",
        "        - {raises: KeyError}",
        "      elapsed: {min: 800ms, max: 10s}",
        "      served: []",
    ]


def test_variants_are_a_list() -> None:
    found = expect_lines([{"python": ">=3.10", "returns": "1"}, {"returns": "None"}], 0)
    assert found == ['  - python: ">=3.10"', '    returns: "1"', "  - returns: None"]


def test_a_mapping_that_is_too_long_for_a_line_has_a_key_a_line() -> None:
    chain: dict[str, Any] = {"raises": "A" * 50, "cause": {"raises": "B" * 40}}
    assert expect_lines([{"context": chain, "group": [chain]}], 0) == [
        "  context:",
        "    raises: " + "A" * 50,
        "    cause: {raises: " + "B" * 40 + "}",
        "  group:",
        "    - raises: " + "A" * 50,
        "      cause: {raises: " + "B" * 40 + "}",
    ]


@pytest.mark.parametrize("text", ["no", "null", "12:30", "0755", "2024-01-01", "1e3", "{}", "a: b"])
def test_texts_that_yaml_would_take_for_something_else_are_quoted(text: str) -> None:
    assert scalar(text) == f'"{text}"'


texts = st.text(min_size=1, max_size=30).filter(
    lambda text: forbidden_character(text) is None and "\ufeff" not in text
)
scalars = st.one_of(
    texts,
    st.sampled_from([*FRAMES, "10s", "tcp a:1 refused", "a, b", "x #y", "x:", "~", "True"]),
    st.integers(-(10**9), 10**9),
    st.booleans(),
    st.none(),
)
mappings = st.dictionaries(st.sampled_from("abcd"), scalars, min_size=1)
values = st.one_of(scalars, mappings, st.lists(scalars), st.lists(mappings))


@given(st.lists(st.dictionaries(st.sampled_from("abcdef"), values, min_size=1), min_size=1))
def test_what_is_written_is_read_again(tmp_path_factory: Any, variants: list[Any]) -> None:
    path = Path(tmp_path_factory.getbasetemp()) / "written.yaml"
    text = "\n".join(["expect:", *expect_lines(variants, 0), ""])
    path.write_bytes(text.encode())
    expected = variants[0] if len(variants) == 1 else tuple(variants)
    assert read_yaml(path).data["expect"] == _frozen(expected)


def _frozen(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(map(_frozen, value))
    return {k: _frozen(v) for k, v in value.items()} if isinstance(value, dict) else value
