"""A host that is up and listens on no port."""

from __future__ import annotations

from .events import emit
from .lifeline import hold


def main() -> None:
    emit("ready")
    hold()
