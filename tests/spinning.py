"""Programs that keep processors busy, and processes that run one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SPIN = "while True: pass"
THREADS = """
    import threading
    def spin():
        while True:
            pass
    for _ in range(8):
        threading.Thread(target=spin, daemon=True).start()
    spin()
"""

_UNTIL_ITS_PARENT_ENDS = """
import os
parent = os.getppid()
print(flush=True)
while os.getppid() == parent:
    pass
"""


@contextmanager
def spinning(processes: int, *, own_sessions: bool = False) -> Iterator[None]:
    """So many processes that spin by now, until the context ends. The kernel shares processors out
    between sessions: with `own_sessions`, each process has a share of its own.
    """
    command = [sys.executable, "-c", _UNTIL_ITS_PARENT_ENDS]
    running = [
        subprocess.Popen(command, start_new_session=own_sessions, stdout=subprocess.PIPE)
        for _ in range(processes)
    ]
    try:
        for one in running:
            assert one.stdout is not None
            one.stdout.readline()
        yield
    finally:
        for one in running:
            one.kill()
            one.communicate()
