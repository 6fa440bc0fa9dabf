"""A lab that is started ahead: the first lab that this process needs is that one."""

from __future__ import annotations

import atexit
import threading
from contextlib import suppress

from labctl.engine.local.labs import Lab, begin_lab
from labctl.engine.local.store import LocalStore


class SpareLab:
    """The lab of a process that nobody has asked for yet. There is one at most."""

    def __init__(self) -> None:
        """Begin without one."""
        self._lock = threading.Lock()
        self._lab: Lab | None = None
        self._store: LocalStore | None = None

    def begin(self, store: LocalStore) -> None:
        """Begin to start a lab with the mounts of a store, and put it here. Raise Refusal if no
        process can be started for it.
        """
        self.put(begin_lab(store), store)

    def put(self, lab: Lab, store: LocalStore) -> None:
        """Put a lab with the mounts of a store here. It need not be ready. End the one that was
        here.
        """
        with self._lock:
            before, self._lab, self._store = self._lab, lab, store
        if before is not None:
            before.close()

    def take(self, store: LocalStore) -> Lab | None:
        """Return the lab, once, if one with the mounts of this store is here. It need not be
        ready.
        """
        with self._lock:
            if self._store is None or self._store.mount != store.mount:
                return None
            lab, self._lab = self._lab, None
        return lab

    def end(self) -> None:
        """End the lab, if one is here."""
        with self._lock:
            lab, self._lab = self._lab, None
        if lab is not None:
            lab.close()


SPARE = SpareLab()
"""The spare lab of this process. It ends with the process if nobody takes it."""


def _end_spare() -> None:
    """End the lab that nobody took. Who is interrupted meanwhile need not wait: it ends anyway."""
    with suppress(KeyboardInterrupt):
        SPARE.end()


atexit.register(_end_spare)
