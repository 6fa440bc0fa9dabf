"""The programs of the lab image, by the words that Compose files have for them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence

PROGRAMS = ("dns", "features", "mail", "script", "tap")


def run(command: Sequence[str]) -> None:
    """Run the program that the first word of a command names. Raise SystemExit if there is none."""
    name = command[0] if command else ""
    if name not in PROGRAMS:
        sys.exit(f"no service is called {name!r}; there are {', '.join(PROGRAMS)}")
    importlib.import_module(f".{name}", __package__).main()


def load_ahead(command: Sequence[str], environment: Mapping[str, str]) -> None:
    """Import what the program of a command needs, if there is one."""
    name = command[0] if command else ""
    if name in PROGRAMS:
        importlib.import_module(f".{name}", __package__)
    if "LAB_PORTS" in environment:
        importlib.import_module(".ports", __package__)  # script imports it later
