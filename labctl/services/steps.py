"""The steps that a scripted server does with a connection, by the names that scripts call them."""

from __future__ import annotations

import socket
import struct
from collections.abc import Awaitable, Callable, Sequence

from . import tls
from .connection import Connection, Ended, Gone
from .dialogue import Dialogue
from .events import emit
from .protocols import PROTOCOLS
from .settings import WrongScript, choice, count, mapping, octets, seconds, within

Step = Callable[[Connection], Awaitable[None]]

MOST_SENT = 16 << 20
"""Bytes that one step sends at the most."""
_LINGER_NOT_AT_ALL = struct.pack("ii", 1, 0)


async def run(steps: Sequence[Step], connection: Connection) -> None:
    """Run the steps one after the other. Raise Gone or Ended if the connection ends in one."""
    for step in steps:
        await step(connection)


def parse(value: object) -> tuple[Step, ...]:
    """Parse a list of steps, each a word or a mapping. Raise WrongScript with the step that is
    wrong.
    """
    if not isinstance(value, list):
        raise WrongScript(f"must be a list of steps, not {value!r}")
    made = []
    for number, item in enumerate(value, 1):
        with within(f"step {number}"):
            if _named(item, "corrupt") and not any(_named(before, "tls") for before in value):
                raise WrongScript("corrupt is for what is inside of tls, which no step begins")
            made.append(_step(item))
    return tuple(made)


def _named(item: object, name: str) -> bool:
    """Tell whether an item is a step of this name."""
    return isinstance(item, dict) and name in item


def _step(item: object) -> Step:
    """Parse one step. Raise WrongScript for a mistake."""
    if isinstance(item, str) and item in WORDS:
        return WORDS[item]
    name = next(iter(item), None) if isinstance(item, dict) else item
    if not isinstance(item, dict) or name not in STEPS:
        known = ", ".join([*WORDS, *STEPS])
        raise WrongScript(f"there is no step {name!r}; there are {known}")
    if name == "dialogue":
        return STEPS[name](item)
    if len(item) > 1:
        raise WrongScript(f"{name} is one step, and {', '.join(list(item)[1:])} another")
    with within(name):
        return STEPS[name](item[name])


# --- words ----------------------------------------------------------------------------------------


async def hold(connection: Connection) -> None:
    """Read and say nothing, until the client goes."""
    await connection.drain()
    raise Gone


async def stop_reading(connection: Connection) -> None:
    """Leave all input unread until the client goes."""
    await connection.pause()


async def shut(connection: Connection) -> None:
    """Close this side only; in TLS, without its close_notify."""
    connection.sock.shutdown(socket.SHUT_WR)


async def close(connection: Connection) -> None:
    """End the connection in good order: what was sent arrives."""
    await connection.close()
    raise Ended


async def abort(_: Connection) -> None:
    """Close the socket at once: a FIN, or a RST if there is unread input (close(2))."""
    raise Ended


async def reset(connection: Connection) -> None:
    """Send a RST in place of a FIN."""
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT_AT_ALL)
    raise Ended


WORDS: dict[str, Step] = {
    "hold": hold,
    "stop-reading": stop_reading,
    "shut": shut,
    "close": close,
    "abort": abort,
    "reset": reset,
}

# --- steps with parameters ------------------------------------------------------------------------


def _said(connection: Connection, data: bytes, size: int) -> None:
    """Note what was read: its size and its first line."""
    line = data.partition(b"\n")[0].rstrip(b"\r").decode("utf-8", "backslashreplace")
    emit("read", connection.peer, size=size, text=line)


def _read(value: object) -> Step:
    """Parse what to read: a number of bytes, `line`, `all`, or `{until: TEXT}`. Raise WrongScript
    for a mistake.
    """
    if type(value) is int:
        return _read_exactly(count(value))
    if isinstance(value, dict):
        with within("until"):
            return _read_until(octets(mapping(value, ["until"]).get("until")))
    if value == "line":
        return _read_until(b"\n")
    if value == "all":
        return _read_all
    raise WrongScript(f"must be a number of bytes, line, all or {{until: TEXT}}, not {value!r}")


def _read_exactly(size: int) -> Step:
    """Return a step that reads this many bytes."""

    async def step(connection: Connection) -> None:
        _said(connection, await connection.read_exactly(size), size)

    return step


def _read_until(end: bytes) -> Step:
    """Return a step that reads up to these bytes."""
    if not end:
        raise WrongScript("must not be empty")

    async def step(connection: Connection) -> None:
        _said(connection, *await connection.read_until(end))

    return step


async def _read_all(connection: Connection) -> None:
    """Read until the client closes its side."""
    _said(connection, *await connection.read_all())


def _send(value: object) -> Step:
    """Parse what to send: text, or `{text: TEXT, times: N}`. Raise WrongScript for a mistake."""
    data = _bytes_to_send(value)

    async def step(connection: Connection) -> None:
        await connection.stream.send(data)

    return step


def _bytes_to_send(value: object) -> bytes:
    """Return the bytes to send. Raise WrongScript for a mistake."""
    if not isinstance(value, dict):
        return octets(value)
    parts = mapping(value, ["text", "times"])
    with within("text"):
        data = octets(parts.get("text"))
    with within("times"):
        return data * count(parts.get("times", 1), most=MOST_SENT // max(1, len(data)))


def _drip(value: object) -> Step:
    """Parse a text to send byte by byte, `{text: TEXT, every: SECONDS}`. Raise WrongScript for a
    mistake.
    """
    parts = mapping(value, ["text", "every"])
    with within("text"):
        data = octets(parts.get("text"))
    with within("every"):
        pause_s = seconds(parts.get("every"))

    async def step(connection: Connection) -> None:
        for number in range(len(data)):
            if number:
                await connection.pause(pause_s)
            await connection.stream.send(data[number : number + 1])

    return step


def _wait(value: object) -> Step:
    """Parse a number of seconds to wait. The step ends earlier if the client goes. Raise
    WrongScript for a mistake.
    """
    pause_s = seconds(value)

    async def step(connection: Connection) -> None:
        await connection.pause(pause_s)

    return step


def _corrupt(value: object) -> Step:
    """Parse a text to send in a TLS record with a wrong checksum. Raise WrongScript for a
    mistake.
    """
    data = octets(value)

    async def step(connection: Connection) -> None:
        if isinstance(connection.stream, tls.Tls):
            await connection.stream.send_corrupt(data)

    return step


def _dialogue(value: object) -> Step:
    """Parse a dialogue by lines, `{dialogue: PROTOCOL, VERB: REPLY, ...}`. Raise WrongScript for a
    mistake.
    """
    parts = mapping(value)
    with within("dialogue"):
        protocol = choice(parts["dialogue"], PROTOCOLS)
    return Dialogue(protocol, {key: parts[key] for key in parts if key != "dialogue"}, parse).run


STEPS: dict[str, Callable[[object], Step]] = {
    "read": _read,
    "send": _send,
    "drip": _drip,
    "wait": _wait,
    "dialogue": _dialogue,
    "tls": tls.parse,
    "corrupt": _corrupt,
}
