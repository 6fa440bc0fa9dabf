"""The wire on a real engine: captured, judged, lost, and read by another tool."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from labctl.load.bundled import bundled_folder
from tests.labs.conftest import Done, labctl


def observed(done: Done) -> list[dict[str, Any]]:
    return [one["observed"] for one in done.document["attempts"]]


def run_client(tmp_path: Path, source: str, *args: str) -> Done:
    client = tmp_path / "client.py"
    client.write_text(source, "utf-8")
    return labctl("run", "refused-port", "--attempt", "smtplib", "--client", client, *args)


def changed(tmp_path: Path, **expect: object) -> Path:
    """refused-port with its attempt `socket` alone, and something else expected of it."""
    [path] = bundled_folder("scenarios").rglob("refused-port.yaml")
    document = yaml.safe_load(path.read_text("utf-8"))
    attempt = document["attempts"]["socket"]
    attempt["expect"] = {**attempt["expect"], **expect}
    document["attempts"] = {"socket": attempt}
    file = tmp_path / "changed.yaml"
    file.write_text(yaml.safe_dump({**document, "name": "changed"}), "utf-8")
    return file


def test_a_right_exception_with_a_wrong_wire_is_a_fail_that_says_so(tmp_path: Path) -> None:
    lines = ["dns closed.lab A answered", "tcp closed.lab:2525 unanswered"]
    done = labctl("run", changed(tmp_path, wire=lines), "--json", "-")
    [attempt] = done.document["attempts"]
    assert done.code == 1
    assert {one["what"] for one in attempt["differences"]} == {"wire"}


def test_a_right_wire_with_a_wrong_exception_is_a_fail_that_says_so(tmp_path: Path) -> None:
    file = changed(tmp_path, raises="TimeoutError", attrs={})
    [attempt] = labctl("run", file, "--json", "-").document["attempts"]
    assert [one["what"] for one in attempt["differences"]] == ["exception"]


def test_lost_packets_make_the_wire_inconclusive_and_never_a_pass(tmp_path: Path) -> None:
    """A client that does all that is expected, and then floods its own loopback."""
    [path] = bundled_folder("scenarios").rglob("refused-port.yaml")
    document = yaml.safe_load(path.read_text("utf-8"))
    attempt = document["attempts"]["socket"]
    attempt["client"] = (
        "import socket\n"
        "flood = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "for _ in range(20_000):\n"
        "    try:\n"
        '        flood.sendto(b"x", ("127.0.0.1", 9))\n'
        "    except ConnectionRefusedError:\n"
        "        pass\n"
    ) + attempt["client"]
    document["attempts"] = {"socket": attempt}
    file = tmp_path / "flood.yaml"
    file.write_text(yaml.safe_dump({**document, "name": "flood"}), "utf-8")
    done = labctl("run", file, "--json", "-")
    [result] = done.document["attempts"]
    assert result["verdict"] == "inconclusive", result["reasons"]
    assert result["observed"]["lost_packets"] > 0
    assert "too many for the capture" in result["reasons"][0]
    assert len(result["observed"]["packets"]) <= 500
    assert done.code == 1


def tshark(file: Path, *fields: str, only: str) -> list[dict[str, str]]:
    """The fields of every packet that a display filter lets through, by name."""
    chosen = [part for field in fields for part in ("-e", field)]
    done = subprocess.run(
        ["tshark", "-n", "-r", file, "-Y", only, "-T", "fields", *chosen],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = (line.split("\t") for line in done.stdout.splitlines())
    return [dict(zip(fields, row, strict=True)) for row in rows]


FLOW_FIELDS = (
    "tcp.stream", "ip.dst", "tcp.dstport", "tcp.flags.syn", "tcp.flags.ack", "tcp.flags.fin",
    "tcp.flags.reset", "dns.qry.name", "dns.flags.rcode", "dns.count.answers",
)  # fmt: skip


def test_tshark_reads_the_same_flows_from_the_files(tmp_path: Path, is_whole: bool) -> None:
    captures = tmp_path / "captures"
    part = () if is_whole else ("--shard", "1/3")
    done = labctl("run", "--tag", "core", *part, "--pcap", captures, "--json", "-")
    attempts = done.document["attempts"]
    assert len(list(captures.iterdir())) == len(attempts)
    for attempt in attempts:
        file = captures / f"{attempt['scenario']}+{attempt['attempt']}+{attempt['python']}.pcapng"
        flows = attempt["observed"]["flows"]
        rows = tshark(file, *FLOW_FIELDS, only="tcp || dns.flags.response == 1")
        assert tcp_flows(rows) == [
            (f["address"], str(f["port"]), f["outcome"]) for f in flows if f["protocol"] == "tcp"
        ], file
        assert dns_answers(rows) == sorted(
            (f["host"], f["outcome"]) for f in flows if f["protocol"] == "dns"
        ), file


ON = ("1", "True")
"""How a flag that is set reads, by version of tshark."""


def tcp_flows(rows: list[dict[str, str]]) -> list[tuple[str, str, str]]:
    """Each connection as tshark's own analysis of its flags tells it."""
    found: dict[str, tuple[str, str, str]] = {}
    for row in rows:
        stream = row["tcp.stream"]
        if not stream:
            continue
        syn, ack, fin, reset = (row[f"tcp.flags.{flag}"] in ON for flag in FLAGS)
        if syn and not ack:
            found.setdefault(stream, (row["ip.dst"], row["tcp.dstport"], "unanswered"))
        elif stream in found:
            host, target, outcome = found[stream]
            if syn:
                outcome = "open"
            elif reset and outcome == "unanswered":
                outcome = "refused"
            elif reset and outcome == "open":
                outcome = "reset"
            elif fin:
                outcome = "closed"
            found[stream] = (host, target, outcome)
    return list(found.values())


