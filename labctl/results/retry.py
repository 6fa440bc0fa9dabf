"""Whether a failure is worth a retry: one kind for each, found by what exceptions say. Pure.

This looks at the exception alone, as a client must. Whether a request may be sent twice is
another question, which only its author can answer.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from labctl.model.libraries import libraries, timeout_exceptions
from labctl.model.result import ExceptionInfo


@dataclass(frozen=True)
class FailureKind:
    """A kind of failure; `retry` is None if the exception doesn't tell."""

    name: str
    retry: bool | None
    why: str


REFUSED = FailureKind("refused", True, "a server that is starting again refuses for a while")
BROKEN = FailureKind(
    "broken off", True, "a new connection may last; but the request may have been done"
)
TIMEOUT = FailureKind("timeout", True, "packets get lost, and hosts are slow, for a while")
UNREACHABLE = FailureKind("unreachable", True, "routes come back")
TRY_AGAIN = FailureKind("no answer from DNS", True, "name servers that don't answer may do so soon")
BUSY = FailureKind(
    "busy", True, "the server says itself that it is for now only (4yz, 429, 503, ...)"
)
NO_NAME = FailureKind("no such name", False, "the name server answered: it will say the same again")
CERTIFICATE = FailureKind("certificate", False, "the server has the same certificate the next time")
TLS = FailureKind("TLS", False, "both sides would offer the same again")
PROTOCOL = FailureKind("other protocol", False, "what answers there speaks something else")
REJECTED = FailureKind("rejected", False, "the server understood and said no (5yz, 404, ...)")
FORBIDDEN = FailureKind("not allowed", False, "this machine does not let the client")
WRONG_CALL = FailureKind("wrong call", False, "the arguments are wrong, whatever the network does")
UNKNOWN = FailureKind("unsaid", None, "the exception doesn't say what happened")

KINDS = (
    REFUSED, BROKEN, TIMEOUT, UNREACHABLE, TRY_AGAIN, BUSY, NO_NAME, CERTIFICATE, TLS, PROTOCOL,
    REJECTED, FORBIDDEN, WRONG_CALL, UNKNOWN,
)  # fmt: skip

_NUMBERS = {
    "ECONNREFUSED": REFUSED,
    "ECONNRESET": BROKEN,
    "ECONNABORTED": BROKEN,
    "EPIPE": BROKEN,
    "ETIMEDOUT": TIMEOUT,
    "EHOSTUNREACH": UNREACHABLE,
    "ENETUNREACH": UNREACHABLE,
    "EHOSTDOWN": UNREACHABLE,
    "ENETDOWN": UNREACHABLE,
    "EACCES": FORBIDDEN,
    "EPERM": FORBIDDEN,
    "EAI_AGAIN": TRY_AGAIN,
    "EAI_NONAME": NO_NAME,
    "EAI_NODATA": NO_NAME,
    "EAI_FAIL": NO_NAME,
}
"""By errno: the kernel's, or the resolver's."""
_RESOLVERS = {-2: "EAI_NONAME", -3: "EAI_AGAIN", -4: "EAI_FAIL", -5: "EAI_NODATA"}
"""The resolver's numbers in messages, as the C library on Linux has them."""
_KIND_BY_TYPE = {
    "ssl.SSLCertVerificationError": CERTIFICATE,
    "ssl.SSLEOFError": BROKEN,
    "ssl.SSLZeroReturnError": BROKEN,
    "ssl.SSLError": TLS,
    "ConnectionRefusedError": REFUSED,
    "ConnectionResetError": BROKEN,
    "ConnectionAbortedError": BROKEN,
    "BrokenPipeError": BROKEN,
}
"""By the type of an exception that Python itself raises, if the type says it all; the first that
fits counts. libraries.toml has those of client libraries.
"""
_WRONG_CALLS = {"OverflowError", "ValueError", "TypeError"}
_TRANSIENT_STATUS = {408, 425, 429, 502, 503, 504}
_TRANSIENT_REPLIES = range(400, 500)
_NO_ERROR = 400
_CODE = re.compile(r"\(([45]\d\d),")
_ERRNO = re.compile(r"\[Errno (-?\d+)\]")


