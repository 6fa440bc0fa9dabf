"""Faults made with nftables, in one table of our own in the service's own namespace."""

from __future__ import annotations

import subprocess


class MissingError(OSError):
    """The image has no nft: its origin is `registry-without-nft`."""


def apply(rules: str) -> None:
    """Load rules into nftables, in table `inet labctl`. Raise subprocess.CalledProcessError if nft
    refuses them; it has written why to stderr, where line 2 is their first. Raise MissingError if
    there is no nft.
    """
    table = f"table inet labctl {{\n{rules}\n}}\n"
    try:
        subprocess.run(["nft", "-f", "-"], input=table, text=True, check=True)
    except FileNotFoundError:
        raise MissingError(
            "the image of the lab has no nft, which firewalls need: "
            "`labctl images build lab --from registry` adds it where a Debian mirror is reached"
        ) from None
