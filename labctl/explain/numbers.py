"""What an exception's message tells of the attributes that it was made with."""

from __future__ import annotations

import errno
import re
from typing import Final

Scalar = int | float | bool | str | None

_ERRNO = re.compile(r"\[Errno (-?\d+)\]|^\((-?\d+), |^\(?\w+\((-?\d+), ")
_WINDOWS = re.compile(r"\[WinError (\d+)\]")
_CODES = {
    "reason": re.compile(r"\[SSL: (\w+)\]"),
    "smtp_code": re.compile(r"^\((\d{3}), "),
    "recipients": re.compile(r": \((\d{3}), b"),
    "code": re.compile(r"^HTTP Error (\d{3}): "),
}
"""Where messages have what attributes hold."""
_VERIFY = re.compile(r"certificate verify failed: (.+?)(?: \(_ssl\.c:\d+\))?[)\]>']*$")

_BY_WORDS: Final = {
    "connection refused": "ECONNREFUSED",
    "connection reset by peer": "ECONNRESET",
    "connection timed out": "ETIMEDOUT",
    "operation timed out": "ETIMEDOUT",
    "broken pipe": "EPIPE",
    "network is unreachable": "ENETUNREACH",
    "no route to host": "EHOSTUNREACH",
    "host is down": "EHOSTDOWN",
    "address already in use": "EADDRINUSE",
    "can't assign requested address": "EADDRNOTAVAIL",
    "cannot assign requested address": "EADDRNOTAVAIL",
    "software caused connection abort": "ECONNABORTED",
    "permission denied": "EACCES",
    "operation not permitted": "EPERM",
    "too many open files": "EMFILE",
    "message too long": "EMSGSIZE",
    "name or service not known": "EAI_NONAME",
    "nodename nor servname provided": "EAI_NONAME",
    "temporary failure in name resolution": "EAI_AGAIN",
    "no address associated with hostname": "EAI_NODATA",
    "servname not supported": "EAI_SERVICE",
    "address family for hostname not supported": "EAI_ADDRFAMILY",
}
"""The same on every system, while the numbers beside them are not."""
_OF_WINDOWS: Final = {
    10013: "EACCES",
    10048: "EADDRINUSE",
    10049: "EADDRNOTAVAIL",
    10051: "ENETUNREACH",
    10053: "ECONNABORTED",
    10054: "ECONNRESET",
    10060: "ETIMEDOUT",
    10061: "ECONNREFUSED",
    10065: "EHOSTUNREACH",
    11001: "EAI_NONAME",
    11002: "EAI_AGAIN",
    11004: "EAI_NODATA",
}
"""WinError numbers. Source: Windows Sockets error codes."""
_OF_RESOLVER: Final = {
    -2: "EAI_NONAME",
    -3: "EAI_AGAIN",
    -4: "EAI_FAIL",
    -5: "EAI_NODATA",
    -8: "EAI_SERVICE",
    -9: "EAI_ADDRFAMILY",
    11001: "EAI_NONAME",
    11002: "EAI_AGAIN",
    11004: "EAI_NODATA",
}
"""Numbers of a socket.gaierror. Source: netdb.h of glibc; Windows has its own."""
_VERIFY_CODES: Final = (
    ("unable to get certificate CRL", 3),
    ("certificate is not yet valid", 9),
    ("certificate has expired", 10),
    ("self-signed certificate in certificate chain", 19),
    ("self signed certificate in certificate chain", 19),
    ("self-signed certificate", 18),
    ("self signed certificate", 18),
    ("unable to get local issuer certificate", 20),
    ("unable to verify the first certificate", 21),
    ("certificate revoked", 23),
    ("unsupported certificate purpose", 26),
    ("unsuitable certificate purpose", 26),
    ("Hostname mismatch", 62),
    ("IP address mismatch", 64),
    ("EE certificate key too weak", 66),
    ("CA certificate key too weak", 67),
    ("CA signature digest algorithm too weak", 68),
    ("Basic Constraints of CA cert not marked critical", 89),
)
"""How the text of an X509_V_ERR begins, and its number. Source: x509_txt.c of OpenSSL."""


def symbol(message: str | None) -> str | None:
    """Return the name of the error number in a message: ECONNRESET for `[Errno 104] Connection
    reset by peer`. The words count first, because other systems have other numbers; then the
    numbers of Linux and Windows.
    """
    number = _number(message or "")
    if message is None or number is None:
        return None
    folded = message.casefold()
    for words, name in _BY_WORDS.items():
        if words in folded:
            return name
    windows = _WINDOWS.search(message)
    if windows:
        return _OF_WINDOWS.get(int(windows[1]))
    return _OF_RESOLVER.get(number) or errno.errorcode.get(number)


def _number(message: str) -> int | None:
    """Return the error number in a message, or None."""
    found = _ERRNO.search(message) or _WINDOWS.search(message)
    return int(next(group for group in found.groups() if group)) if found else None


def agrees(name: str, wanted: Scalar, message: str) -> bool | None:
    """Tell whether a message gives an attribute this value (True) or another (False). Return None
    if it tells neither.
    """
    if name == "errno":
        return _errno_agrees(wanted, message)
    if name == "verify_code":
        code = _verify_code(message)
        return None if code is None else code == wanted
    if wanted is None or isinstance(wanted, bool) or str(wanted) == "":
        return None
    if name in _CODES and (told := set(_CODES[name].findall(message))):
        return told == set(_CODES[name].findall(str(wanted)) or [str(wanted)])
    text = re.escape(str(wanted).strip())
    return True if re.search(rf"(?<![\w]){text}(?![\w])", message) else None


def _errno_agrees(wanted: Scalar, message: str) -> bool | None:
    """Tell whether a message gives `errno` this value, or another. Return None if it tells
    neither.
    """
    number = _number(message)
    if wanted is None:
        return number is None
    if number is None:
        return None
    name = symbol(message)
    if isinstance(wanted, int):
        return wanted == number or name == errno.errorcode.get(wanted)
    return name == wanted


def _verify_code(message: str) -> int | None:
    """Return OpenSSL's verify code for the reason in a message, or None."""
    found = _VERIFY.search(message)
    if not found:
        return None
    return next((code for text, code in _VERIFY_CODES if found[1].startswith(text)), None)
