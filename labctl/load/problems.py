"""Pydantic's view of a wrong document -> one message for each mistake, in words and with a line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from labctl.errors import (
    InputError,
    ManyInputErrors,
    Where,
    closest_name,
    did_you_mean,
    shorten,
)
from labctl.load.fields import field_names
from labctl.load.yaml_reader import Document, Place, Value, with_place
from labctl.model.base import NAME_PATTERN

UnknownKey = Callable[[Place], InputError | None]

MOST: Final = 20
"""Mistakes reported of one document; who made more will mend these first."""

_WANTED: Final = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}
_RULES: Final = {
    "too_short": "must not be empty",
    "too_long": "can have at most {max_length}",
    "greater_than_equal": "must be at least {ge}, not {value}",
    "less_than_equal": "must be at most {le}, not {value}",
}
_NAME_RULE: Final = (
    "must be a name of at most 63 small letters, digits, dots, dashes and underscores"
)


@dataclass(frozen=True, kw_only=True)
class _Problem:
    """One of pydantic's errors. `place` leads to it in the document; `branches` names, by place,
    the member of a union that pydantic tried there.
    """

    place: Place
    branches: dict[Place, str]
    on_key: bool
    kind: str
    context: dict[str, Any]
    message: str

    @property
    def wrong_type(self) -> bool:
        """Whether the value has a type that is not allowed there."""
        return self.kind in _WANTED or self.kind == "literal_error"

    @property
    def missing(self) -> Place | None:
        """The place of a key that isn't there."""
        return self.place if self.kind == "missing" else None


def raise_all(errors: Iterable[InputError]) -> None:
    """Raise the errors, sorted by file and line: one as it is, several (the first MOST) as
    ManyInputErrors. Do nothing without errors.
    """
    found = list(errors)
    files = [error.where.path for error in found if error.where]
    ordered = sorted(found, key=lambda error: _order(error.where, files))
    if len(ordered) == 1:
        raise ordered[0]
    if ordered:
        raise ManyInputErrors(tuple(ordered[:MOST]))


def _order(where: Where | None, files: list[Path]) -> tuple[int, int]:
    """Return a sort key: by file, then by line."""
    return (files.index(where.path), where.line) if where else (0, 0)


def input_errors(
    error: ValidationError,
    model: type[BaseModel],
    document: Document,
    unknown_key: UnknownKey = lambda _: None,
) -> list[InputError]:
    """Return an error for each mistake that pydantic found. `unknown_key` may word the error for a
    key that the model does not have.
    """
    found = (_problem(e, document) for e in error.errors(include_url=False))
    problems = [problem for problem in found if not _is_echo(problem, document)]
    misspelt = _misspelt(problems, model)
    groups = [group for group in _groups(problems) if group[0].missing not in misspelt]
    groups.sort(key=lambda group: document.where(group[0].place).line)
    return [
        (unknown_key(group[0].place) if group[0].kind == "extra_forbidden" else None)
        or _input_error(group, model, document)
        for group in groups[:MOST]
    ]


def _is_echo(problem: _Problem, document: Document) -> bool:
    """Tell whether a problem only repeats others. Pydantic also calls a list too short if every
    item in it is wrong.
    """
    return problem.kind == "too_short" and bool(document.get(problem.place))


def _misspelt(problems: list[_Problem], model: type[BaseModel]) -> set[Place | None]:
    """Return the places of keys that are missing only because they are misspelt."""
    lacking = {problem.place[:-1] for problem in problems if problem.missing}
    unknown = [p.place for p in problems if p.kind == "extra_forbidden" and p.place[:-1] in lacking]
    found: set[Place | None] = set()
    for place in unknown[:MOST]:
        meant = closest_name(str(place[-1]), field_names(model, place[:-1]))
        if meant:
            found.add((*place[:-1], meant))
    return found


def _problem(details: ErrorDetails, document: Document) -> _Problem:
    """Return pydantic's error as a problem at a place of the document."""
    place: Place = ()
    branches: dict[Place, str] = {}
    loc = details["loc"]
    for position, element in enumerate(loc):
        here = (*place, element)
        missing = details["type"] == "missing" and position == len(loc) - 1
        if here in document.values or missing:
            place = here
        else:  # pydantic's name for a member of a union, or for a wrapper
            branches.setdefault(place, str(element))
    return _Problem(
        place=place,
        branches=branches,
        on_key="[key]" in loc,
        kind=details["type"],
        context=details.get("ctx", {}),
        message=details["msg"],
    )


