"""Exceptions as the probe reports them, and recorded captures to go with them."""

from __future__ import annotations

from labctl.model.packet import Wire
from labctl.model.result import Call, ExceptionInfo, Observation, Outcome
from labctl.wire.decode import decode_all
from labctl.wire.flows import analyse
from tests.unit.wire.captures import recorded


def exception(name: str, *bases: str, symbol: str = "", **more: object) -> ExceptionInfo:
    symbols = {"errno": symbol} if symbol else {}
    return ExceptionInfo(type=name, bases=(name, *bases), symbols=symbols, **more)  # type: ignore[arg-type]


REFUSED = exception("ConnectionRefusedError", "ConnectionError", "OSError", symbol="ECONNREFUSED")
RESET = exception("ConnectionResetError", "ConnectionError", "OSError", symbol="ECONNRESET")
TIMEOUT = exception("TimeoutError", "OSError")
KERNEL_TIMEOUT = exception("TimeoutError", "OSError", symbol="ETIMEDOUT")
NO_NAME = exception("socket.gaierror", "OSError", symbol="EAI_NONAME")
AGAIN = exception("socket.gaierror", "OSError", symbol="EAI_AGAIN")
NO_HOST = exception("OSError", symbol="EHOSTUNREACH")
OVERFLOW = exception("OverflowError", "ArithmeticError")
GONE = exception("smtplib.SMTPServerDisconnected", "smtplib.SMTPException", "OSError")
TLS = exception("ssl.SSLCertVerificationError", "ssl.SSLError", "OSError", "ValueError")
URL = exception("urllib.error.URLError", "OSError", context=REFUSED)


def observed(
    raised: ExceptionInfo | None, *calls: Call, outcome: Outcome = Outcome.RAISED
) -> Observation:
    return Observation(outcome=outcome, exception=raised, calls=calls)


def wire_of(name: str) -> Wire:
    return analyse(decode_all(recorded(name)))
