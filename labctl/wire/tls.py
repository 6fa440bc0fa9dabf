"""TLS handshakes, as far as they are in plain text (RFC 8446, 5246). Never raises.

It reads the first bytes of both directions of a connection.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from labctl.model.flow_detail import Side, TlsAlert, TlsDetail
from labctl.wire.octets import Malformed, first_line_text, unpack

_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE = 20, 21, 22
_CLIENT_HELLO, _SERVER_HELLO = 1, 2
_HELLOS = {b"\x01": "ClientHello", b"\x02": "ServerHello"}
_SERVER_NAME, _SUPPORTED_VERSIONS = 0, 43
_RECORD = struct.Struct("!BBBH")
_HELLO = struct.Struct("!H32xB")
_EXTENSION = struct.Struct("!HH")
_RECORDS_LIMIT, _EXTENSIONS_LIMIT = 64, 64
_VERSIONS = {
    0x0300: "SSL 3.0",
    0x0301: "TLS 1.0",
    0x0302: "TLS 1.1",
    0x0303: "TLS 1.2",
    0x0304: "TLS 1.3",
}
_LEVELS = {1: "warning", 2: "fatal"}
_ALERTS = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    22: "record_overflow",
    40: "handshake_failure",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    116: "certificate_required",
    120: "no_application_protocol",
}


def handshake(sent: bytes, received: bytes) -> TlsDetail | None:
    """Return the handshake in the bytes that a client sent and received.

    None if what the client sent is not TLS.
    """
    if not _looks_like_tls(sent):
        return None
    offered, sni = _client_hello(next(_messages(sent, _CLIENT_HELLO), b""))
    is_other = bool(received) and not _looks_like_tls(received)
    hellos = [_chosen_version(body) for body in _messages(received, _SERVER_HELLO)]
    return TlsDetail(
        offered=offered,
        sni=sni,
        chosen=hellos[-1] if hellos else None,
        alerts=(*_alerts(sent, "client"), *_alerts(received, "server")),
        not_tls=first_line_text(received, 60) if is_other else None,
    )


def _looks_like_tls(data: bytes) -> bool:
    """Tell whether bytes may be the beginning of TLS records."""
    return data[:1] in (b"\x15", b"\x16") and data[1:2] in (b"\x03", b"")


def describe_segment(payload: bytes) -> str:
    """Return what a segment starts with: `TLS ClientHello`, `TLS, encrypted`; empty if not TLS."""
    for kind, body in _records(payload):
        if kind == _ALERT:
            return f"TLS alert: {_alert_name(body)}"
        if kind == _CHANGE_CIPHER_SPEC:
            continue
        hello = _HELLOS.get(body[:1])
        return f"TLS {hello}" if kind == _HANDSHAKE and hello else "TLS, encrypted"
    return ""


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and body of each record, up to the first that is none (RFC 8446, 5.1).

    The last body may be cut short.
    """
    offset = 0
    for _ in range(_RECORDS_LIMIT):
        try:
            kind, major, _minor, length = unpack(_RECORD, data, "a TLS record", offset)
        except Malformed:
            return
        if major != 3 or not _CHANGE_CIPHER_SPEC <= kind <= 24:  # noqa: PLR2004
            return
        offset += _RECORD.size
        yield kind, data[offset : offset + length]
        offset += length


def _plain_records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the records before ChangeCipherSpec: all later ones are encrypted."""
    for kind, body in _records(data):
        if kind == _CHANGE_CIPHER_SPEC:
            return
        yield kind, body


def _messages(data: bytes, message_type: int) -> Iterator[bytes]:
    """Yield the bodies of the handshake messages of one type; a message may span records."""
    joined = b"".join(body for kind, body in _plain_records(data) if kind == _HANDSHAKE)
    while len(joined) >= 4:  # noqa: PLR2004 type and length
        length = int.from_bytes(joined[1:4], "big")
        if joined[0] == message_type:
            yield joined[4 : 4 + length]
        joined = joined[4 + length :]


def _alerts(data: bytes, by: Side) -> Iterator[TlsAlert]:
    """Yield the alerts in the plain records of one side."""
    for kind, body in _plain_records(data):
        if kind == _ALERT and len(body) == 2:  # noqa: PLR2004 a longer one is encrypted
            level = _LEVELS.get(body[0], str(body[0]))
            yield TlsAlert(by=by, level=level, description=_alert_name(body))


def _alert_name(body: bytes) -> str:
    """Return the name of an alert."""
    if len(body) != 2:  # noqa: PLR2004
        return "encrypted"
    return _ALERTS.get(body[1], str(body[1]))


def _version(number: int) -> str:
    """Return the name of a TLS version."""
    return _VERSIONS.get(number, f"0x{number:04x}")


def _client_hello(body: bytes) -> tuple[tuple[str, ...], str | None]:
    """Return the versions that a ClientHello offers, in its order, and its server name if any."""
    try:
        version, session = unpack(_HELLO, body, "the ClientHello")
        offset = _HELLO.size + session
        offset += 2 + int.from_bytes(body[offset : offset + 2], "big")
        offset += 1 + int.from_bytes(body[offset : offset + 1], "big")
    except Malformed:
        return (), None
    extensions = dict(_extensions(body, offset))
    listed = extensions.get(_SUPPORTED_VERSIONS, b"")[1:]
    numbers = [int.from_bytes(listed[i : i + 2], "big") for i in range(0, len(listed) - 1, 2)]
    # GREASE (RFC 8701): clients send made-up values, so that servers learn to ignore unknown ones.
    real = [n for n in numbers[:16] if n & 0x0F0F != 0x0A0A]  # noqa: PLR2004
    name = extensions.get(_SERVER_NAME, b"")[5:]
    return tuple(map(_version, real or [version])), first_line_text(name, 253) if name else None


def _chosen_version(body: bytes) -> str:
    """Return the version that a ServerHello chose, or `cut short`."""
    try:
        version, session = unpack(_HELLO, body, "the ServerHello")
    except Malformed:
        return "cut short"
    extensions = dict(_extensions(body, _HELLO.size + session + 3))
    listed = extensions.get(_SUPPORTED_VERSIONS, b"")
    return _version(int.from_bytes(listed, "big") if len(listed) == 2 else version)  # noqa: PLR2004


def _extensions(body: bytes, offset: int) -> Iterator[tuple[int, bytes]]:
    """Yield type and value of each extension of a hello; their length stands at `offset`."""
    offset += 2
    for _ in range(_EXTENSIONS_LIMIT):
        try:
            kind, length = unpack(_EXTENSION, body, "a TLS extension", offset)
        except Malformed:
            return
        offset += _EXTENSION.size
        yield kind, body[offset : offset + length]
        offset += length
