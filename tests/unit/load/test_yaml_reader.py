"""The strict reader: what it takes, and the exact message of everything that it doesn't."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
import yaml

from labctl.errors import Where
from labctl.load import yaml_reader
from labctl.load.yaml_reader import read_yaml
from tests.unit.load.texts import hint, mistakes, write


@pytest.fixture(params=["CSafeLoader", "SafeLoader"])
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both parsers of PyYAML: with libyaml, and without."""
    name = str(request.param)
    monkeypatch.setattr(yaml_reader, "LOADER", getattr(yaml, name))
    return name


def read(text: str | bytes) -> list[str]:
    path = write("x.yaml", text)
    return mistakes(lambda: read_yaml(path))


@pytest.mark.usefixtures("loader")
def test_reads_plain_data() -> None:
    text = """\
text: word
quoted: "no"
block: |
  two
  lines
list: [1, -2, 2.5, true, false, null, ~]
empty:
map: {a: {b: [c]}}
ports: 08
"""
    assert read_yaml(write("x.yaml", text)).data == {
        "text": "word",
        "quoted": "no",
        "block": "two\nlines\n",
        "list": (1, -2, 2.5, True, False, None, None),
        "empty": None,
        "map": {"a": {"b": ("c",)}},
        "ports": "08",
    }


@pytest.mark.usefixtures("loader")
def test_knows_where_keys_and_values_stand() -> None:
    document = read_yaml(write("x.yaml", "a: 1\nb:\n  - c: 3.10\n  - d\n"))
    assert document.where(()) == Where(path=Path("x.yaml"), line=1, column=1)
    assert document.where_key(("b",)) == Where(path=Path("x.yaml"), line=2, column=1)
    assert document.where(("b",)) == Where(path=Path("x.yaml"), line=3, column=3)
    assert document.where(("b", 0, "c")) == Where(path=Path("x.yaml"), line=3, column=8)
    assert document.where_key(("b", 1)) == Where(path=Path("x.yaml"), line=4, column=5)
    assert document.where(("b", 7, "nowhere")) == document.where(("b",))
    assert document.texts == {("a",): "1", ("b", 0, "c"): "3.10"}
    assert document.get(("b", 0, "c")) == 3.1
    assert document.get(("b", 9)) is None
    assert document.get(("a", "c")) is None


def test_a_byte_order_mark_and_windows_line_ends_are_fine() -> None:
    document = read_yaml(write("x.yaml", b"\xef\xbb\xbfa: 1\r\nb: 2\r\n"))
    assert document.data == {"a": 1, "b": 2}
    assert document.where_key(("b",)).line == 2


