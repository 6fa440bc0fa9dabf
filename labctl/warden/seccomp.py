"""Which system calls a program of a lab may make: compiled filters, one for each machine.

`tools/seccomp_filters.py` makes them of Docker's default profile.
"""

from __future__ import annotations

import os

_FOLDER = os.path.join(os.path.dirname(__file__), "filters")


def default_filter(machine: str | None = None) -> bytes:
    """The filter for a machine, as `uname -m` calls it, or for this one: an array of `struct
    sock_filter`, little-endian, as seccomp(2) takes it. Raises OSError if there is none.
    """
    name = os.uname().machine if machine is None else machine
    try:
        with open(os.path.join(_FOLDER, f"{name}.bpf"), "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise OSError(f"labctl has no seccomp filter for machines of type {name}") from None
