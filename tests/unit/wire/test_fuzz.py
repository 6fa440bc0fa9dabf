"""Whatever bytes come in, decoding, flows, picture, sentence and list never raise.

LABCTL_FUZZ_CASES asks for more cases than the usual few hundred.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labctl.judge.wire import judge_wire
from labctl.model.packet import RawPacket
from labctl.model.result import ExceptionInfo, Observation, Outcome
from labctl.wire.canvas import WIDTH
from labctl.wire.decode import decode_all
from labctl.wire.explanation import explain
from labctl.wire.flows import analyse
from labctl.wire.listing import list_packets
from labctl.wire.pcapng import pcapng
from tests.unit.wire.captures import NAMES, recorded
from tests.unit.wire.drawn import draw_ladder

CASES = int(os.environ.get("LABCTL_FUZZ_CASES", "300"))
REAL = [raw for name in NAMES for raw in recorded(name)]
COMMON = settings(
    max_examples=CASES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
FAILED = Observation(
    outcome=Outcome.RAISED,
    exception=ExceptionInfo(type="ConnectionRefusedError", bases=("ConnectionRefusedError",)),
)


def everything(raws: list[RawPacket]) -> None:
    """All that is done with a capture."""
    wire = analyse(decode_all(raws))
    picture = draw_ladder(wire, FAILED, start_ns=0)
    assert max(map(len, picture.split("\n"))) <= WIDTH
    assert picture.replace("\n", "").isprintable()
    assert explain(wire, FAILED).isprintable()
    list_packets(wire, start_ns=0)
    judge_wire(["tcp closed.lab:2525 refused"], wire.flows)
    pcapng(raws, comment="fuzz")
    for flow in wire.flows:
        flow.model_dump_json()


def raw_packets(data: st.SearchStrategy[bytes]) -> st.SearchStrategy[RawPacket]:
    def make(data: bytes, extra: int, direction: str, interface: str, link: str) -> RawPacket:
        return RawPacket(
            at_ns=10**18,
            interface=interface,
            direction="out" if direction == "out" else "in",
            data=data,
            length=len(data) + extra,
            link="ip" if link == "ip" else "ethernet",
        )

    return st.builds(
        make,
        data,
        st.integers(0, 100),
        st.sampled_from(["out", "in"]),
        st.sampled_from(["lo", "eth0"]),
        st.sampled_from(["ethernet", "ip"]),
    )


STARTS = [bytes(12) + kind for kind in (b"\x08\x00E", b"\x86\xdd`", b"\x08\x06", b"\x81\x00")]
ANY_BYTES = st.builds(
    bytes.__add__, st.sampled_from([b"", b"E", b"`", *STARTS]), st.binary(max_size=120)
)


@COMMON
@given(st.lists(raw_packets(ANY_BYTES), max_size=6))
def test_any_bytes(raws: list[RawPacket]) -> None:
    everything(raws)


@st.composite
def mutated(draw: st.DrawFn) -> list[RawPacket]:
    """A few consecutive packets of the real captures, with bytes changed and ends cut off."""
    start = draw(st.integers(0, len(REAL) - 1))
    raws = REAL[start : start + draw(st.integers(1, 8))]
    return [_mutate(draw, raw) for raw in raws]


def _mutate(draw: st.DrawFn, raw: RawPacket) -> RawPacket:
    data = bytearray(raw.data)
    for _ in range(draw(st.integers(0, 4))):
        # Headers matter more than what they carry.
        at = draw(st.integers(12, min(len(data), 90) - 1))
        data[at] = draw(st.integers(0, 255))
    kept = draw(st.one_of(st.just(len(data)), st.integers(0, min(len(data), 120))))
    return RawPacket(
        at_ns=raw.at_ns,
        interface=raw.interface,
        direction=draw(st.sampled_from(["in", "out"])),
        data=bytes(data[:kept]),
        length=draw(st.sampled_from([raw.length, kept])),
    )


@COMMON
@given(mutated())
def test_mutated_real_packets(raws: list[RawPacket]) -> None:
    everything(raws)


@pytest.mark.parametrize("name", NAMES)
def test_real_packets_cut_short_anywhere(name: str) -> None:
    for raw in recorded(name)[:12]:
        for size in range(min(len(raw.data), 120)):
            cut = RawPacket(
                at_ns=raw.at_ns,
                interface="eth0",
                direction=raw.direction,
                data=raw.data[:size],
                length=size,
            )
            (packet,) = decode_all([cut])
            assert packet.malformed
            snapped = RawPacket(
                at_ns=raw.at_ns,
                interface="eth0",
                direction=raw.direction,
                data=raw.data[:size],
                length=raw.length,
            )
            (packet,) = decode_all([snapped])
            if size >= 14 + 40 + 40:
                assert not packet.malformed
