"""Whether the engine has been there all the time since a lab was begun."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from labctl.engine.runtime import Runtime, Unreachable, doing
from labctl.errors import EngineError, EngineGone


class Presence:
    """Watches the engine from its making on, over a connection that ends with the engine."""

    def __init__(self, runtime: Runtime) -> None:
        """Connect to the engine. Raise EngineGone if it does not answer."""
        self._runtime = runtime
        with doing("connecting to the engine"):
            self._connection = runtime.connect()

    @contextlib.contextmanager
    def telling(self) -> Iterator[None]:
        """Make an EngineError that is raised inside the block an EngineGone, if the engine has not
        been there all the time. What is wrong then is the engine, and not the lab.
        """
        try:
            yield
        except EngineGone:
            raise
        except EngineError as error:
            if self._is_there():
                raise
            raise EngineGone(error.message, where=error.where, hint=error.hint) from error

    def _is_there(self) -> bool:
        """Tell whether the engine is there, and has been since this was made.

        The order matters. An engine that ends first takes no new connections, then ends its
        containers, and only then lets its old connections go. Where something else keeps its
        socket, a new connection waits for the next engine.
        """
        try:
            self._runtime.ping()
        except Unreachable:
            return False
        return self._connection.is_open()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
