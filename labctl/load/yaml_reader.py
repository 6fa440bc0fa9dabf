"""A strict reader of YAML: plain data, and where in the file each part of it stands.

It takes the part of YAML in which a file means what it looks like: no anchors, aliases, merge
keys or tags, no duplicate keys, no scalars that YAML 1.1 reads otherwise than people do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

from labctl.errors import InputError, Where, shorten
from labctl.load.files import MIB, forbidden_character, read_text
from labctl.load.plain import Scalar, Surprise, plain_scalar

Value = Scalar | tuple["Value", ...] | dict[str, "Value"]
Place = tuple[str | int, ...]
"""The keys and indices that lead from the top of a document to a value."""

SIZE_LIMIT: Final = MIB
DEPTH_LIMIT: Final = 32
VALUES_LIMIT: Final = 20_000
MESSAGE_LIMIT: Final = 300
LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_PLAIN_WORDS: Final = {
    "mapping values are not allowed in this context": "a colon where no key can stand",
    "mapping values are not allowed here": "a colon where no key can stand",
    "block sequence entries are not allowed in this context": "a list must start on its own line",
    "did not find expected node content": "a value is missing",
    "could not find expected ':'": "a key without a colon after it",
    "did not find expected key": "the indentation doesn't fit, or a key is missing",
    "did not find expected '-' indicator": "the indentation of a list doesn't fit",
}
"""What libyaml and PyYAML say, and what it means for the person who wrote the file."""

_NOT_CLOSED: Final = {
    "found unexpected end of stream": "a quotation starts here that is not closed",
    "did not find expected ',' or ']'": "a [ stands here that is not closed, or a comma is missing",
    "did not find expected ',' or '}'": "a { stands here that is not closed, or a comma is missing",
}
"""Likewise, where the mistake is seen far from where it was made."""


def with_place(place: Place, message: str) -> str:
    """Return a message with its place before it: `attempts.smtplib.expect[1].raises: MESSAGE`.

    At the top of a document (an empty place), nothing comes before the message.
    """
    parts = (f"[{e}]" if isinstance(e, int) else f".{shorten(e)}" for e in place)
    dotted = "".join(parts).removeprefix(".")
    return f"{dotted}: {message}" if place else message


@dataclass(frozen=True, kw_only=True)
class Document:
    """What stands in a file. `keys` and `values` give (line, column), counted from 1, of each
    place; `texts` what is not text, as it is written (`3.10`).
    """

    path: Path
    data: dict[str, Value]
    keys: dict[Place, tuple[int, int]] = field(default_factory=dict)
    values: dict[Place, tuple[int, int]] = field(default_factory=dict)
    texts: dict[Place, str] = field(default_factory=dict)

    def where(self, place: Place) -> Where:
        """Return where the value at a place stands in the file, or else the nearest value around
        it.
        """
        while place not in self.values:
            place = place[:-1]
        line, column = self.values[place]
        return Where(path=self.path, line=line, column=column)

    def where_key(self, place: Place) -> Where:
        """Return where the key of a value stands in the file; in a list, where the value stands."""
        if place not in self.keys:
            return self.where(place)
        line, column = self.keys[place]
        return Where(path=self.path, line=line, column=column)

    def get(self, place: Place) -> Value:
        """Return the value at a place, or None if there is none."""
        current: Value = self.data
        for element in place:
            current = _child(current, element)
        return current


def _child(value: Value, element: str | int) -> Value:
    """Return the value under a key or an index, or None."""
    if isinstance(value, dict) and isinstance(element, str):
        return value.get(element)
    if isinstance(value, tuple) and isinstance(element, int) and element < len(value):
        return value[element]
    return None


def read_yaml(path: Path) -> Document:
    """Read the one mapping in a YAML file. Raise InputError for anything else."""
    text = read_text(path, SIZE_LIMIT)
    found = forbidden_character(text)
    if found:
        raise InputError(
            f"has a character that is not allowed here: U+{ord(found[0]):04X}",
            where=Where(path=path, line=text.count("\n", 0, found.start()) + 1),
            hint="remove it; in Python source write it as an escape",
        )
    return _Reader(path, text).document()


class _Reader:
    """Builds a document from the events of one text, and stops at the first mistake."""

    def __init__(self, path: Path, text: str) -> None:
        """Take the path for messages, and the text to read."""
        self._path = path
        self._text = text
        self._events: Iterator[yaml.Event] = iter(yaml.parse(text, Loader=LOADER))
        self._document = Document(path=path, data={})

    def document(self) -> Document:
        """Read the document. Raise InputError if it is empty, is not a mapping, or is more than
        one.
        """
        self._next()  # the start of the stream
        if isinstance(self._next(), yaml.StreamEndEvent):
            raise self._empty()
        top = self._next()
        root = self._value(top, ())
        self._next()  # the end of the document
        extra = self._next()
        if not isinstance(extra, yaml.StreamEndEvent):
            raise self._error(extra, "a second document starts here", "keep one in each file")
        if root is None:
            raise self._empty()
        if not isinstance(root, dict):
            kind = "a list" if isinstance(root, tuple) else "a single value"
            raise self._error(top, f"must be a mapping (lines like `key: value`), not {kind}")
        self._document.data.update(root)
        return self._document

    def _next(self) -> yaml.Event:
        """Return the next YAML event. Raise InputError for wrong syntax."""
        try:
            return next(self._events)
        except yaml.MarkedYAMLError as error:
            raise self._syntax_error(error) from None
        except (ValueError, OverflowError):
            # PyYAML without libyaml lets chr() fail on an escape like "\UFFFFFFFF"
            message = "is not YAML: an escape that stands for no character"
            raise InputError(message, where=Where(path=self._path)) from None

    def _value(self, event: yaml.Event, place: Place) -> Value:
        """Read a value, and note its place. Raise InputError if there are too many, or too deep."""
        self._refuse_extras(event)
        self._document.values[place] = _mark(event)
        if len(self._document.values) > VALUES_LIMIT:
            raise self._error(event, f"holds more than {VALUES_LIMIT} values")
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event)
            if not isinstance(value, str):
                self._document.texts[place] = event.value
            return value
        if len(place) >= DEPTH_LIMIT:
            raise self._error(event, f"is nested more than {DEPTH_LIMIT} levels deep")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(place)
        return self._sequence(place)

    def _sequence(self, place: Place) -> tuple[Value, ...]:
        """Read the items of a list."""
        items: list[Value] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._value(event, (*place, len(items))))
        return tuple(items)

    def _mapping(self, place: Place) -> dict[str, Value]:
        """Read the entries of a mapping. Raise InputError for a key that is there twice."""
        items: dict[str, Value] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._key(event)
            here = (*place, key)
            if key in items:
                first = self._document.keys[here][0]
                raise self._error(
                    event, f'the key "{shorten(key)}" is here twice; the first is in line {first}'
                )
            self._document.keys[here] = _mark(event)
            items[key] = self._value(self._next(), here)
        return items

    def _key(self, event: yaml.Event) -> str:
        """Return a key's text. Raise InputError if it is no text."""
        self._refuse_extras(event)
        if not isinstance(event, yaml.ScalarEvent):
            raise self._error(event, "a key must be text, not a list or a mapping")
        if event.implicit[0] and event.value == "<<":
            raise self._error(event, "merge keys (<<) are not allowed", "write the keys out")
        key = self._scalar(event)
        if not isinstance(key, str):
            if not event.value:
                raise self._error(event, "a key is missing before the colon")
            raise self._error(
                event, f"a key must be text, not {shorten(event.value)}", _quote(event.value)
            )
        return key

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        """Return the value of a scalar. Raise InputError for characters and forms that are not
        allowed.
        """
        if not event.implicit[0]:  # quoted, or a block
            found = forbidden_character(event.value)
            if found:
                code = f"U+{ord(found[0]):04X}"
                raise self._error(event, f"has a character that is not allowed here: {code}")
            return event.value
        try:
            return plain_scalar(event.value)
        except Surprise as surprise:
            hint = f"{_quote(event.value)}{surprise.instead}"
            raise self._error(event, str(surprise), hint) from None

    def _refuse_extras(self, event: yaml.Event) -> None:
        """Raise InputError for an alias, an anchor or a tag."""
        if isinstance(event, yaml.AliasEvent):
            message = "aliases (*name) are not allowed"
            raise self._error(event, message, "write the value out here")
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            raise self._error(event, f"anchors (&{shorten(anchor)}) are not allowed", "remove it")
        tag = getattr(event, "tag", None)
        if tag is not None:
            short = tag.replace("tag:yaml.org,2002:", "!!")
            raise self._error(event, f"tags ({shorten(short)}) are not allowed", "remove it")

    def _error(self, event: yaml.Event, message: str, hint: str = "") -> InputError:
        """Return an error at an event's place."""
        line, column = _mark(event)
        where = Where(path=self._path, line=line, column=column)
        return InputError(_bounded(message), where=where, hint=_bounded(hint))

    def _empty(self) -> InputError:
        """Return the error for a file without a document."""
        return InputError("is empty", where=Where(path=self._path))

    def _syntax_error(self, error: yaml.MarkedYAMLError) -> InputError:
        """Return the error for wrong syntax, in plain words."""
        problem = error.problem or "it can't be read"
        mark = error.problem_mark
        if problem in _NOT_CLOSED:
            mark = error.context_mark
        elif mark and "cannot start any token" in problem:
            problem = _misplaced(self._text[mark.index])
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        words = _NOT_CLOSED.get(problem) or _PLAIN_WORDS.get(problem, problem)
        where = Where(path=self._path, line=line, column=column)
        return InputError(f"is not YAML: {words}", where=where)


def _misplaced(character: str) -> str:
    """Return what is wrong with a character that can't begin a value."""
    if character == "\t":
        return "a tab stands where YAML wants spaces"
    return f"{character} can't start a value; put the value in quotes"


def _mark(event: yaml.Event) -> tuple[int, int]:
    """Return line and column of an event, from 1."""
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)


def _quote(text: str) -> str:
    """Return the hint to put a text in quotes."""
    return f'if you mean the text, put it in quotes: "{shorten(text)}"'


def _bounded(text: str) -> str:
    """Cut a text that is too long for a message. Messages quote what was written, and that may be
    the whole file.
    """
    return text if len(text) <= MESSAGE_LIMIT else f"{text[:MESSAGE_LIMIT]}..."