QUOTE = 'if you mean the text, put it in quotes: "{}"'
PLAIN_DIGITS = QUOTE + "; if not, write it in plain digits"


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    ("scalar", "reading", "advice"),
    [
        *[(s, "the boolean true", f"{QUOTE}; if not, write true") for s in ("yes", "Yes", "YES")],
        *[(s, "the boolean true", f"{QUOTE}; if not, write true") for s in ("on", "On", "y", "Y")],
        *[(s, "the boolean true", f"{QUOTE}; if not, write true") for s in ("True", "TRUE")],
        *[(s, "the boolean false", f"{QUOTE}; if not, write false") for s in ("no", "No", "NO")],
        *[(s, "the boolean false", f"{QUOTE}; if not, write false") for s in ("off", "n", "False")],
        ("Null", "no value at all", f"{QUOTE}; if not, write null"),
        ("NULL", "no value at all", f"{QUOTE}; if not, write null"),
        ("12:30", "a number in base 60", PLAIN_DIGITS),
        ("1:02:03.5", "a number in base 60", PLAIN_DIGITS),
        ("010", "a number in base 8", PLAIN_DIGITS),
        ("-0755", "a number in base 8", PLAIN_DIGITS),
        ("0x1F", "a number in base 16", PLAIN_DIGITS),
        ("0b11", "a number in base 2", PLAIN_DIGITS),
        ("1_000", "a number in a form that not every reader knows", PLAIN_DIGITS),
        (".5", "a number in a form that not every reader knows", PLAIN_DIGITS),
        ("1.5e+3", "a number in a form that not every reader knows", PLAIN_DIGITS),
        ("1234567890123456789", "a number of more than 18 digits", QUOTE),
        (".inf", "not a finite number", PLAIN_DIGITS),
        ("-.INF", "not a finite number", PLAIN_DIGITS),
        (".nan", "not a finite number", PLAIN_DIGITS),
        ("2024-01-31", "a date", QUOTE),
        ("2024-01-31 10:00:00", "a date", QUOTE),
        ("<<", "a merge key", QUOTE),
    ],
)
@pytest.mark.parametrize("shape", ["a: 1\nb: {}\n", "a:\n- {}\n"])
def test_refuses_what_yaml_1_1_reads_otherwise(
    scalar: str, reading: str, advice: str, shape: str
) -> None:
    path = write("x.yaml", shape.replace("{}", scalar))
    assert mistakes(lambda: read_yaml(path)) == [
        f"x.yaml:2: {scalar} without quotes is {reading} in YAML"
    ]
    assert hint(lambda: read_yaml(path)) == advice.format(scalar)


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("on: 1", "x.yaml:1: on without quotes is the boolean true in YAML"),
        ("a: 1\n12:30: 1", "x.yaml:2: 12:30 without quotes is a number in base 60 in YAML"),
        ("true: 1", "x.yaml:1: a key must be text, not true"),
        ("a:\n  8080: 1", "x.yaml:2: a key must be text, not 8080"),
        ("a: 1\n? \n: 1", "x.yaml:2: a key is missing before the colon"),
        ("? [a]\n: 1", "x.yaml:1: a key must be text, not a list or a mapping"),
        ("{{a: 1}: 1}", "x.yaml:1: a key must be text, not a list or a mapping"),
        ("a: 1\nb: 2\na: 3", 'x.yaml:3: the key "a" is here twice; the first is in line 1'),
        ('a: 1\n"a": 3', 'x.yaml:2: the key "a" is here twice; the first is in line 1'),
        ("b: {c: 1,\n c: 2}", 'x.yaml:2: the key "c" is here twice; the first is in line 1'),
        ("a: 1\nb: &x 2", "x.yaml:2: anchors (&x) are not allowed"),
        ("a: 1\nb: &x {c: 1}", "x.yaml:2: anchors (&x) are not allowed"),
        ("&x a: 1", "x.yaml:1: anchors (&x) are not allowed"),
        ("a: 1\nb: *x", "x.yaml:2: aliases (*name) are not allowed"),
        ("*x : 1", "x.yaml:1: aliases (*name) are not allowed"),
        ("a:\n  <<: {b: 1}", "x.yaml:2: merge keys (<<) are not allowed"),
        ("a: !!str 1", "x.yaml:1: tags (!!str) are not allowed"),
        ("a: !!python/name:os.x 1", "x.yaml:1: tags (!!python/name:os.x) are not allowed"),
        ("a: !mine [1]", "x.yaml:1: tags (!mine) are not allowed"),
        ("a: ! b", "x.yaml:1: tags (!) are not allowed"),
        ("!!map {a: 1}", "x.yaml:1: tags (!!map) are not allowed"),
        ("a: 1\n---\nb: 1", "x.yaml:2: a second document starts here"),
        ("", "x.yaml: is empty"),
        ("# only a comment\n", "x.yaml: is empty"),
        ("---\n", "x.yaml: is empty"),
        (
            "- a",
            "x.yaml:1: must be a mapping (lines like `key: value`), not a list",
        ),
        (
            "\njust text",
            "x.yaml:2: must be a mapping (lines like `key: value`), not a single value",
        ),
        ("a: b: c", "x.yaml:1: is not YAML: a colon where no key can stand"),
        ("a:\n\t- b", "x.yaml:2: is not YAML: a tab stands where YAML wants spaces"),
        ("a: 1\nb: @x", "x.yaml:2: is not YAML: @ can't start a value; put the value in quotes"),
        ("a: %x", "x.yaml:1: is not YAML: % can't start a value; put the value in quotes"),
        ("a: 1\nb: 'x\nc: d", "x.yaml:2: is not YAML: a quotation starts here that is not closed"),
        ('a: "\\0"', "x.yaml:1: has a character that is not allowed here: U+0000"),
        ('a: "\\e[31m"', "x.yaml:1: has a character that is not allowed here: U+001B"),
        ("a: x\x1b[31m", "x.yaml:1: has a character that is not allowed here: U+001B"),
        ("a: 1\nb: x\x00", "x.yaml:2: has a character that is not allowed here: U+0000"),
        ("a: 1\nb: \u2028", "x.yaml:2: has a character that is not allowed here: U+2028"),
        ("a: 1\nb: \x85", "x.yaml:2: has a character that is not allowed here: U+0085"),
    ],
)
def test_refuses(text: str, message: str) -> None:
    assert read(text) == [message]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a: 1\nb: [1,\n 2",
            "x.yaml:2: is not YAML: a [ stands here that is not closed, or a comma is missing",
        ),
        (
            "a: 1\nb: {c: 1\nd: 2",
            "x.yaml:2: is not YAML: a { stands here that is not closed, or a comma is missing",
        ),
        ("- a\nb: c", "x.yaml:2: is not YAML: the indentation of a list doesn't fit"),
        ("a: 1\n- b", "x.yaml:2: is not YAML: the indentation doesn't fit, or a key is missing"),
        ("a: - b", "x.yaml:1: is not YAML: a list must start on its own line"),
        ("a: 1\nb\nc: 1", "x.yaml:3: is not YAML: a key without a colon after it"),
        ("a: ]", "x.yaml:1: is not YAML: a value is missing"),
        ('a: "\\q"', "x.yaml:1: is not YAML: found unknown escape character"),
        ('a: "\\uD800"', "x.yaml:1: is not YAML: found invalid Unicode character escape code"),
    ],
)
def test_says_in_plain_words_what_libyaml_says(text: str, message: str) -> None:
    assert yaml_reader.LOADER is yaml.CSafeLoader
    assert read(text) == [message]