def kind_of(exception: ExceptionInfo) -> FailureKind:
    """Return the kind of a failure, from an exception and all that it is chained to.

    What is certain comes first, wherever in the chain it is. Then come texts, because some
    libraries keep nothing else of an error. Then come types that only sound like a kind: urllib3
    calls a refusal a timeout, too (its `NewConnectionError` is a `TimeoutError` of its own).
    """
    chain = list(_chain(exception))
    rules: tuple[Callable[[ExceptionInfo], FailureKind | None], ...] = (
        _certain,
        _by_text,
        _by_type,
    )
    found = (rule(one) for rule in rules for one in chain)
    return next((kind for kind in found if kind), UNKNOWN)


def _chain(exception: ExceptionInfo) -> Iterator[ExceptionInfo]:
    """Yield the exception, the members of its group, and its cause or context, outermost first."""
    yield exception
    for inner in (*(exception.group or ()), exception.cause or exception.context):
        if inner is not None:
            yield from _chain(inner)


def _certain(exception: ExceptionInfo) -> FailureKind | None:
    """Return the kind of a failure by a server's reply, by an errno, or by an exact type. Return
    None if none tells.
    """
    by_reply = _by_reply(exception)
    if by_reply is not None:
        return by_reply
    by_number = _NUMBERS.get(exception.symbols.get("errno", ""))
    kinds = _kind_by_type()
    return by_number or next((kinds[base] for base in kinds if base in exception.bases), None)


@cache
def _kind_by_type() -> dict[str, FailureKind]:
    """Return the kind of failure for each known type of exception."""
    names = {kind.name: kind for kind in KINDS}
    of_libraries = (library.kinds.items() for library in libraries().values())
    return _KIND_BY_TYPE | {type_: names[kind] for kinds in of_libraries for type_, kind in kinds}


def _by_reply(exception: ExceptionInfo) -> FailureKind | None:
    """Return the kind of a failure by the code of a server's reply: of SMTP (RFC 5321, 4.2.1) or of
    HTTP (RFC 9110, 15). Return None if there is no reply.
    """
    for library in libraries().values():
        reply = library.reply
        if reply is None or reply.exception not in exception.bases:
            continue
        code = exception.attrs.get(reply.attribute)
        codes = [code] if type(code) is int and code >= _NO_ERROR else []
        if reply.codes == "http":
            return _by_codes(codes, _TRANSIENT_STATUS)
        recipients = str(exception.attrs.get("recipients", ""))
        codes = codes or [int(found) for found in _CODE.findall(recipients)]
        return _by_codes(codes, _TRANSIENT_REPLIES)
    return None


def _by_codes(codes: Sequence[int], transient: Container[int]) -> FailureKind | None:
    """Return the kind of failure for the lowest code, or None without a code."""
    if not codes:
        return None
    return BUSY if min(codes) in transient else REJECTED


def _by_text(exception: ExceptionInfo) -> FailureKind | None:
    """Return the kind of a failure by an error's name or number in the message, or None."""
    message = exception.message or ""
    if "CERTIFICATE_VERIFY_FAILED" in message:
        return CERTIFICATE
    found = _ERRNO.search(message)
    if found is None:
        return None
    number = int(found[1])
    return _NUMBERS.get(_RESOLVERS.get(number) or errno.errorcode.get(number, ""))


def _by_type(exception: ExceptionInfo) -> FailureKind | None:
    """Return the kind of a failure by a base that stands for timeouts or wrong arguments,
    or None.
    """
    if timeout_exceptions().intersection(exception.bases):
        return TIMEOUT
    return WRONG_CALL if _WRONG_CALLS.intersection(exception.bases) else None
