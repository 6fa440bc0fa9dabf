"""Conversations by lines: the client gives a command, the server replies by its verb."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from .connection import Connection
from .events import emit
from .protocols import Protocol
from .settings import WrongScript, count, octets, within

Steps = Sequence[Callable[[Connection], Awaitable[None]]]
Reply = bytes | Steps | Mapping[str, "bytes | Steps"]
"""Bytes of whole lines; steps; or either by a text that the command contains, in small letters."""

_ENDS = b"\r\n.\r\n"


class Dialogue:
    """One protocol with the replies of one script. It keeps nothing of a connection."""

    def __init__(
        self,
        protocol: Protocol,
        overrides: Mapping[object, object],
        parse: Callable[[object], Steps],
    ) -> None:
        """Take a protocol's replies and a script's overrides. `parse` makes steps of a list. Raise
        WrongScript for a mistake.
        """
        self._protocol = protocol
        self._parse = parse
        said = {"greeting": protocol.greeting, "other": protocol.other, **protocol.replies}
        self._defaults = {name: self._reply(value) for name, value in said.items()}
        self._replies: dict[str, Reply] = dict(self._defaults.items())
        self._data = 0
        for key, value in overrides.items():
            with within(str(key)):
                self._override(key, value)

    def _override(self, key: object, value: object) -> None:
        """Replace a reply, or set an option. Raise WrongScript for a mistake."""
        if key in self._protocol.options:
            self._data = count(value, most=65535)
        elif not isinstance(key, str) or (key not in self._defaults and not key.isupper()):
            raise WrongScript("must be greeting, other, or a verb in capital letters")
        elif isinstance(value, dict):
            cases = {}
            for part, case in value.items():
                with within(str(part)):
                    cases[str(part).lower()] = self._reply(case)
            self._replies[key] = cases
        else:
            self._replies[key] = self._reply(value)

    def _reply(self, value: object) -> bytes | Steps:
        """Return a script's reply: a text as bytes with CRLF line ends, a list as steps. Raise
        WrongScript for anything else.
        """
        if isinstance(value, list):
            return self._parse(value)
        lines = octets(value).replace(b"\r\n", b"\n").removesuffix(b"\n")
        return lines.replace(b"\n", b"\r\n") + b"\r\n"

    async def run(self, connection: Connection) -> None:
        """Send the greeting, and answer commands until the connection ends."""
        await self._answer(connection, "greeting")
        while True:
            line = (await connection.read_until(b"\n"))[0].decode("utf-8", "backslashreplace")
            await self._command(connection, line.rstrip("\r\n"))

    async def _command(self, connection: Connection, line: str) -> None:
        """Note a client's command, and answer it."""
        tag, line = self._tag(line)
        verb, _, argument = line.partition(" ")
        verb = verb.upper()
        emit("command", connection.peer, verb=verb, text=_spelt(argument))
        known = verb if verb in self._replies else "other"
        sent = await self._answer(connection, known, argument.lower(), tag=tag)
        if sent.startswith("354"):
            await self._message(connection)
        while self._protocol.more and sent.startswith(self._protocol.more):
            await connection.read_until(b"\n")
            sent = await self._answer(connection, "MORE", tag=tag)

    def _tag(self, line: str) -> tuple[str, str]:
        """Return the tag of a command, as in IMAP, and the rest."""
        tag, space, rest = line.partition(" ")
        return (tag, rest) if self._protocol.tagged and space else ("", line)

    async def _message(self, connection: Connection) -> None:
        """Read a mail up to its end, and answer it."""
        _, size = await connection.read_until(_ENDS)
        emit("message", connection.peer, size=size - len(_ENDS) + 2)
        await self._answer(connection, "DATA-END")

    async def _answer(
        self, connection: Connection, name: str, argument: str = "", *, tag: str = ""
    ) -> str:
        """Send the reply of this name, and return the last line that was sent, without its tag;
        empty if the reply is steps.
        """
        reply = self._replies[name]
        if isinstance(reply, Mapping):
            found = (case for part, case in reply.items() if part in argument)
            reply = next(found, self._defaults.get(name, self._defaults["other"]))
        if not isinstance(reply, bytes):
            for step in reply:
                await step(connection)
            return ""
        return await self._send(connection, reply, tag)

    async def _send(self, connection: Connection, reply: bytes, tag: str) -> str:
        """Send a reply with its tag, and return its last line."""
        head, _, last = reply.removesuffix(b"\r\n").rpartition(b"\r\n")
        if tag and not last.startswith((b"*", b"+")):
            reply = (head + b"\r\n" if head else b"") + tag.encode() + b" " + last + b"\r\n"
        if self._data:
            reply = reply.replace(b"{data}", self._data_port(connection).encode())
        await connection.stream.send(reply)
        return last.decode("latin-1")

    def _data_port(self, connection: Connection) -> str:
        """Return address and port as FTP writes them: `198,18,0,16,7,228`."""
        address = connection.sock.getsockname()[0].split(".")
        return ",".join([*address, str(self._data >> 8), str(self._data & 255)])


def _spelt(argument: str) -> str:
    """Return an argument with its keyword in capitals, `FROM:<ada>`, because Pythons differ in how
    they write it.
    """
    keyword, colon, rest = argument.partition(":")
    return keyword.upper() + colon + rest if keyword.isalpha() and colon else argument
