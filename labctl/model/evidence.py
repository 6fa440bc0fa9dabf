"""What an attempt leaves behind, before it is interpreted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pydantic import ConfigDict

from labctl.model.codec import dump_json, load_json
from labctl.model.messages import ProcessorTimes
from labctl.model.packet import RawPacket
from labctl.model.result import ServerEvent


@dataclass(frozen=True, kw_only=True)
class Capture:
    """All packets of one attempt, as its tap captured them.

    `lost` is how many more the kernel had no room for. `names` has the name of each address of the
    lab, and `resolvers` the addresses whose DNS answers can be believed.
    """

    packets: tuple[RawPacket, ...]
    lost: int
    names: Mapping[str, str]
    resolvers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What one attempt left behind, before it is interpreted.

    `report` is what the client's container wrote, unchanged: a claim, bounded in size. `exit` is
    the container's own exit code; None if it had to be killed because the time was up.
    `elapsed_s` is in seconds. `services` are the times of the services meanwhile, together.
    `served` are events of the services, and `served_lost` is how many more were too many to keep.
    `capture` is None if nothing was captured.
    """

    __pydantic_config__: ClassVar = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    report: bytes
    exit: int | None
    out_of_memory: bool
    elapsed_s: float
    services: ProcessorTimes = field(default_factory=ProcessorTimes)
    served: tuple[ServerEvent, ...]
    served_lost: int = 0
    capture: Capture | None = None

    def to_json(self) -> str:
        """Return the evidence as JSON, with bytes in base 64."""
        return dump_json(self)

    @classmethod
    def from_json(cls, text: str) -> Evidence:
        """Return the evidence that `to_json` made the text of. Raise ValueError for other text."""
        return load_json(cls, text)
