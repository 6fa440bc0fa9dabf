"""The first bytes of one direction of a TCP connection, put in order. Bounded."""

from __future__ import annotations

LIMIT = 16 * 1024
"""Bytes that are kept: a handshake, the start of a dialogue, any answer of the lab's DNS."""
_PIECES_LIMIT = 256
_HALF = 1 << 31


class Stream:
    """Segments come in any order, twice, overlapping and cut short; `data` is what of them is
    whole from the start. `length` counts all bytes sent, however many.
    """

    def __init__(self) -> None:
        self.data = b""
        self.length = 0
        self._later: dict[int, bytes] = {}

    def add(self, offset: int, payload: bytes, length: int) -> None:
        """A segment at `offset` from the start, modulo 2**32, `length` bytes long on the wire."""
        if offset >= _HALF or not length:
            # Before the start: a keepalive of an idle connection.
            return
        self.length = max(self.length, offset + length)
        if offset >= LIMIT or len(self._later) >= _PIECES_LIMIT:
            return
        if len(payload) > len(self._later.get(offset, b"")):
            self._later[offset] = payload[: LIMIT - offset]
        self._join()

    def _join(self) -> None:
        for offset in sorted(self._later):
            if offset > len(self.data):
                return
            fresh = self._later.pop(offset)[len(self.data) - offset :]
            self.data = (self.data + fresh)[:LIMIT]
