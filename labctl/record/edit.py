"""Writes `expect` into the text of a scenario, and changes nothing else of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from labctl.errors import InputError, Where
from labctl.load.yaml_reader import LOADER
from labctl.record.exceptions import Expected
from labctl.record.text import expect_lines

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_COMMENT = re.compile(r"\s+(#.*)")


def with_expectations(text: str, expected: Mapping[str, Sequence[Expected]], *, path: Path) -> str:
    """Return the text of a scenario with the variants of some attempts, which are by name.

    They replace those that an attempt has already. The scenario loads. Raise InputError, with
    `path` as its file, if that can't be done, such as between braces.
    """
    ending = "\r\n" if "\r\n" in text else "\n"
    if expected and not text.endswith(("\r", "\n")):
        text += ending
    lines = _LINE.findall(text)
    attempts, bodies = _attempts(text)
    for name in sorted(expected, key=lambda name: -bodies[name].start_mark.line):
        body = bodies[name]
        if attempts.flow_style or body.flow_style:
            raise InputError(
                f"attempts.{name}: stands between braces, where nothing can be written in",
                where=Where(path=path, line=body.start_mark.line + 1),
                hint="give each of its keys a line of its own",
            )
        _write(lines, body, expected[name], ending)
    written = "".join(lines)
    if _rest(text, expected) != _rest(written, expected):
        raise InputError(
            "is written in a way that nothing can be added to",
            where=Where(path=path),
            hint="look at how the clients end: `|` in place of `|+`, no blank lines at the end",
        )
    return written


def _write(
    lines: list[str], attempt: yaml.MappingNode, variants: Sequence[Expected], ending: str
) -> None:
    """Replace the lines of `expect`, or add them below the others. Those above keep their place."""
    indent = attempt.start_mark.column
    for key, value in attempt.value:
        if key.value == "expect":
            first, after = key.start_mark.line, _last_line(value, lines) + 1
            remark = _remark(key, value, lines)
            break
    else:
        first = after = 1 + max(_last_line(value, lines) for _, value in attempt.value)
        remark = ""
    written = [f"{' ' * indent}expect:{remark}", *expect_lines(variants, indent)]
    lines[first:after] = [f"{line}{ending}" for line in written]


def _remark(key: yaml.Node, value: yaml.Node, lines: Sequence[str]) -> str:
    """Return the comment behind `expect:`, or behind a value in the same line."""
    begins = (key if _is_block(value) else value).end_mark
    found = _COMMENT.search(lines[begins.line][begins.column :].rstrip())
    return f"  {found[1]}" if found else ""


def _is_block(value: yaml.Node) -> bool:
    """Tell whether a YAML node is a list or mapping over several lines."""
    return isinstance(value, yaml.CollectionNode) and not value.flow_style


def _last_line(value: yaml.Node, lines: Sequence[str]) -> int:
    """Return the number of the last line of a value, without blank lines and comments after it."""
    if _is_block(value):
        last = value.value[-1]
        return _last_line(last[1] if isinstance(last, tuple) else last, lines)
    if isinstance(value, yaml.ScalarNode) and value.style in ("|", ">"):
        return _last_of_block(value, lines)
    return int(value.end_mark.line)


def _last_of_block(value: yaml.ScalarNode, lines: Sequence[str]) -> int:
    """Return the last line of a block of text. Blank lines after it belong to what follows."""
    last = value.end_mark.line - (value.end_mark.column == 0)
    last = min(last, len(lines) - 1)
    while last > value.start_mark.line and not lines[last].strip():
        last -= 1
    return last


def _attempts(text: str) -> tuple[yaml.MappingNode, dict[str, yaml.MappingNode]]:
    """Return the mapping of all attempts, and each attempt by its name."""
    top = yaml.compose(text, Loader=LOADER)
    found: yaml.MappingNode = next(
        value for key, value in (top.value if top else ()) if key.value == "attempts"
    )
    return found, {key.value: body for key, body in found.value}


def _rest(text: str, names: Collection[str]) -> Any:
    """Return what a text says, without what is expected of these attempts."""
    said = yaml.load(text, Loader=LOADER)  # noqa: S506 a safe one
    for name in names:
        said["attempts"][name].pop("expect", None)
    return said
