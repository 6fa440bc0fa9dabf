"""The kind of a failure, by what its exceptions say."""

from __future__ import annotations

from typing import Any

import pytest

from labctl.model.result import ExceptionInfo
from labctl.results.retry import (
    BROKEN,
    BUSY,
    CERTIFICATE,
    FORBIDDEN,
    KINDS,
    NO_NAME,
    PROTOCOL,
    REFUSED,
    REJECTED,
    TIMEOUT,
    TLS,
    TRY_AGAIN,
    UNKNOWN,
    UNREACHABLE,
    WRONG_CALL,
    FailureKind,
    kind_of,
)


def info(type_: str, *bases: str, symbol: str = "", **more: Any) -> ExceptionInfo:
    symbols = {"errno": symbol} if symbol else {}
    return ExceptionInfo(type=type_, bases=(type_, *bases), symbols=symbols, **more)


GAI = ("OSError", "Exception")
SMTP = ("smtplib.SMTPResponseException", "smtplib.SMTPException", "OSError")
AIOSMTPLIB = ("aiosmtplib.errors.SMTPResponseException", "aiosmtplib.errors.SMTPException")
DISCONNECTED = ("ConnectionResetError", "http.client.BadStatusLine")


@pytest.mark.parametrize(
    ("exception", "kind"),
    [
        (info("ConnectionRefusedError", "OSError", symbol="ECONNREFUSED"), REFUSED),
        (info("ConnectionResetError", "OSError", symbol="ECONNRESET"), BROKEN),
        (info("BrokenPipeError", "OSError", symbol="EPIPE"), BROKEN),
        (info("TimeoutError", "OSError", symbol="ETIMEDOUT"), TIMEOUT),
        (info("TimeoutError", "OSError"), TIMEOUT),
        (info("socket.timeout", "OSError"), TIMEOUT),
        (info("asyncio.exceptions.TimeoutError", "Exception"), TIMEOUT),
        (info("OSError", symbol="EHOSTUNREACH"), UNREACHABLE),
        (info("PermissionError", "OSError", symbol="EPERM"), FORBIDDEN),
        (info("socket.gaierror", *GAI, symbol="EAI_AGAIN"), TRY_AGAIN),
        (info("socket.gaierror", *GAI, symbol="EAI_NONAME"), NO_NAME),
        (info("ssl.SSLCertVerificationError", "ssl.SSLError", "OSError", "ValueError"),
         CERTIFICATE),
        (info("ssl.SSLEOFError", "ssl.SSLError", "OSError"), BROKEN),
        (info("ssl.SSLError", "OSError"), TLS),
        (info("smtplib.SMTPConnectError", *SMTP, attrs={"smtp_code": 421}), BUSY),
        (info("smtplib.SMTPDataError", *SMTP, attrs={"smtp_code": 451}), BUSY),
        (info("smtplib.SMTPDataError", *SMTP, attrs={"smtp_code": 550}), REJECTED),
        (info("aiosmtplib.errors.SMTPDataError", *AIOSMTPLIB, attrs={"code": 550}), REJECTED),
        (info("aiosmtplib.errors.SMTPDataError", *AIOSMTPLIB, attrs={"code": 451}), BUSY),
        (info("smtplib.SMTPRecipientsRefused", "smtplib.SMTPException",
              attrs={"recipients": "{'a@b.lab': (550, b'no'), 'c@b.lab': (450, b'later')}"}), BUSY),
        (info("smtplib.SMTPRecipientsRefused", "smtplib.SMTPException",
              attrs={"recipients": "{'a@b.lab': (550, b'no')}"}), REJECTED),
        (info("smtplib.SMTPServerDisconnected", "smtplib.SMTPException", "OSError"), BROKEN),
        (info("urllib.error.HTTPError", "urllib.error.URLError", attrs={"code": 503}), BUSY),
        (info("urllib.error.HTTPError", "urllib.error.URLError", attrs={"code": 429}), BUSY),
        (info("urllib.error.HTTPError", "urllib.error.URLError", attrs={"code": 404}), REJECTED),
        (info("urllib.error.HTTPError", "urllib.error.URLError", attrs={"code": 500}), REJECTED),
        (info("http.client.RemoteDisconnected", *DISCONNECTED), BROKEN),
        (info("http.client.BadStatusLine", "http.client.HTTPException"), PROTOCOL),
        (info("OverflowError", "ArithmeticError"), WRONG_CALL),
        (info("__main__.Own", "Exception"), UNKNOWN),
        (info("__main__.Own", attrs={"code": 503}), UNKNOWN),
        (info("SystemExit", attrs={"code": 503}), UNKNOWN),
    ],
)  # fmt: skip
def test_by_what_the_exception_says_itself(exception: ExceptionInfo, kind: FailureKind) -> None:
    assert kind_of(exception) is kind


REFUSAL = info("ConnectionRefusedError", "OSError", symbol="ECONNREFUSED")


def test_what_is_certain_counts_more_than_a_name_further_out() -> None:
    """urllib3 calls a refusal a timeout, too."""
    outer = info("urllib3.exceptions.NewConnectionError", "urllib3.exceptions.TimeoutError")
    assert kind_of(outer) is TIMEOUT
    assert kind_of(outer.model_copy(update={"cause": REFUSAL})) is REFUSED


def test_causes_contexts_and_groups_are_looked_into() -> None:
    middle = info("urllib3.exceptions.MaxRetryError", cause=REFUSAL)
    assert kind_of(info("requests.exceptions.ConnectionError", context=middle)) is REFUSED
    assert kind_of(info("ExceptionGroup", group=(REFUSAL,))) is REFUSED


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("[Errno 111] Connection refused", REFUSED),
        ("[Errno -2] Name or service not known", NO_NAME),
        ("[Errno -3] Temporary failure in name resolution", TRY_AGAIN),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", CERTIFICATE),
        ("[Errno 99999] unheard of", UNKNOWN),
        ("All connection attempts failed", UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_where_only_a_text_is_left_the_text_counts(message: str | None, kind: FailureKind) -> None:
    """httpx keeps no more of an OSError."""
    assert kind_of(info("httpx.ConnectError", "httpx.TransportError", message=message)) is kind


def test_kinds_have_names_of_their_own_and_reasons() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    assert all(kind.why for kind in KINDS)