def _groups(problems: list[_Problem]) -> list[list[_Problem]]:
    """Leave out what is no mistake, and return the other problems in groups. A group says together
    what one value may be.

    A union gives the problems of all its members. If one member has the right type, the mistake is
    in that one, and the problems of the others' types are left out.
    """
    right_type = {
        place
        for problem in problems
        for place in problem.branches
        if not (problem.wrong_type and problem.place == place)
    }
    groups: dict[tuple[Place, bool, str], list[_Problem]] = {}
    for problem in problems:
        of_union = problem.wrong_type and problem.place in problem.branches
        if of_union and problem.place in right_type:
            continue
        same = "" if problem.wrong_type else problem.kind + problem.message
        groups.setdefault((problem.place, problem.on_key, same), []).append(problem)
    return list(groups.values())


def _input_error(group: list[_Problem], model: type[BaseModel], document: Document) -> InputError:
    """Return the error message for a group of problems."""
    problem = group[0]
    place = problem.place
    if problem.kind == "extra_forbidden":
        return unknown_key_error(place, field_names(model, place[:-1]), document)
    if problem.kind == "missing":
        message = with_place(place[:-1], f'the key "{place[-1]}" is missing')
        return InputError(message, where=document.where_key(place[:-1]))
    if problem.on_key:
        message = with_place(place, _rule(problem, str(place[-1])))
        return InputError(message, where=document.where_key(place))
    value = document.get(place)
    if problem.wrong_type:
        return _wrong_type(group, value, document)
    return InputError(with_place(place, _rule(problem, value)), where=document.where(place))


def unknown_key_error(place: Place, known: Iterable[str], document: Document) -> InputError:
    """Return the error for a key that is not known at its place. `known` are the keys that are."""
    key = str(place[-1])
    names = list(known)
    message = with_place(
        place[:-1], f'unknown key "{shorten(key, len(key))}"{did_you_mean(key, names)}'
    )
    hint = f"keys that can stand here: {', '.join(names)}" if names else ""
    return InputError(message, where=document.where_key(place), hint=hint)


def _wrong_type(group: list[_Problem], value: Value, document: Document) -> InputError:
    """Return the error message for a value of the wrong type."""
    place = group[0].place
    choices = [c for p in group if p.kind == "literal_error" for c in _choices(p)]
    types = [_WANTED[p.kind] for p in group if p.kind in _WANTED]
    wanted = _one_of(list(dict.fromkeys(types + [f'"{c}"' for c in choices])))
    text = document.texts.get(place, "")
    if value is None:
        return InputError(
            with_place(place, f"has no value: must be {wanted}"), where=document.where(place)
        )
    meant = did_you_mean(value, choices) if isinstance(value, str) else ""
    quote = types[:1] == ["text"] and isinstance(value, (int, float))
    return InputError(
        with_place(place, f"must be {wanted}, not {_described(value, text)}{meant}"),
        where=document.where(place),
        hint=f'put it in quotes: "{text}"' if quote else "",
    )


def _choices(problem: _Problem) -> list[str]:
    """Return the values that a problem says are allowed."""
    return re.findall(r"'([^']*)'", str(problem.context.get("expected", "")))


def _one_of(words: list[str]) -> str:
    """Join words with commas and a last `or`."""
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _described(value: Value, text: str) -> str:
    """Return a value as a message shows it."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, tuple):
        return "a list"
    if isinstance(value, str):
        return f'"{shorten(value)}"'
    kinds = {bool: "a boolean", int: "a whole number", float: "a number"}
    return f"{kinds[type(value)]} ({text})"


def _rule(problem: _Problem, value: Value) -> str:
    """Return the rule that a value of the right type breaks."""
    if problem.kind == "value_error":
        return shorten(str(problem.context["error"]), 400)
    if problem.context.get("pattern") == NAME_PATTERN:
        return f'{_NAME_RULE}, not "{shorten(str(value))}"'
    if problem.kind in _RULES:
        return _RULES[problem.kind].format(**problem.context, value=value)
    return shorten(problem.message[:1].lower() + problem.message[1:], 400)
