"""Only `expect` changes in a file: all else stays as it is, byte for byte."""

# ruff: noqa: E501 a case is one row of a table

from __future__ import annotations

from pathlib import Path

import pytest

from labctl.errors import InputError
from labctl.record.edit import with_expectations

PATH = Path("mine.yaml")
TOP = "name: mine  # a name\nattempts:\n"
WRITTEN = "    expect:\n      raises: OSError\n"


def edited(text: str, *names: str) -> str:
    return with_expectations(text, dict.fromkeys(names, ({"raises": "OSError"},)), path=PATH)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  a:\n    client: |\n      x\n", f"  a:\n    client: |\n      x\n{WRITTEN}"),
        ("  a:\n    client: |\n      x", f"  a:\n    client: |\n      x\n{WRITTEN}"),
        ("  a:\n    client: |\n      x\n\n  # next\n  b:\n    client: y\n", f"  a:\n    client: |\n      x\n{WRITTEN}\n  # next\n  b:\n    client: y\n"),
        ("  a:\n    client: |\n      x\n\n      # of x\n", f"  a:\n    client: |\n      x\n\n      # of x\n{WRITTEN}"),
        ("  a:\n    client: {file: x.py}  # why\n", f"  a:\n    client: {{file: x.py}}  # why\n{WRITTEN}"),
        ("  a:\n    client:\n      file: x.py\n", f"  a:\n    client:\n      file: x.py\n{WRITTEN}"),
        ("  a:\n    client: x\n    expect: {}\n", f"  a:\n    client: x\n{WRITTEN}"),
        ("  a:\n    client: x\n    expect:\n", f"  a:\n    client: x\n{WRITTEN}"),
        ("  a:\n    expect:\n    client: x\n", f"  a:\n{WRITTEN}    client: x\n"),
        ("  a:\n    client: x\n    expect: {}  # soon\n", "  a:\n    client: x\n    expect:  # soon\n      raises: OSError\n"),
        ("  a:\n    client: x\n    expect:  # this\n      raises: A\n      wire:\n        - b\n\n  # next\n", "  a:\n    client: x\n    expect:  # this\n      raises: OSError\n\n  # next\n"),
        ("  a:\n    client: x\n    expect: {raises: A,\n      message: b}\n  c: {client: y}\n", f"  a:\n    client: x\n{WRITTEN}  c: {{client: y}}\n"),
        ("  a:\n    client: x\n    expect:\n      - raises: A\n      - raises: B\n  c:\n    client: y\n", f"  a:\n    client: x\n{WRITTEN}  c:\n    client: y\n"),
        ("  a:\n    client: x\n    expect:\n    - raises: A\n", f"  a:\n    client: x\n{WRITTEN}"),
    ],
)  # fmt: skip
def test_what_changes(before: str, after: str) -> None:
    assert edited(f"{TOP}{before}", "a") == f"{TOP}{after}"
    crlf = edited(f"{TOP}{before}".replace("\n", "\r\n"), "a")
    assert crlf == f"{TOP}{after}".replace("\n", "\r\n")


def test_several_attempts_and_the_columns_that_they_have() -> None:
    before = "attempts:\n   a:\n        client: x\n   b:\n        client: y\n"
    written = "        expect:\n          raises: OSError\n"
    after = f"attempts:\n   a:\n        client: x\n{written}   b:\n        client: y\n{written}"
    assert edited(before, "b", "a") == after


def test_nothing_to_write_changes_nothing() -> None:
    text = "\ufeffattempts:\n  a: {client: x}\n"
    assert edited(text) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("attempts:\n  a: {client: x}\n", "mine.yaml:2: attempts.a: stands between braces"),
        ("attempts: {a: {client: x}}\n", "mine.yaml:1: attempts.a: stands between braces"),
        ("attempts:\n  a:\n    client: |+\n      x\n\n", "mine.yaml: is written in a way"),
    ],
)
def test_what_cannot_be_written_into(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        edited(text, "a")
    assert str(caught.value).startswith(message)
    assert caught.value.hint
