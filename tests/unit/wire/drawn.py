"""Ladders as people see them."""

from __future__ import annotations

from labctl.model.packet import Wire
from labctl.model.result import Observation
from labctl.wire.ladder import draw, make_ladder


def draw_ladder(wire: Wire, observation: Observation, *, start_ns: int) -> str:
    """The picture of what took place."""
    return draw(make_ladder(wire, observation, start_ns=start_ns))
