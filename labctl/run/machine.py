"""Turns on this machine: attempts of all labctls of one user side by side, or one of them alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from labctl.run.file_lock import locked

_PATIENCE_S = 60.0
"""How long a turn is waited for. Another labctl may be stopped in the middle of its turn (Ctrl-Z),
or have a client that takes very long.
"""


class MachineTurns:
    """Lets attempts of several labctls begin, by locks that end with their process.

    Who wants to be alone closes the gate first: nobody else begins, and those that run end.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Take the folder for the locks; by default, one of this user on this machine."""
        self._folder = folder
        self._patience_s = _PATIENCE_S

    @contextmanager
    def together(self, is_stopped: Callable[[], bool]) -> Iterator[None]:
        """Wait until nobody is alone or wants to be; then nobody is alone until the context ends.
        Once it `is_stopped`, or after a minute, nothing is waited for.
        """
        gives_up = self._gives_up(is_stopped)
        with ExitStack() as stack:
            with self._locked("gate", gives_up, alone=False):
                stack.enter_context(self._locked("turn", gives_up, alone=False))
            yield

    @contextmanager
    def alone(self, is_stopped: Callable[[], bool]) -> Iterator[None]:
        """Wait until nobody else has a turn; nobody has one until the context ends. Once it
        `is_stopped`, or after a minute, nothing is waited for.
        """
        gives_up = self._gives_up(is_stopped)
        with (
            self._locked("gate", gives_up, alone=True),
            self._locked("turn", gives_up, alone=True),
        ):
            yield

    def _gives_up(self, is_stopped: Callable[[], bool]) -> Callable[[], bool]:
        """Return a function that tells whether a turn that is begun now is to be waited for no
        longer. Who has waited in vain once is not patient again.
        """
        deadline = time.monotonic() + self._patience_s

        def gives_up() -> bool:
            if time.monotonic() > deadline:
                self._patience_s = 0.0
                return True
            return is_stopped()

        return gives_up

    def _locked(
        self, name: str, gives_up: Callable[[], bool], *, alone: bool
    ) -> AbstractContextManager[None]:
        """Return a context that holds a lock, with others or alone."""
        return locked(name, alone=alone, folder=self._folder, gives_up=gives_up)
