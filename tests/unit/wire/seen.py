"""What flows.py makes of captures built by hand."""

from __future__ import annotations

from labctl.model.flows import wire_line
from labctl.model.packet import Wire
from labctl.model.result import Flow
from labctl.wire.decode import decode_all
from labctl.wire.flows import analyse
from tests.unit.wire.build import (
    DNS,
    Capture,
)


def analysed(capture: Capture) -> Wire:
    return analyse(decode_all(capture.raws), resolvers=[DNS])


def lines(capture: Capture) -> list[str]:
    return [wire_line(flow) for flow in analysed(capture).flows]


def only(capture: Capture) -> Flow:
    (flow,) = analysed(capture).flows
    return flow


def looked_up(name: str) -> list[str]:
    return [f"dns {name} A answered", f"dns {name} AAAA nodata"]
