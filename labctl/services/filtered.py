"""A host behind a firewall that drops whatever comes in."""

from __future__ import annotations

from . import nft
from .events import emit
from .lifeline import hold


def main() -> None:
    nft.apply("chain input { type filter hook input priority filter; policy drop; }")
    emit("ready")
    hold()
