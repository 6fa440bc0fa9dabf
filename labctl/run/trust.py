"""Whether clients that nobody trusts may run: tried where the engine alone does not isolate labs,
and remembered for a while.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import labctl
from labctl.engine.access import EngineAccess
from labctl.engine.guard import guarded
from labctl.engine.images import LAB
from labctl.errors import EngineError
from labctl.model.plan import Interpreter
from labctl.run.output import Output
from labctl.run.pythons import Pythons
from labctl.run.signals import patient

if TYPE_CHECKING:
    from labctl.engine.isolation import Reach

_ELSEWHERE = "run code of others on another engine; --trust-client runs code of your own here"
_NOT_TRIED = "it was not tried whether clients reach the engine's host, which is not this machine"
_REMEMBERED_S = 3600.0
"""How long a trial that found nothing counts."""


def check_isolation(
    access: EngineAccess, pythons: Pythons, output: Output, *, is_trusted: bool
) -> None:
    """Raise EngineError if a client can reach or do what it must not. If the clients' code
    `is_trusted`, warn of it instead.

    Where the engine does not isolate labs by itself, a client tries. That takes a lab, so a trial
    that finds nothing counts for an hour. Where the engine's host could not be tried, a warning
    says so each time.
    """
    if access.isolates_networks:
        return
    setting = _setting(access, pythons)
    memory = Memory(_cache_folder() / "labctl" / "isolation")
    if memory.has(setting):
        return
    reach = _try(access, pythons.plain[0])
    if holes := reach.holes():
        found = EngineError(f"labs do not keep clients in: {'; '.join(holes)}", hint=_ELSEWHERE)
        if not is_trusted:
            raise found
        output.warn(found)
    elif reach.tried:
        memory.keep(setting)
    else:
        output.warn(EngineError(_NOT_TRIED, hint="labctl doctor tries it, where the engine runs"))


def _try(access: EngineAccess, interpreter: Interpreter) -> Reach:
    """Let a client try what it can reach and do, and return it."""
    from labctl.engine.isolation import try_isolation  # noqa: PLC0415 most runs try nothing

    run = secrets.token_hex(4)
    with guarded(access, run):
        try:
            engine = access.for_run(run, keep=False)
            return try_isolation(engine, interpreter, is_here=access.is_here)
        except BaseException:
            with patient():
                access.sweep(run)
            raise


def _setting(access: EngineAccess, pythons: Pythons) -> str:
    """Return a digest of all that a trial depends on: the engine, its own image of a lab, and the
    part of labctl that makes labs.
    """
    total = hashlib.sha256(repr((access.runtime.info(), pythons.images[LAB].id)).encode())
    for file in sorted((Path(labctl.__file__).parent / "engine").rglob("*.py")):
        total.update(file.read_bytes())
    return total.hexdigest()


def _cache_folder() -> Path:
    """Return the user's folder for what can be made again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))  # noqa: PTH111 no error without a home


class Memory:
    """A file that remembers one setting for a while. Where it can't be written, nothing is
    remembered.
    """

    def __init__(self, file: Path) -> None:
        """Take the file; its folders are made where they are missing."""
        self._file = file

    def has(self, setting: str) -> bool:
        """Tell whether this setting was the last to be kept, not long ago."""
        with suppress(OSError, UnicodeDecodeError):
            age_s = time.time() - self._file.stat().st_mtime
            return 0 <= age_s < _REMEMBERED_S and self._file.read_text("ascii") == setting
        return False

    def keep(self, setting: str) -> None:
        """Remember a setting."""
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(setting, "ascii")
