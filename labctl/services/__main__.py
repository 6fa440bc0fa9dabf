"""Entry point of the lab image: the first argument names the program to be."""

from __future__ import annotations

import importlib
import sys

from . import lifeline

PROGRAMS = ("dns", "features", "mail", "script", "tap")


def main() -> None:
    """Run the program that the first argument names, once labctl says `go`."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in PROGRAMS:
        sys.exit(f"no service is called {name!r}; there are {', '.join(PROGRAMS)}")
    lifeline.wait_for_go()
    importlib.import_module(f".{name}", __package__).main()


main()
