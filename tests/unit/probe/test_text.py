"""The client's values as bounded text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.probe.text import Budget, DeferredTexts, normalize, qualified_name


@given(st.text(), st.integers(0, 200))
def test_budget_is_never_overdrawn(text: str, room: int) -> None:
    budget = Budget(room)
    kept = budget.text(text)
    assert len(json.dumps(kept)) <= max(room, 2)
    assert text.encode("utf-8", "backslashreplace").decode().startswith(kept)


def test_budget_counts_what_is_spent() -> None:
    budget = Budget(10)
    assert budget.spend(6)
    assert not budget.spend(5)
    assert budget.spend(4)


@pytest.mark.parametrize(
    ("text", "tidied"),
    [
        ("failed: self-signed certificate (_ssl.c:1000)", "failed: self-signed certificate"),
        ("SSLError(1, 'x (_ssl.c:2580)') (_ssl.c:1)", "SSLError(1, 'x')"),
        ("x (_ssl.c:what)", "x (_ssl.c:what)"),
        ("<Foo object at 0x7f00deadbeef>", "<Foo object>"),
        ("[<A at 0x1>, <B at 0x2>]", "[<A>, <B>]"),
        ("no change", "no change"),
    ],
)
def test_tidy(text: str, tidied: str) -> None:
    assert normalize(text) == tidied


def test_subclass_of_str_becomes_a_str() -> None:
    class Odd(str):
        __slots__ = ()

        def __getitem__(self, key: object) -> str:
            raise AssertionError("the client's code ran")

        __len__ = __iter__ = __getitem__  # type: ignore[assignment]

    assert type(normalize(Odd("text"))) is str


def test_later_is_resolved_once() -> None:
    deferred = DeferredTexts(Budget(100))
    target: dict[str, object] = {}
    deferred.add(target, "key", "str", lambda: "text")
    assert target == {"key": None}
    deferred.resolve()
    target["key"] = "changed"
    deferred.resolve()
    assert target == {"key": "changed"}


def test_type_without_a_module() -> None:
    kind = type("Odd", (Exception,), {"__module__": 3})
    assert qualified_name(kind) == "Odd"
    assert qualified_name(json.JSONDecodeError) == "json.decoder.JSONDecodeError"
    assert qualified_name(OSError) == "OSError"
