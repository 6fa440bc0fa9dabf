"""What an attempt leaves behind, before anyone made sense of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from labctl.model.packet import RawPacket
from labctl.model.result import ServerEvent


@dataclass(frozen=True, kw_only=True)
class Capture:
    """All packets of one attempt, as its tap saw them.

    `lost` is how many more the kernel had no room for. `names` are those of the lab's addresses,
    `resolvers` the addresses whose DNS answers can be believed.
    """

    packets: tuple[RawPacket, ...]
    lost: int
    names: Mapping[str, str]
    resolvers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What one attempt left behind, before anyone made sense of it.

    `report` is what the client's container wrote, as it came: a claim, bounded in size. `exit` is
    the container's own exit code; None where it had to be killed because the time was up.
    `capture` is None where nothing was captured.
    """

    report: bytes
    exit: int | None
    out_of_memory: bool
    elapsed_s: float
    served: tuple[ServerEvent, ...]
    served_lost: int = 0
    """How many events of the services were too many to keep."""
    capture: Capture | None = None
