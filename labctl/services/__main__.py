"""Entry point of the lab image: the first argument names the program to be."""

from __future__ import annotations

import sys

from . import lifeline, programs
from .link import join_network


def main() -> None:
    """Take the container's place on the network, and run the program once labctl says `go`."""
    try:
        join_network()
    except OSError as error:
        sys.exit(f"no link to the network of the lab: {error.filename}: {error.strerror}")
    command = sys.argv[1:]
    if command == ["host"]:
        from . import host  # noqa: PLC0415 only this one starts others

        host.main()
    lifeline.wait_for_go()
    programs.run(command)


main()
