"""An expected exception against an observed one, with all that hangs on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from labctl.model.expectation import ExpectedException
from labctl.model.result import Difference, ExceptionInfo

Scalar = int | float | bool | str | None
_CLIP = 200


def clip(text: str) -> str:
    """Return a client's text, cut to a length that a sentence can hold."""
    return text if len(text) <= _CLIP else f"{text[:_CLIP]}..."


def describe(expected: ExpectedException) -> str:
    """Return what was expected, in words: the type, or `a TYPE` if subclasses will do."""
    return expected.raises or f"a kind of {expected.isa}"


def differences(
    expected: ExpectedException, observed: ExceptionInfo, path: str = ""
) -> Iterator[Difference]:
    """Return every way in which an exception is not the expected one. `path` names where it is in a
    chain, like `cause.`.

    Attributes and the rest are compared only where the type is right. The exceptions of a group
    are compared in their order, and must be as many.
    """
    if not _type_fits(expected, observed):
        yield Difference(
            what=f"{path}exception",
            expected=describe(expected),
            actual=observed.type,
            message=f"expected {describe(expected)}{_of(path)}, but {_type(observed)} was raised",
        )
        return
    yield from _attrs(expected, observed, path)
    yield from _message(expected, observed, path)
    yield from _linked("cause", expected.cause, observed.cause, path)
    yield from _linked("context", expected.context, observed.context, path)
    yield from _group(expected, observed, path)


def _type_fits(expected: ExpectedException, observed: ExceptionInfo) -> bool:
    """Tell whether an exception has the expected type, or the expected base."""
    if expected.raises is not None:
        return observed.type == expected.raises
    return expected.isa in (observed.type, *observed.bases)


def _type(observed: ExceptionInfo) -> str:
    """Return the name of an exception's type, as a message shows it."""
    if not observed.named:
        return observed.type
    return f"a class that the client made and called {observed.named}"


def _of(path: str) -> str:
    """Return whose attribute a path names: ` as its cause`, ` as its context's cause`; empty for
    the exception itself.
    """
    return " as its " + "'s ".join(path.split(".")[:-1]) if path else ""


def _attrs(expected: ExpectedException, observed: ExceptionInfo, path: str) -> Iterator[Difference]:
    """Yield a difference for each attribute that is missing or has another value."""
    for name, wanted in expected.attrs.items():
        if name not in observed.attrs:
            actual = "none"
            said = f"{observed.type} has no {name}"
        else:
            value, symbol = observed.attrs[name], observed.symbols.get(name)
            if _value_fits(wanted, value, symbol):
                continue
            actual = f"{symbol} ({value})" if symbol else clip(_text(value))
            said = f"it was {actual}"
        yield Difference(
            what=f"{path}attrs.{name}",
            expected=_text(wanted),
            actual=actual,
            message=f"expected {path}{name} to be {_text(wanted)}, but {said}",
        )


def _value_fits(wanted: Scalar, value: Scalar, symbol: str | None) -> bool:
    """Tell whether an attribute's value is the expected one, as itself, as its `repr`, or by its
    symbol, such as ECONNREFUSED.
    """
    if isinstance(wanted, str):
        return wanted in (value, symbol, repr(value))
    if isinstance(wanted, bool) or isinstance(value, bool):
        return wanted is value
    return wanted == value


def _text(value: Scalar) -> str:
    """Return a value as a message shows it."""
    return value if isinstance(value, str) else repr(value)


def _message(
    expected: ExpectedException, observed: ExceptionInfo, path: str
) -> Iterator[Difference]:
    """Yield a difference if the exception's message does not contain the expected text."""
    if expected.message is None or expected.message in (observed.message or ""):
        return
    there = observed.message is not None
    said = f"it was {clip(repr(observed.message))}" if there else "there was none"
    yield Difference(
        what=f"{path}message",
        expected=expected.message,
        actual=observed.message or "none",
        message=f"expected the message{_of(path)} to contain {expected.message!r}, but {said}",
    )


def _linked(
    kind: Literal["cause", "context"],
    expected: ExpectedException | Literal["none"] | None,
    observed: ExceptionInfo | None,
    path: str,
) -> Iterator[Difference]:
    """Yield the differences of an exception's cause or context."""
    if expected is None:
        return
    if isinstance(expected, ExpectedException) and observed is not None:
        yield from differences(expected, observed, f"{path}{kind}.")
    elif isinstance(expected, ExpectedException) or observed is not None:
        wanted = expected if isinstance(expected, str) else describe(expected)
        actual = observed.type if observed else "none"
        yield Difference(
            what=f"{path}{kind}",
            expected=wanted,
            actual=actual,
            message=f"expected {path}{kind} to be {wanted}, but it was {actual}",
        )


def _group(expected: ExpectedException, observed: ExceptionInfo, path: str) -> Iterator[Difference]:
    """Yield the differences of the members of an exception group."""
    if expected.group is None:
        return
    found = observed.group or ()
    if len(found) == len(expected.group):
        for number, (wanted, one) in enumerate(zip(expected.group, found, strict=True), 1):
            yield from differences(wanted, one, f"{path}group[{number}].")
        return
    yield Difference(
        what=f"{path}group",
        expected=", ".join(describe(one) for one in expected.group),
        actual=", ".join(one.type for one in found) or "none",
        message=f"expected a group{_of(path)} of {len(expected.group)}, "
        f"but there {'was' if len(found) == 1 else 'were'} {len(found)}",
    )
