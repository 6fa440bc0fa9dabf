"""A lab that is started ahead: the first network that this process makes is on it."""

from __future__ import annotations

import atexit
import threading

from labctl.engine.local.labs import Lab, begin_lab
from labctl.engine.local.store import LocalStore
from labctl.engine.runtime import Refusal


class SpareLab:
    """The lab of a process that nobody has asked for yet. There is one at most."""

    def __init__(self) -> None:
        """Begin without one."""
        self._lock = threading.Lock()
        self._lab: Lab | None = None
        self._store: LocalStore | None = None

    def begin(self, store: LocalStore) -> None:
        """Begin to start a lab with the mounts of a store, unless there is one. It ends with this
        process if nobody takes it. Raise Refusal if no process can be started for it.
        """
        with self._lock:
            if self._lab is None:
                self._lab, self._store = begin_lab(store), store
                atexit.register(self.end)

    def wait_until_ready(self) -> None:
        """Wait until the lab is there, if one was begun. Raise Refusal if it can't be started: then
        there is none any more.
        """
        with self._lock:
            lab = self._lab
        if lab is None:
            return
        try:
            lab.wait_until_ready()
        except Refusal:
            with self._lock:
                self._lab = None
            raise

    def take(self, store: LocalStore) -> Lab | None:
        """Return the lab, once, if one was begun with the mounts of this store. Raise Refusal if it
        can't be started.
        """
        with self._lock:
            if self._lab is None or self._store is None or self._store.mount != store.mount:
                return None
            lab, self._lab = self._lab, None
        lab.wait_until_ready()
        return lab

    def end(self) -> None:
        """End the lab, if nobody needed it."""
        with self._lock:
            lab, self._lab = self._lab, None
        if lab is not None:
            lab.close()


SPARE = SpareLab()
"""The spare lab of this process."""
