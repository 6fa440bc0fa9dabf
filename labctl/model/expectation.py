"""What an attempt must observe, as a scenario's `expect:` says it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Literal

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version
from pydantic import AfterValidator, Field, model_validator

from labctl.model.base import Input, Seconds, Text
from labctl.model.exceptions import check_exception_name
from labctl.model.flows import check_wire
from labctl.model.served import check_served

ANY = "..."
"""Stands for any number of stack frames, or for any returned value."""

_FRAME = re.compile(r"[A-Za-z_][\w.]*:[^\s:]+")


def _frame(text: str) -> str:
    """Return the text. Raise ValueError if it is not a stack frame or `...`."""
    if text != ANY and not _FRAME.fullmatch(text):
        raise ValueError(f"a stack frame is module:qualname or ..., not {text!r}")
    return text


def _specifier(text: str) -> str:
    """Return the text. Raise ValueError if it is not a version specifier (PEP 440)."""
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        raise ValueError(
            f"{text!r} is no PEP 440 specifier; one looks like >=3.11 or ==3.9.*"
        ) from None
    return text


ExceptionName = Annotated[str, AfterValidator(check_exception_name)]
StackFrame = Annotated[str, AfterValidator(_frame)]
Specifier = Annotated[str, AfterValidator(_specifier)]
WireLine = Annotated[str, AfterValidator(check_wire)]
Served = Annotated[str, AfterValidator(check_served)]
Scalar = int | float | bool | str | None


class ExpectedException(Input):
    """One exception: its exact type (`raises`) or a base of it (`isa`), and what it carries.

    `attrs` values may be symbolic (`ECONNREFUSED`, `EAI_NONAME`). `message` is a text that the
    message must contain. `cause` and `context` are "none" where there must not be one.
    """

    raises: ExceptionName | None = None
    isa: ExceptionName | None = None
    message: Text | None = None
    attrs: dict[str, Scalar] = Field(default_factory=dict)
    cause: ExpectedException | Literal["none"] | None = None
    context: ExpectedException | Literal["none"] | None = None
    group: tuple[ExpectedException, ...] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _one_outcome(self) -> ExpectedException:
        """Raise ValueError if not exactly one outcome is expected, or if keys of an exception come
        without one.
        """
        if sum(value is not None for value in self.outcomes()) != 1:
            raise ValueError(f"needs exactly one of: {', '.join(self.outcome_keys())}")
        if self.raises is None and self.isa is None:
            self._only_with_exception()
        return self

    def _only_with_exception(self) -> None:
        """Raise ValueError if there is a key that only an exception can have."""
        for key in ("message", "attrs", "cause", "context", "group", "stack"):
            if getattr(self, key, None):
                raise ValueError(f"{key} goes with raises or isa, not with returns")

    def everything(self) -> Iterator[ExpectedException]:
        """Yield this exception, its cause, context and group members, and theirs."""
        yield self
        for one in (self.cause, self.context, *(self.group or ())):
            if isinstance(one, ExpectedException):
                yield from one.everything()

    def outcome_keys(self) -> tuple[str, ...]:
        """Return the keys that say how a client must end."""
        return ("raises", "isa")

    def outcomes(self) -> tuple[str | None, ...]:
        """Return the keys of this exception that say how a client must end."""
        return tuple(getattr(self, key) for key in self.outcome_keys())


class Elapsed(Input):
    """Bounds of the time that the client's code ran, in seconds."""

    min: Seconds | None = None
    max: Seconds | None = None


class Expectation(ExpectedException):
    """One variant of what an attempt must observe; the first whose `python` matches counts.

    `returns` is the Python literal that the client's last expression must have, or `...` for any
    value. `unhandled` lists what must end in threads and tasks without reaching the client.
    """

    python: Specifier | None = None
    returns: Text | None = None
    stack: tuple[StackFrame, ...] | None = None
    unhandled: tuple[ExpectedException, ...] = ()
    wire: Literal["nothing"] | tuple[WireLine, ...] | None = None
    served: tuple[Served, ...] | None = None
    elapsed: Elapsed | None = None

    def everything(self) -> Iterator[ExpectedException]:
        """Yield every exception that is expected: the client's own with its chain, and those that
        end threads and tasks.
        """
        if self.returns is None:
            yield from super().everything()
        for one in self.unhandled:
            yield from one.everything()

    def outcome_keys(self) -> tuple[str, ...]:
        """Return the keys that say how a client must end."""
        return ("raises", "isa", "returns")

    def admits(self, python: str) -> bool:
        """Tell whether this variant is for the Python of this version (`3.13.5`)."""
        return self.python is None or SpecifierSet(self.python).contains(
            Version(python), prereleases=True
        )

    def may_admit(self, series: str) -> bool:
        """Tell whether this variant is for any Python of this series (`3.13`)."""
        return self.python is None or _may_admit(self.python, series)


@cache
def _may_admit(specifier: str, series: str) -> bool:
    """Tell whether a specifier contains any version of a series. All possible versions are tried,
    and the answer is cached.
    """
    tails = [
        *map(str, range(100)),
        *(f"0{stage}{n}" for stage in ("a", "b", "rc") for n in range(10)),
    ]
    wanted = SpecifierSet(specifier)
    return any(wanted.contains(Version(f"{series}.{tail}"), prereleases=True) for tail in tails)
