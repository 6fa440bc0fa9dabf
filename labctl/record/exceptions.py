"""From an exception, as several repeats observed it, to what to expect of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from labctl.load.files import forbidden_character
from labctl.model.exceptions import check_exception_name
from labctl.model.expectation import Scalar
from labctl.model.result import ExceptionInfo
from labctl.record.notes import Notes, Unrecordable

Expected = dict[str, Any]
"""A mapping as `expect:` has it, with its keys in the order in which they are written."""

_TIMEOUTS = {"TimeoutError", "socket.timeout"}
_TELLING: dict[str, tuple[str, ...]] = {
    "asyncio.exceptions.IncompleteReadError": ("expected",),
    "http.client.BadStatusLine": ("line",),
    "http.client.IncompleteRead": ("expected",),
    "smtplib.SMTPRecipientsRefused": ("recipients",),
    "smtplib.SMTPResponseException": ("smtp_code",),
    "smtplib.SMTPSenderRefused": ("sender",),
    "ssl.SSLCertVerificationError": ("verify_code",),
    "ssl.SSLError": ("reason",),
    "urllib.error.HTTPError": ("code",),
    "xmlrpc.client.Fault": ("faultCode",),
    "xmlrpc.client.ProtocolError": ("errcode",),
}
"""Attributes that say what happened, and nothing of when or where, by the class that has them."""
_TOO_WIDE = {"BaseException", "Exception", "object"}


_FLEETING = re.compile(
    r"""
      \b\d{1,3}(?:\.\d{1,3}){3}\b       # an address: a client's is that of its tap
    | \b[0-9a-f]{1,4}(?::[0-9a-f]{0,4}){3,}   # one of IPv6, or of hardware
    | 0x[0-9a-fA-F]{4,}                 # where something is in memory
    | \b\d{1,2}:\d{2}(?::\d{2})?\b      # a time of day
    | \b\d{4}-\d{2}-\d{2}\b             # a date
    | _ssl\.c:\d+                       # a line of CPython's source
    | \b[0-9a-f]{12,}\b                 # an id, such as a container's
    """,
    re.VERBOSE,
)
_MAX_LENGTH = 80


def expected_exception(repeats: Sequence[ExceptionInfo], notes: Notes, path: str = "") -> Expected:
    """Return what holds of an exception in every repeat. `path` leads to it, such as `cause.`.

    Adds to `notes` what was left out. Raise Unrecordable if the repeats have no type in common
    that says anything.
    """
    found = _type(repeats, notes, path)
    attrs = _attrs(repeats, notes, path)
    if attrs:
        found["attrs"] = attrs
    for kind in ("cause", "context"):
        found |= _linked(kind, [getattr(one, kind) for one in repeats], repeats, notes, path)
    if any(one.group is not None for one in repeats):
        found |= _group(repeats, notes, path)
    return found


def stable_message(repeats: Sequence[ExceptionInfo]) -> str | None:
    """Return the message if it is the same in every repeat, and will be the next time."""
    texts = {one.message for one in repeats}
    text = texts.pop()
    return text if text and text.strip() and not texts and is_stable(text) else None


def _type(repeats: Sequence[ExceptionInfo], notes: Notes, path: str) -> Expected:
    """Return the expected type, or the first base that the repeats share. Raise Unrecordable if
    there is none.
    """
    types = list(dict.fromkeys(one.type for one in repeats))
    if len(types) == 1:
        return {"raises": _checked(types[0])}
    shared = (
        base
        for base in repeats[0].bases
        if base not in _TOO_WIDE and all(base in one.bases for one in repeats)
    )
    base = next(shared, None)
    if base is None:
        raise Unrecordable(f"its repeats raise {' and '.join(types)}")
    notes.add(f"{path}raises", f"repeats raise {' and '.join(types)}: `isa: {base}`")
    return {"isa": _checked(base)}


def _checked(name: str) -> str:
    """Return the name. Raise Unrecordable if a scenario can't have it."""
    try:
        return check_exception_name(name)
    except ValueError as error:
        raise Unrecordable(str(error)) from None


def _attrs(repeats: Sequence[ExceptionInfo], notes: Notes, path: str) -> dict[str, Scalar]:
    """Return the attributes that are worth expecting and are the same in all repeats."""
    found: dict[str, Scalar] = {}
    for name in _names(repeats[0]):
        values = [_value(one, name) for one in repeats if name in one.attrs]
        if len(values) < len(repeats) or any(value != values[0] for value in values):
            notes.add(f"{path}attrs.{name}", "differs between repeats: left out")
        elif not isinstance(values[0], str) or is_stable(values[0]):
            found[name] = values[0]
    return found


def _names(exception: ExceptionInfo) -> list[str]:
    """Return the names of an exception's attributes that are worth expecting."""
    telling = [name for base in exception.bases for name in _TELLING.get(base, ())]
    number = exception.attrs.get("errno")
    if "errno" in exception.attrs and (number is not None or exception.type in _TIMEOUTS):
        telling.insert(0, "errno")
    return [name for name in dict.fromkeys(telling) if name in exception.attrs]


def _value(exception: ExceptionInfo, name: str) -> Scalar:
    """Return an attribute's value, or its symbol, such as ECONNREFUSED."""
    return exception.symbols.get(name, exception.attrs[name])


def _linked(
    kind: str,
    links: Sequence[ExceptionInfo | None],
    repeats: Sequence[ExceptionInfo],
    notes: Notes,
    path: str,
) -> Expected:
    """Return what to expect of the cause or the context. That there is none is only said of the
    outermost exception.
    """
    there = [link for link in links if link is not None]
    if len(there) == len(links):
        return {kind: expected_exception(there, notes, f"{path}{kind}.")}
    if there:
        notes.add(f"{path}{kind}", "is there in some repeats only: left out")
    elif not path and not any(one.omitted for one in repeats):
        return {kind: "none"}
    return {}


def _group(repeats: Sequence[ExceptionInfo], notes: Notes, path: str) -> Expected:
    """Return the expected members of a group, compared over all repeats. If the repeats have
    different numbers of members, return nothing, and add a note for `path` to `notes`.
    """
    groups = [one.group or () for one in repeats]
    if len({len(group) for group in groups}) > 1 or any(one.omitted for one in repeats):
        notes.add(f"{path}group", "can't be told for sure: left out")
        return {}
    members = zip(*groups, strict=True)
    return {
        "group": [
            expected_exception(one, notes, f"{path}group[{number}].")
            for number, one in enumerate(members, 1)
        ]
    }


def is_stable(text: str) -> bool:
    """Return whether a text will be the same the next time: it is short, printable, and without
    addresses, times or ids.
    """
    return (
        0 < len(text) <= _MAX_LENGTH
        and forbidden_character(text) is None
        and _FLEETING.search(text) is None
    )
