"""Exceptions by name: which are the same, which are bases of which.

Built-in exceptions are asked themselves. No module is imported: that would take its time.
"""

from __future__ import annotations

import builtins
from functools import cache
from typing import Final

from labctl.model.exceptions import known_names

_SAME: Final = {
    "EnvironmentError": "OSError",
    "IOError": "OSError",
    "WindowsError": "OSError",
    "asyncio.CancelledError": "asyncio.exceptions.CancelledError",
    "asyncio.TimeoutError": "TimeoutError",
    "asyncio.exceptions.TimeoutError": "TimeoutError",
    "concurrent.futures.TimeoutError": "TimeoutError",
    "concurrent.futures._base.TimeoutError": "TimeoutError",
    "select.error": "OSError",
    "socket.error": "OSError",
    "socket.timeout": "TimeoutError",
}
"""Names that one exception has had, to the one that it has today."""

_BASES: Final[dict[str, tuple[str, ...]]] = {
    "asyncio.exceptions.BrokenBarrierError": ("RuntimeError",),
    "asyncio.exceptions.IncompleteReadError": ("EOFError",),
    "asyncio.exceptions.SendfileNotAvailableError": ("RuntimeError",),
    "concurrent.futures._base.BrokenExecutor": ("RuntimeError",),
    "concurrent.futures._base.CancelledError": ("concurrent.futures._base.Error",),
    "concurrent.futures._base.InvalidStateError": ("concurrent.futures._base.Error",),
    "concurrent.futures.thread.BrokenThreadPool": ("concurrent.futures._base.BrokenExecutor",),
    "ftplib.error_perm": ("ftplib.Error",),
    "ftplib.error_proto": ("ftplib.Error",),
    "ftplib.error_reply": ("ftplib.Error",),
    "ftplib.error_temp": ("ftplib.Error",),
    "gzip.BadGzipFile": ("OSError",),
    "http.client.BadStatusLine": ("http.client.HTTPException",),
    "http.client.CannotSendHeader": ("http.client.ImproperConnectionState",),
    "http.client.CannotSendRequest": ("http.client.ImproperConnectionState",),
    "http.client.ImproperConnectionState": ("http.client.HTTPException",),
    "http.client.IncompleteRead": ("http.client.HTTPException",),
    "http.client.InvalidURL": ("http.client.HTTPException",),
    "http.client.LineTooLong": ("http.client.HTTPException",),
    "http.client.NotConnected": ("http.client.HTTPException",),
    "http.client.RemoteDisconnected": ("ConnectionResetError", "http.client.BadStatusLine"),
    "http.client.ResponseNotReady": ("http.client.ImproperConnectionState",),
    "http.client.UnimplementedFileMode": ("http.client.HTTPException",),
    "http.client.UnknownProtocol": ("http.client.HTTPException",),
    "http.client.UnknownTransferEncoding": ("http.client.HTTPException",),
    "imaplib.IMAP4.abort": ("imaplib.IMAP4.error",),
    "imaplib.IMAP4.readonly": ("imaplib.IMAP4.abort",),
    "json.decoder.JSONDecodeError": ("ValueError",),
    "smtplib.SMTPAuthenticationError": ("smtplib.SMTPResponseException",),
    "smtplib.SMTPConnectError": ("smtplib.SMTPResponseException",),
    "smtplib.SMTPDataError": ("smtplib.SMTPResponseException",),
    "smtplib.SMTPException": ("OSError",),
    "smtplib.SMTPHeloError": ("smtplib.SMTPResponseException",),
    "smtplib.SMTPNotSupportedError": ("smtplib.SMTPException",),
    "smtplib.SMTPRecipientsRefused": ("smtplib.SMTPException",),
    "smtplib.SMTPResponseException": ("smtplib.SMTPException",),
    "smtplib.SMTPSenderRefused": ("smtplib.SMTPResponseException",),
    "smtplib.SMTPServerDisconnected": ("smtplib.SMTPException",),
    "socket.gaierror": ("OSError",),
    "socket.herror": ("OSError",),
    "ssl.SSLCertVerificationError": ("ssl.SSLError", "ValueError"),
    "ssl.SSLEOFError": ("ssl.SSLError",),
    "ssl.SSLError": ("OSError",),
    "ssl.SSLSyscallError": ("ssl.SSLError",),
    "ssl.SSLWantReadError": ("ssl.SSLError",),
    "ssl.SSLWantWriteError": ("ssl.SSLError",),
    "ssl.SSLZeroReturnError": ("ssl.SSLError",),
    "urllib.error.ContentTooShortError": ("urllib.error.URLError",),
    "urllib.error.HTTPError": ("urllib.error.URLError",),
    "urllib.error.URLError": ("OSError",),
    "xmlrpc.client.Fault": ("xmlrpc.client.Error",),
    "xmlrpc.client.ProtocolError": ("xmlrpc.client.Error",),
    "xmlrpc.client.ResponseError": ("xmlrpc.client.Error",),
}
"""Of network modules, so that none needs to be imported; a base that says nothing is left out."""

_TOO_WIDE = frozenset({"object", "BaseException", "Exception"})


def canonical(name: str) -> str:
    """Return the name that an exception has today, for one that had another name in an older
    Python.
    """
    bare = name.removeprefix("builtins.")
    return _SAME.get(bare, bare)


def aliases(name: str) -> set[str]:
    """Return all names, old ones too, of the exception that has this name today."""
    return {name, *(old for old, new in _SAME.items() if new == name)}


@cache
def is_known(name: str) -> bool:
    """Tell whether the standard library has an exception of this name."""
    return name in known_names() or canonical(name) in known_names()


@cache
def bases(name: str) -> tuple[str, ...]:
    """Return an exception's own name and the names of its bases, without `object`, `BaseException`
    and `Exception`; the own name alone if the exception is not known.
    """
    own = canonical(name)
    found = getattr(builtins, own, None)
    if isinstance(found, type) and issubclass(found, BaseException):
        return tuple(kind.__name__ for kind in found.__mro__ if kind.__name__ not in _TOO_WIDE)
    inherited = [base for parent in _BASES.get(own, ()) for base in bases(parent)]
    return tuple(dict.fromkeys([own, *inherited]))


def called(name: str) -> str | None:
    """Return the full name of the exception that a text calls by this name, with its module or
    without. A built-in exception comes first.
    """
    if is_known(name):
        return name
    return min((full for full in known_names() if full.endswith(f".{name}")), default=None)
