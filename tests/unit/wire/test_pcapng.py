"""pcapng files: tshark reads them, and sees what flows.py sees."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from labctl.model.packet import RawPacket
from labctl.model.result import Flow
from labctl.wire.decode import decode_all
from labctl.wire.flows import analyse
from labctl.wire.pcapng import pcapng
from tests.unit.wire.build import CLOSED, START_NS, Capture
from tests.unit.wire.captures import NAMES, recorded

pytestmark = pytest.mark.skipif(
    shutil.which("tshark") is None, reason="needs tshark (Debian's package of that name)"
)
COMMENT = "refused-port/smtplib on Python 3.13.5"


def tshark(path: Path, *fields: str, only: str = "") -> list[list[str]]:
    """The fields of each packet; a field that occurs several times has commas."""
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=a"]
    command += [part for field in fields for part in ("-e", field)]
    command += ["-Y", only] if only else []
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


def written(folder: Path, raws: list[RawPacket]) -> Path:
    path = folder / "attempt.pcapng"
    path.write_bytes(pcapng(raws, comment=COMMENT))
    return path


def test_times_interfaces_directions_and_comments(tmp_path: Path) -> None:
    capture = Capture()
    capture.connection(CLOSED, 2525).syn().refuse()
    capture.interface = "lo"
    capture.client = "127.0.0.1"
    capture.connection("127.0.0.1", 464).syn()
    path = written(tmp_path, capture.raws)
    fields = ("frame.time_epoch", "frame.interface_name", "frame.packet_flags_direction")
    rows = tshark(path, *fields, "frame.comment")
    first = f"{START_NS // 10**9}.000000000"
    assert rows[0][:2] == [first, "eth0"]
    assert [row[0][-9:] for row in rows] == ["000000000", "001000000", "002000000"]
    assert [row[1] for row in rows] == ["eth0", "eth0", "lo"]
    assert [int(row[2], 0) for row in rows] == [2, 1, 1]
    assert rows[0][3] == COMMENT
    assert "labctl" in capinfos(path)
    assert COMMENT in capinfos(path)


def capinfos(path: Path) -> str:
    return subprocess.run(
        ["capinfos", str(path)], capture_output=True, text=True, check=True
    ).stdout


def test_an_empty_capture_is_a_file_too(tmp_path: Path) -> None:
    assert tshark(written(tmp_path, []), "frame.number") == []


def test_packets_cut_short_by_the_capture(tmp_path: Path) -> None:
    capture = Capture()
    capture.frame(bytes(200), "out", snaplen=61)
    rows = tshark(written(tmp_path, capture.raws), "frame.len", "frame.cap_len")
    assert rows == [["200", "61"]]


def test_loopback_is_written_once(tmp_path: Path) -> None:
    path = written(tmp_path, recorded("loopback-port-66000"))
    assert len(tshark(path, "frame.number")) == 2


def all_recorded() -> list[RawPacket]:
    """Every recorded capture, one after the other: tshark takes its time to start."""
    return [raw for name in NAMES for raw in recorded(name)]


def flows_of(raws: list[RawPacket], protocol: str) -> list[Flow]:
    flows = analyse(decode_all(raws)).flows
    return [flow for flow in flows if flow.protocol == protocol]


def test_tshark_sees_the_same_tcp_connections(tmp_path: Path) -> None:
    raws = all_recorded()
    path = written(tmp_path, raws)
    command = ["tshark", "-n", "-r", str(path), "-q", "-z", "conv,tcp"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [line.split() for line in done.stdout.splitlines() if "<->" in line]
    theirs = Counter((row[0], row[2]) for row in rows)
    flows = [f for f in flows_of(raws, "tcp") if f.detail and f.detail.requests]
    ours = Counter(
        (f"{f.detail.source}:{f.detail.source_port}", f"{f.address}:{f.port}")
        for f in flows
        if f.detail
    )
    assert ours == theirs


def test_tshark_sees_the_same_dns_answers(tmp_path: Path) -> None:
    raws = all_recorded()
    fields = ("dns.qry.name", "dns.qry.type", "dns.flags.rcode", "dns.a")
    only = "dns.flags.response == 1 && dns.flags.truncated == 0"
    kinds, codes = {"1": "A", "28": "AAAA"}, {"0": "NOERROR", "2": "SERVFAIL", "3": "NXDOMAIN"}
    theirs = {
        (row[0], kinds[row[1]], codes[row[2]], row[3])
        for row in tshark(written(tmp_path, raws), *fields, only=only)
    }
    details = [f.detail.dns for f in flows_of(raws, "dns") if f.detail and f.detail.dns]
    ours = {(d.name, d.type, d.code, ",".join(d.answers)) for d in details if d.code}
    assert ours == theirs


def test_tshark_sees_the_same_icmp_errors(tmp_path: Path) -> None:
    raws = all_recorded()
    path = written(tmp_path, raws)
    rows = tshark(path, "ip.src", "icmp.type", "icmp.code", only="icmp.type == 3")
    theirs = {(row[0].split(",")[0], row[1], row[2]) for row in rows}
    rows = tshark(path, "ipv6.src", "icmpv6.type", "icmpv6.code", only="icmpv6.type == 1")
    theirs |= {(row[0].split(",")[0], row[1], row[2]) for row in rows}
    flows = analyse(decode_all(raws)).flows
    errors = [flow.detail.icmp for flow in flows if flow.detail and flow.detail.icmp]
    assert {(e.sender, str(e.type), str(e.code)) for e in errors} == theirs


def layer(packet: dict[str, Any], name: str) -> Any:
    return packet["_source"]["layers"].get(name)


def test_tshark_sees_the_same_resets_and_handshakes(tmp_path: Path) -> None:
    raws = recorded("tls-untrusted")
    path = written(tmp_path, raws)
    done = subprocess.run(
        ["tshark", "-n", "-r", str(path), "-T", "json", "-d", "tcp.port==465,tls"],
        capture_output=True,
        text=True,
        check=True,
    )
    text = json.dumps([layer(packet, "tls") for packet in json.loads(done.stdout)])
    assert '"tls.handshake.extensions_server_name": "mail.lab"' in text
    assert '"tls.alert_message.desc": "48"' in text
    resets = tshark(path, "tcp.srcport", only="tcp.flags.reset == 1")
    (flow,) = flows_of(raws, "tcp")
    assert flow.detail
    assert flow.detail.tls
    assert (flow.detail.tls.sni, flow.detail.tls.alerts[0].description) == (
        "mail.lab",
        "unknown_ca",
    )
    assert flow.detail.reset_by == "client"
    assert {row[0] for row in resets} == {str(flow.detail.source_port)}


def test_tshark_sees_the_same_on_packets_built_by_hand(tmp_path: Path) -> None:
    capture = Capture()
    capture.ask("closed.lab")
    capture.tell("closed.lab", CLOSED)
    capture.connection(CLOSED, 2525).syn().refuse()
    path = written(tmp_path, capture.raws)
    assert tshark(path, "dns.a", only="dns.a") == [[CLOSED]]
    assert tshark(path, "tcp.dstport", only="tcp.flags.syn == 1") == [["2525"]]
    assert tshark(path, "_ws.malformed", only="_ws.malformed") == []
