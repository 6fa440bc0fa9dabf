"""TLS inside of a scripted connection, over memory: what it has to say is sent before a close."""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import warnings
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar, final

from .connection import CHUNK, Connection, Ended, Gone, Plain
from .events import emit
from .settings import WrongScript, choice, mapping, text, within

FOLDER = "/labctl"
"""Where an image has its certificates; LAB_CERTIFICATES names another folder."""
OWN_CERTIFICATES = "LABCTL_CERTIFICATES"
"""A variable with certificates for the service's own names: JSON, PEM texts by name."""
VERSIONS = {name: ssl.TLSVersion[name.replace(".", "_")] for name in
            ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")}  # fmt: skip

_Result = TypeVar("_Result")


@final
class Tls:
    """The bytes inside of TLS."""

    def __init__(self, plain: Plain, context: ssl.SSLContext) -> None:
        """Take the connection below, and the context. No handshake is made yet."""
        self._plain = plain
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._inside = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._read = b""

    async def handshake(self) -> str:
        """Make the TLS handshake, and return the version agreed on. Raises ssl.SSLError after an
        alert of either side.
        """
        await self._do(self._inside.do_handshake)
        return self._inside.version() or ""

    async def peek(self, most: int) -> bytes:
        """Return up to `most` bytes of what has come, decrypted, without taking them."""
        if not self._read:
            try:
                self._read = await self._do(lambda: self._inside.read(CHUNK))
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""
        return self._read[:most]

    async def take(self, most: int) -> bytes:
        """Take up to `most` bytes of what has come, decrypted."""
        taken = await self.peek(most)
        self._read = self._read[len(taken) :]
        return taken

    async def send(self, data: bytes) -> None:
        """Send all of the data, encrypted."""
        await self._do(lambda: self._inside.write(data))

    async def send_corrupt(self, data: bytes) -> None:
        """Send a record whose last byte is wrong, so that its authentication fails."""
        self._inside.write(data)
        record = self._outgoing.read()
        await self._plain.send(record[:-1] + bytes([record[-1] ^ 0xFF]))

    async def finish(self) -> None:
        """Send close_notify, and do not wait for the client's own."""
        with contextlib.suppress(ssl.SSLError):  # It wants to read; it has said what it had to.
            self._inside.unwrap()
        await self._flush()

    async def _do(self, operation: Callable[[], _Result]) -> _Result:
        """Do an operation of TLS, and send and receive until it succeeds. An alert is sent before
        its error is raised.
        """
        while True:
            try:
                result = operation()
            except ssl.SSLWantReadError:
                await self._flush()
                if data := await self._plain.take(CHUNK):
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()
            except ssl.SSLError:
                await self._flush()
                raise
            else:
                await self._flush()
                return result

    async def _flush(self) -> None:
        """Send the bytes that TLS has ready."""
        if data := self._outgoing.read():
            await self._plain.send(data)


def parse(value: object) -> Callable[[Connection], Awaitable[None]]:
    """Parse the step `tls`: the steps after it are inside of TLS."""
    context = _context(mapping(value, OPTIONS))

    async def step(connection: Connection) -> None:
        stream = Tls(connection.plain, context)
        try:
            version = await stream.handshake()
        except ssl.SSLError as error:
            await _refuse(connection, error)
        emit("tls", connection.peer, version=version, error="")
        connection.stream = stream

    return step


async def _refuse(connection: Connection, error: ssl.SSLError) -> None:
    """Note a failed handshake, close the connection in good order, so that alerts arrive, and end
    its steps.
    """
    reason = "EOF" if isinstance(error, ssl.SSLEOFError) else error.reason or "unknown"
    emit("tls", connection.peer, version="", error=reason)
    await connection.close()
    raise Gone if "_ALERT_" in reason or reason == "EOF" else Ended


def _context(options: dict[str, object]) -> ssl.SSLContext:
    """Return a TLS context with these options. Raise WrongScript for a mistake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # Tickets that a client has not read when it closes would make its FIN a RST.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET
    # The ciphers come first: of level 0, a server may show what no client should take. `min` comes
    # last, since `max` lets go of the lowest version.
    chosen = {"ciphers": "ALL", "cert": "good", **options}
    for name, value in sorted(chosen.items(), key=lambda option: option[0] == "min"):
        with within(name):
            try:
                OPTIONS[name](context, value)
            except ssl.SSLError as error:
                raise WrongScript(f"OpenSSL does not take it: {error.args[-1]}") from None
    return context


def _ciphers(context: ssl.SSLContext, value: object) -> None:
    """Set the ciphers, weak ones included."""
    context.set_ciphers(f"{text(value)}:@SECLEVEL=0")


def _cert(context: ssl.SSLContext, value: object) -> None:
    """Load the certificate of this name, and its key: that for the service's own names, if labctl
    has made one, or else that of the image.
    """
    name = text(value)
    own = json.loads(os.environ.get(OWN_CERTIFICATES, "{}"))
    if name in own:
        with _in_memory(own[name]) as path:
            context.load_cert_chain(path)
    else:
        context.load_cert_chain(_certificate(name))


def _min(context: ssl.SSLContext, value: object) -> None:
    """Set the lowest version of TLS."""
    context.minimum_version = choice(value, VERSIONS)


def _max(context: ssl.SSLContext, value: object) -> None:
    """Set the highest version of TLS, which may be an old one. There is no lowest version then,
    until `min` sets one.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Of old versions: that is the point.
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = choice(value, VERSIONS)


def _client_cert(context: ssl.SSLContext, value: object) -> None:
    """Require a client certificate."""
    if value is not True:
        raise WrongScript(f"must be true, not {value!r}")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(_folder() / "authority.pem")


def _sni(context: ssl.SSLContext, value: object) -> None:
    """Refuse the name that the client asks for."""
    refusal = choice(value, {"reject": ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME})
    context.sni_callback = lambda *_: refusal


OPTIONS: dict[str, Callable[[ssl.SSLContext, object], None]] = {
    "cert": _cert,
    "min": _min,
    "max": _max,
    "ciphers": _ciphers,
    "client-cert": _client_cert,
    "sni": _sni,
}


@contextlib.contextmanager
def _in_memory(content: str) -> Iterator[str]:
    """Write a file that is on no file system, since a service may write to none; yield its path."""
    with os.fdopen(os.memfd_create("certificate"), "w", encoding="ascii") as file:
        file.write(content)
        file.flush()
        yield f"/proc/self/fd/{file.fileno()}"


def _certificate(name: str) -> Path:
    """Return the file of a certificate. Raise WrongScript if there is none of this name."""
    folder = _folder() / "certificates"
    path = folder / f"{name}.pem"
    if not path.is_file():
        names = ", ".join(sorted(file.stem for file in folder.glob("*.pem")))
        raise WrongScript(f"there is no certificate {name!r}; there are {names}")
    return path


def _folder() -> Path:
    """Return the folder of certificates."""
    return Path(os.environ.get("LAB_CERTIFICATES", FOLDER))
