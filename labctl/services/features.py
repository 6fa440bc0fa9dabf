"""Tries what faults are made of, in a namespace of its own: one event for each feature."""

from __future__ import annotations

import subprocess

from . import nft
from .events import emit
from .lifeline import say_ready

RULES = {
    "nftables drop": "tcp dport 9 drop",
    "nftables reject with tcp reset": "tcp dport 9 reject with tcp reset",
    "nftables reject with icmp": "reject with icmp port-unreachable",
    "nftables numgen": "numgen inc mod 3 < 2 drop",
    "nftables ct count": "ct count over 2 drop",
    "nftables quota": "quota over 3000 bytes drop",
}


def main() -> None:
    """Try each feature of the kernel that faults need, and write which of them work to stdout."""
    for number, (name, rule) in enumerate(RULES.items()):
        try:
            nft.apply(f"chain c{number} {{ type filter hook input priority 0; {rule}; }}")
        except (subprocess.CalledProcessError, OSError) as error:
            emit("feature", name=name, works=False, why=str(error))
        else:
            emit("feature", name=name, works=True, why="")
    say_ready()
