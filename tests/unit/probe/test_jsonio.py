"""JSON without json."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.probe.jsonio import dumps, loads

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_agrees_with_json(value: object) -> None:
    text = dumps(value)
    assert text.isascii()
    assert json.loads(text) == value
    assert loads(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    "text", ["", " ", "{", "{}x", "{} {}", '{"a":}', "'a'", "nul", "[" * 200_000, '"\x00"']
)
def test_all_else_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"JSON|Expecting|Unterminated|Invalid"):
        loads(text.encode())


def test_bytes_that_are_not_utf_8_are_a_value_error() -> None:
    with pytest.raises(ValueError, match="utf-8"):
        loads(b'"\xff"')