def test_escapes_that_only_the_pure_parser_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_reader, "LOADER", yaml.SafeLoader)
    assert read('a: "\\uD800"') == ["x.yaml:1: has a character that is not allowed here: U+D800"]
    assert read('a: "\\UFFFFFFFF"') == [
        "x.yaml: is not YAML: an escape that stands for no character"
    ]


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize("opening", ["[", "- ", "{a: "])
def test_deep_nesting_is_refused_at_once(opening: str) -> None:
    start = time.monotonic()
    assert read(opening * 20_000) in (
        ["x.yaml:1: is nested more than 32 levels deep"],
        ["x.yaml:1: must be a mapping (lines like `key: value`), not a list"],
    )
    assert time.monotonic() - start < 2


def test_thirty_two_levels_are_allowed() -> None:
    deepest = "a: " + "[" * 31 + "]" * 31
    assert read_yaml(write("x.yaml", deepest)).data
    assert read("a: " + "[" * 32 + "]" * 32) == ["x.yaml:1: is nested more than 32 levels deep"]


def test_too_many_values_are_refused() -> None:
    assert read("a:\n" + "- 1\n" * 20_000) == ["x.yaml:20000: holds more than 20000 values"]
    assert len(read_yaml(write("x.yaml", "a:\n" + "- 1\n" * 19_998)).values) == 20_000


def test_messages_are_short_whatever_they_quote() -> None:
    (message,) = read("a: " + "9" * 500_000)
    assert len(message) < 350


def test_not_utf_8() -> None:
    assert read(b"a: 1\nb: \xff\n") == ["x.yaml:2: is not UTF-8: byte 0xff at offset 8"]
    assert hint(lambda: read_yaml(Path("x.yaml"))) == "save the file as UTF-8"
    assert read("a: 1".encode("utf-16")) == ["x.yaml:1: is not UTF-8: byte 0xff at offset 0"]


def test_too_large() -> None:
    path = write("x.yaml", "#" * (1024 * 1024 - 5) + "\na: 1")
    assert read_yaml(path).data == {"a": 1}
    assert read("#" * (1024 * 1024) + "\n") == ["x.yaml: is larger than the 1 MiB that are allowed"]


def test_a_file_of_100_megabytes_is_not_read() -> None:
    with Path("x.yaml").open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    start = time.monotonic()
    expected = ["x.yaml: is larger than the 1 MiB that are allowed"]
    assert mistakes(lambda: read_yaml(Path("x.yaml"))) == expected
    assert time.monotonic() - start < 1


def test_a_device_without_an_end() -> None:
    assert mistakes(lambda: read_yaml(Path("/dev/zero"))) == [
        "/dev/zero: is larger than the 1 MiB that are allowed"
    ]


def test_a_pipe_is_read() -> None:
    os.mkfifo("x.yaml")
    writer = threading.Thread(target=Path("x.yaml").write_text, args=("a: 1",))
    writer.start()
    assert read_yaml(Path("x.yaml")).data == {"a": 1}
    writer.join()


def test_what_cannot_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    assert mistakes(lambda: read_yaml(Path("none.yaml"))) == ["none.yaml: there is no such file"]
    Path("folder.yaml").mkdir()
    assert mistakes(lambda: read_yaml(Path("folder.yaml"))) == [
        "folder.yaml: this is a directory, not a file"
    ]
    Path("loop.yaml").symlink_to("loop.yaml")
    assert mistakes(lambda: read_yaml(Path("loop.yaml"))) == [
        "loop.yaml: can't be read: Too many levels of symbolic links"
    ]

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    write("mine.yaml", "a: 1")
    monkeypatch.setattr(Path, "open", refuse)  # root may read everything
    assert mistakes(lambda: read_yaml(Path("mine.yaml"))) == [
        "mine.yaml: you have no permission to read this file"
    ]
