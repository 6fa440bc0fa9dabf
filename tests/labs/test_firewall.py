"""Faults made with nftables and by the name server; the lab's authority; privileged ports."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent
from typing import Any

from tests.labs.conftest import labctl

HEAD = """
name: own
title: Faults of every kind
layer: tcp
story: What clients meet, port by port.
services: [closed, firewall, tcp, tls]
target: {host: firewall.lab, port: 3001}
attempts:
"""
CONNECT = 'socket.create_connection(("firewall.lab", PORT), timeout=TIMEOUT)'
REFUSED = {3001: 111, 3002: 111, 3003: 113, 3004: 113, 3005: 101, 3006: 92}
OK = "expect: {returns: ...}"


def attempt(name: str, source: str, expect: str) -> str:
    text = indent(f"import socket\n{source}", "      ")
    return f"  {name}:\n    client: |\n{text}\n    {expect}\n"


def connecting(port: int, timeout: float = 5) -> str:
    return CONNECT.replace("PORT", str(port)).replace("TIMEOUT", str(timeout))


def raising(error: str, errno: str | int, port: int, outcome: str) -> str:
    wire = f'["dns firewall.lab A answered", "tcp firewall.lab:{port} {outcome}"]'
    return f"expect: {{raises: {error}, attrs: {{errno: {errno}}}, wire: {wire}}}"


def run(folder: Path, attempts: str, *args: str) -> dict[str, Any]:
    (folder / "own.yaml").write_text(HEAD + attempts, "utf-8")
    return labctl("run", folder / "own.yaml", "--json", "-", *args).document


def assert_all_pass(document: dict[str, Any]) -> None:
    wrong = [
        (one["attempt"], one["python"], one["reasons"], one["observed"]["exception"])
        for one in document["attempts"]
        if one["verdict"] != "pass"
    ]
    assert wrong == []
    assert document["attempts"]


ERRORS = {111: "ConnectionRefusedError", 113: "OSError", 101: "OSError", 92: "OSError"}


def test_every_refusal_has_its_own_errno_every_time(tmp_path: Path) -> None:
    attempts = [
        attempt(
            f"a{port}",
            connecting(port),
            raising(ERRORS[errno], errno, port, "refused" if port == 3001 else "unreachable"),
        )
        for port, errno in REFUSED.items()
    ]
    drop = attempt(
        "dropped", connecting(3007, 0.3), raising("TimeoutError", "null", 3007, "unanswered")
    )
    assert_all_pass(run(tmp_path, "".join(attempts) + drop, "--repeat", "3"))


def test_refused_twice_then_taken_whoever_else_tries_at_the_time(tmp_path: Path) -> None:
    source = f"""
seen = []
while len(seen) < 3:
    try:
        with {connecting(3010)} as sock:
            seen.append(sock.recv(10))
    except ConnectionRefusedError as error:
        seen.append(error.errno)
seen
"""
    lines = '["firewall connect port=3010", "firewall disconnect by=server"]'
    expect = f"""expect: {{returns: "[111, 111, b'hello\\\\n']", served: {lines}}}"""
    document = run(tmp_path, attempt("retry", source, expect), "--repeat", "12", "--jobs", "4")
    assert_all_pass(document)


def test_more_than_two_connections_at_once_are_refused_to_each_client(tmp_path: Path) -> None:
    source = f"""
first = {connecting(3011)}
second = {connecting(3011)}
first.recv(10) == second.recv(10) == b"hello\\n" or exit(1)
{connecting(3011)}
"""
    expect = "expect: {raises: ConnectionRefusedError}"
    assert_all_pass(
        run(tmp_path, attempt("three", source, expect), "--repeat", "12", "--jobs", "4")
    )


CUT = {
    "blackhole": (3020, 's.sendall(b"hi"); s.recv(1)', "TimeoutError"),
    "reset": (3021, 's.sendall(b"hi"); s.recv(1)', "ConnectionResetError"),
    "small-fits": (3022, r's.sendall(b"hi\n"); assert s.recv(9) == b"hello\n"', ""),
    "large-lost": (3022, r's.sendall(b"x" * 5000 + b"\n"); s.recv(1)', "TimeoutError"),
    "cut-off": (3023, "while len(got) < 4000: got += s.recv(4000)", "TimeoutError"),
    "cut-off-begins": (3023, "got = s.recv(500); assert got == b'x' * 500", ""),
    "cut-short": (
        3024, "while True: s.sendall(b'x' * 500); time.sleep(0.02)", "ConnectionResetError",
    ),
}  # fmt: skip


def test_established_connections_are_cut_off(tmp_path: Path) -> None:
    attempts = [
        attempt(
            name,
            f"import time\ngot = b''\ns = {connecting(port, 1)}\n{source}",
            f"expect: {{raises: {error}}}" if error else OK,
        )
        for name, (port, source, error) in CUT.items()
    ]
    assert_all_pass(run(tmp_path, "".join(attempts), "--repeat", "3"))


UNANSWERED = {
    "servfail": (-3, "servfail"),
    "refused": (-3, "servfail"),
    "nodata": (-5, "nodata"),
    "garbage": (-3, ""),
    "truncated": (-3, ""),
    "wrong-id": (-3, "unanswered"),
    "silent": (-3, "unanswered"),
}
"""By name: the errno, and what the wire says of the question, if that is tried."""


def test_names_that_are_not_answered_as_they_should_be(tmp_path: Path) -> None:
    attempts = []
    for name, (errno, outcome) in UNANSWERED.items():
        wire = f', wire: ["dns {name}.lab A {outcome}"]' if outcome else ""
        expect = f"expect: {{raises: socket.gaierror, attrs: {{errno: {errno}}}{wire}}}"
        attempts.append(attempt(name, f'socket.getaddrinfo("{name}.lab", 25)', expect))
    assert_all_pass(run(tmp_path, "".join(attempts)))


def test_a_name_with_two_addresses(tmp_path: Path) -> None:
    source = 'len(socket.getaddrinfo("two.lab", 25, type=socket.SOCK_STREAM))'
    expect = 'expect: {returns: "2", wire: ["dns two.lab A answered"]}'
    assert_all_pass(run(tmp_path, attempt("ask", source, expect)))


def test_a_client_may_not_listen_on_a_privileged_port(tmp_path: Path) -> None:
    source = 'socket.create_server(("", 1023))'
    expect = "expect: {raises: PermissionError, attrs: {errno: EACCES}, wire: nothing}"
    fine = attempt("unprivileged", 'socket.create_server(("", 1024)).close()', OK)
    assert_all_pass(run(tmp_path, attempt("privileged", source, expect) + fine))


TLS = {
    4400: "returns: ...",
    4402: "raises: ssl.SSLCertVerificationError, attrs: {verify_code: 10}",
    4409: "raises: ssl.SSLCertVerificationError, attrs: {verify_code: 66}",
    4410: "raises: ssl.SSLCertVerificationError, attrs: {verify_code: 68}",
}


def test_every_client_trusts_the_labs_authority(tmp_path: Path) -> None:
    attempts = []
    for port, outcome in TLS.items():
        source = f"""
import ssl
sock = socket.create_connection(("tls.lab", {port}), timeout=5)
ssl.create_default_context().wrap_socket(sock, server_hostname="tls.lab")
"""
        attempts.append(attempt(f"tls{port}", source, f"expect: {{{outcome}}}"))
    assert_all_pass(run(tmp_path, "".join(attempts), "--python", "all"))
