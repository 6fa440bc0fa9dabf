"""Starts a lab while labctl still reads what it is to run, so that neither waits for the other."""

from __future__ import annotations

import sys
from contextlib import suppress

from labctl.engine.docker import places
from labctl.engines import EngineName, chosen_engine
from labctl.errors import EngineError


def begin_lab_early() -> None:
    """Begin to start a lab, if labs run on the local engine: the run that follows has it. What goes
    wrong here is left to that run to tell. Raise UsageError if there is no engine of the chosen
    name.
    """
    if sys.platform == "linux" and _is_local():
        from labctl.engine.local.spare import SPARE  # noqa: PLC0415 other engines do without
        from labctl.engine.local.store import LocalStore  # noqa: PLC0415

        with suppress(EngineError, OSError):
            SPARE.begin(LocalStore())


def _is_local() -> bool:
    """Tell whether labs run on the local engine, as far as that is known without asking another."""
    chosen = chosen_engine()
    if chosen is EngineName.AUTO:
        try:
            places.check_places()
        except EngineError:
            return True
    return chosen is EngineName.LOCAL
