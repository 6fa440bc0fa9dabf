"""The recorded captures of fixtures/, as the tap would give them."""

from __future__ import annotations

import json
from pathlib import Path

from labctl.model.packet import RawPacket

FIXTURES = Path(__file__).with_name("fixtures")
NAMES = sorted(path.stem for path in FIXTURES.glob("*.jsonl"))


def recorded(name: str) -> list[RawPacket]:
    """One capture, with both copies of what went over loopback."""
    entries = map(json.loads, (FIXTURES / f"{name}.jsonl").read_text("ascii").splitlines())
    return [RawPacket(**{**entry, "data": bytes.fromhex(entry["data"])}) for entry in entries]
