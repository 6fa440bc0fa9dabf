"""Faults made with nftables, in one table of our own in the service's own namespace."""

from __future__ import annotations

import subprocess


def apply(rules: str) -> None:
    """Load rules into nftables, in table `inet labctl`. Raise subprocess.CalledProcessError if nft
    refuses them; it has written why to stderr, where line 2 is their first.
    """
    table = f"table inet labctl {{\n{rules}\n}}\n"
    subprocess.run(["nft", "-f", "-"], input=table, text=True, check=True)
