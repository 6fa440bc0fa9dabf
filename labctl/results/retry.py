"""Whether a failure is worth a retry: one kind for each, found by what exceptions say. Pure.

This looks at the exception alone, as a client must. Whether a request may be sent twice is
another question, which only its author can answer.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from labctl.model.result import ExceptionInfo


@dataclass(frozen=True)
class Kind:
    """A kind of failure; `retry` is None where the exception doesn't tell."""

    name: str
    retry: bool | None
    why: str


REFUSED = Kind("refused", True, "a server that is starting again refuses for a while")
BROKEN = Kind("broken off", True, "a new connection may last; but the request may have been done")
TIMEOUT = Kind("timeout", True, "packets get lost, and hosts are slow, for a while")
UNREACHABLE = Kind("unreachable", True, "routes come back")
TRY_AGAIN = Kind("no answer from DNS", True, "name servers that don't answer may do so soon")
BUSY = Kind("busy", True, "the server says itself that it is for now only (4yz, 429, 503, ...)")
NO_NAME = Kind("no such name", False, "the name server answered: it will say the same again")
CERTIFICATE = Kind("certificate", False, "the server has the same certificate the next time")
TLS = Kind("TLS", False, "both sides would offer the same again")
PROTOCOL = Kind("other protocol", False, "what answers there speaks something else")
REJECTED = Kind("rejected", False, "the server understood and said no (5yz, 404, ...)")
FORBIDDEN = Kind("not allowed", False, "this machine does not let the client")
WRONG_CALL = Kind("wrong call", False, "the arguments are wrong, whatever the network does")
UNKNOWN = Kind("unsaid", None, "the exception doesn't say what happened")

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
"""By errno, the kernel's or the resolver's."""
_RESOLVERS = {-2: "EAI_NONAME", -3: "EAI_AGAIN", -4: "EAI_FAIL", -5: "EAI_NODATA"}
"""The C library's numbers on Linux, as texts have them."""
_HARD = {
    "ssl.SSLCertVerificationError": CERTIFICATE,
    "ssl.SSLEOFError": BROKEN,
    "ssl.SSLZeroReturnError": BROKEN,
    "ssl.SSLError": TLS,
    "ConnectionRefusedError": REFUSED,
    "ConnectionResetError": BROKEN,
    "ConnectionAbortedError": BROKEN,
    "BrokenPipeError": BROKEN,
    "smtplib.SMTPServerDisconnected": BROKEN,
    "aiosmtplib.errors.SMTPServerDisconnected": BROKEN,
    "aiohttp.client_exceptions.ServerDisconnectedError": BROKEN,
    "http.client.RemoteDisconnected": BROKEN,
    "http.client.IncompleteRead": BROKEN,
    "http.client.BadStatusLine": PROTOCOL,
}
"""By type, where that says it all; the first that fits counts."""
_TIMEOUTS = {
    "TimeoutError",
    "socket.timeout",
    "asyncio.exceptions.TimeoutError",
    "requests.exceptions.Timeout",
    "urllib3.exceptions.TimeoutError",
    "httpx.TimeoutException",
}
_WRONG = {"OverflowError", "ValueError", "TypeError"}
_TRANSIENT_STATUS = {408, 425, 429, 502, 503, 504}
_SMTP_CODES = ("smtp_code", "code")
_SERVER_ERRORS = 500
_NO_ERROR = 400
_CODE = re.compile(r"\(([45]\d\d),")
_ERRNO = re.compile(r"\[Errno (-?\d+)\]")


def kind_of(exception: ExceptionInfo) -> Kind:
    """The kind of a failure.

    What is certain comes first, wherever in the chain it is; then what a text says, since some
    libraries keep no more of an error; then types that only sound like a kind: urllib3 calls a
    refusal a timeout, too (`NewConnectionError` is a `TimeoutError` of its own).
    """
    chain = list(_chain(exception))
    rules: tuple[Callable[[ExceptionInfo], Kind | None], ...] = (_certain, _by_text, _by_type)
    found = (rule(one) for rule in rules for one in chain)
    return next((kind for kind in found if kind), UNKNOWN)


def _chain(exception: ExceptionInfo) -> Iterator[ExceptionInfo]:
    """The exception and what it came of, from the outermost inwards."""
    yield exception
    for inner in (*(exception.group or ()), exception.cause or exception.context):
        if inner is not None:
            yield from _chain(inner)


def _certain(one: ExceptionInfo) -> Kind | None:
    code = _server_code(one)
    if code is not None:
        return code
    by_number = _NUMBERS.get(one.symbols.get("errno", ""))
    return by_number or next((_HARD[base] for base in _HARD if base in one.bases), None)


def _server_code(one: ExceptionInfo) -> Kind | None:
    """By what a server answered: SMTP (RFC 5321, 4.2.1), or HTTP (RFC 9110, 15)."""
    codes = [one.attrs.get(name) for name in _SMTP_CODES]
    code = next((code for code in codes if type(code) is int and code >= _NO_ERROR), None)
    if "urllib.error.HTTPError" in one.bases and code is not None:
        return BUSY if code in _TRANSIENT_STATUS else REJECTED
    if not any(base.startswith(("smtplib.SMTP", "aiosmtplib.errors.SMTP")) for base in one.bases):
        return None
    if code is not None:
        return BUSY if code < _SERVER_ERRORS else REJECTED
    refused = [int(found) for found in _CODE.findall(str(one.attrs.get("recipients", "")))]
    if not refused:
        return None
    return BUSY if min(refused) < _SERVER_ERRORS else REJECTED


def _by_text(one: ExceptionInfo) -> Kind | None:
    message = one.message or ""
    if "CERTIFICATE_VERIFY_FAILED" in message:
        return CERTIFICATE
    found = _ERRNO.search(message)
    if found is None:
        return None
    number = int(found[1])
    return _NUMBERS.get(_RESOLVERS.get(number) or errno.errorcode.get(number, ""))


def _by_type(one: ExceptionInfo) -> Kind | None:
    if _TIMEOUTS.intersection(one.bases):
        return TIMEOUT
    return WRONG_CALL if _WRONG.intersection(one.bases) else None
