"""Faults made with nftables, in one table of our own in the service's own namespace."""

from __future__ import annotations

import subprocess


def apply(chain: str) -> None:
    """Load a chain into table `inet labctl`; a refusal ends the service, with nft's own words."""
    table = f"table inet labctl {{\n{chain}\n}}\n"
    subprocess.run(["nft", "-f", "-"], input=table, text=True, check=True)