FLAGS = ("syn", "ack", "fin", "reset")
CODES = {"0": "answered", "3": "nxdomain", "2": "servfail"}


def dns_answers(rows: list[dict[str, str]]) -> list[tuple[str, str]]:
    """Each question with its outcome, as tshark reads the answers."""
    answers = [row for row in rows if row["dns.qry.name"]]
    return sorted((row["dns.qry.name"], _outcome(row)) for row in answers)


def _outcome(row: dict[str, str]) -> str:
    code = row["dns.flags.rcode"]
    return "nodata" if code == "0" and row["dns.count.answers"] == "0" else CODES[code]


def test_tshark_reads_the_same_icmp_errors(tmp_path: Path) -> None:
    captures = tmp_path / "captures"
    source = """
import socket
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(2)
sock.connect(("closed.lab", 2525))
sock.send(b"anybody?")
sock.recv(10)
"""
    done = run_client(tmp_path, source, "--pcap", str(captures), "--json", "-")
    [seen] = observed(done)
    assert seen["exception"]["type"] == "ConnectionRefusedError"
    [flow] = [f for f in seen["flows"] if f["protocol"] == "udp"]
    assert flow["outcome"] == "unreachable"
    [file] = captures.iterdir()
    assert tshark(file, "icmp.type", "icmp.code", only="icmp") == [
        {"icmp.type": "3", "icmp.code": "3"}
    ]
    assert (flow["detail"]["icmp"]["type"], flow["detail"]["icmp"]["code"]) == (3, 3)


def test_each_file_says_what_it_is_of(tmp_path: Path) -> None:
    captures = tmp_path / "captures"
    labctl("run", "refused-port", "--attempt", "socket", "--pcap", captures)
    [file] = captures.iterdir()
    said = subprocess.run(
        ["capinfos", "-k", file], capture_output=True, text=True, check=True
    ).stdout
    assert "refused-port, attempt socket, Python 3.13" in said


def test_the_book_s_syn_went_to_port_464() -> None:
    done = labctl("run", "book-port-66000", "--attempt", "smtplib")
    assert "SYN to port 464" in done.out
    assert "66000" in done.out
    assert done.code == 0


def test_a_ladder_fits_80_columns() -> None:
    done = labctl("run", "working-smtp")
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= 80


def test_the_document_is_json_of_the_schema(tmp_path: Path) -> None:
    import jsonschema  # noqa: PLC0415

    schema = json.loads(labctl("schema", "--result").out)
    jsonschema.validate(labctl("run", "working-smtp", "--json", "-").document, schema)
    assert tmp_path.exists()
