"""Records the captures in fixtures/: real clients, servers and kernels in two network namespaces.

Run as root on Linux with iproute2, nftables and openssl: `python -m tests.unit.wire.record`.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

FIXTURES = Path(__file__).with_name("fixtures")
CLIENT_NS, HOSTS_NS = "lw-client", "lw-hosts"
NET = "198.18.250"
HOSTS = {"dns": 2, "closed": 11, "filtered": 12, "mail": 13, "rejecting": 14, "gone": 77}
RULES = f"""
table inet wire {{
  chain input {{
    type filter hook input priority filter;
    ip daddr {NET}.12 drop
    ip daddr {NET}.14 tcp dport 1 reject with icmp type host-prohibited
    ip daddr {NET}.14 tcp dport 2 reject with icmp type port-unreachable
    ip daddr {NET}.14 udp dport 9 reject with icmp type admin-prohibited
  }}
}}
"""
CABLE = f"ip link add eth0 netns {CLIENT_NS} type veth peer name eth0 netns {HOSTS_NS}"
NO_LIMIT = f"ip netns exec {HOSTS_NS} sysctl -qw net.ipv4.icmp_ratelimit=0"
CERTIFICATE = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
    "-keyout key.pem -out cert.pem -days 9 -subj /CN=mail.lab"
)
CLIENTS = {
    "refused": "socket.create_connection(('closed.lab', 2525), 2)",
    "filtered": "socket.create_connection(('filtered.lab', 25), 2.5)",
    "icmp-prohibited": "socket.create_connection(('rejecting.lab', 1), 2)",
    "icmp-port": "socket.create_connection(('rejecting.lab', 2), 2)",
    "gone": "socket.create_connection(('gone.lab', 25), 5)",
    "nxdomain": "socket.getaddrinfo('nosuch.lab', 25)",
    "servfail": "socket.getaddrinfo('servfail.lab', 25)",
    "nodata": "socket.getaddrinfo('empty.lab', 25)",
    "dns-mute": "socket.getaddrinfo('mute.lab', 25, socket.AF_INET)",
    "dns-over-tcp": "socket.getaddrinfo('big.lab', 25, socket.AF_INET)",
    "greeting": "s = socket.create_connection(('mail.lab', 25), 2); s.recv(99); "
    "s.sendall(b'QUIT\\r\\n'); s.recv(99)",
    "reset": "s = socket.create_connection(('mail.lab', 26), 2); s.recv(99)",
    "early-fin": "s = socket.create_connection(('mail.lab', 27), 2); s.recv(99)",
    "bulk": "s = socket.create_connection(('mail.lab', 28), 2)\nwhile s.recv(65536): pass\n",
    "udp-echo": "s = socket.socket(type=socket.SOCK_DGRAM); "
    "s.sendto(b'hello', ('mail.lab', 7)); s.recv(99)",
    "udp-unreachable": "s = socket.socket(type=socket.SOCK_DGRAM); "
    "s.connect(('closed.lab', 9)); s.send(b'x'); s.recv(9)",
    "udp-fragments": "s = socket.socket(type=socket.SOCK_DGRAM); "
    "s.sendto(bytes(4000), ('mail.lab', 7)); s.recv(9999)",
    "tls-untrusted": "c = ssl.create_default_context(); "
    "c.wrap_socket(socket.create_connection(('mail.lab', 465)), server_hostname='mail.lab')",
    "tls-too-old": "c = ssl._create_unverified_context(); "
    "c.maximum_version = ssl.TLSVersion.TLSv1_2; "
    "c.wrap_socket(socket.create_connection(('mail.lab', 466)), server_hostname='mail.lab')",
    "tls-good": "c = ssl._create_unverified_context(); "
    "s = c.wrap_socket(socket.create_connection(('mail.lab', 466)), server_hostname='mail.lab'); "
    "s.recv(9)",
    "tls-plain-server": "c = ssl._create_unverified_context(); "
    "c.wrap_socket(socket.create_connection(('mail.lab', 25)), server_hostname='mail.lab')",
    "loopback-port-66000": "import smtplib; smtplib.SMTP('127.0.0.1', port=66000)",
    "self-connect": "s = socket.socket(); s.bind(('127.0.0.1', 5555)); "
    "s.connect(('127.0.0.1', 5555)); s.sendall(b'me'); s.recv(9)",
    "udp6-unreachable": "s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); "
    "s.connect(('::1', 9)); s.send(b'x'); s.recv(9)",
}
"""By fixture: what the client does. What it raises doesn't matter here."""


def run(*command: str) -> None:
    subprocess.run(command, check=True)


@contextlib.contextmanager
def namespaces() -> Iterator[None]:
    """Two namespaces with a cable between them; the name server is the client's only one."""
    etc = Path("/etc/netns", CLIENT_NS)
    etc.mkdir(parents=True)
    (etc / "resolv.conf").write_text(f"nameserver {NET}.2\noptions timeout:1 attempts:2\n")
    try:
        for name in (CLIENT_NS, HOSTS_NS):
            run("ip", "netns", "add", name)
        run(*CABLE.split())
        plug(CLIENT_NS, [128])
        plug(HOSTS_NS, [number for name, number in HOSTS.items() if name != "gone"])
        # Fast answers, and no limit on how many ICMP errors there are.
        run(*NO_LIMIT.split())
        run("ip", "netns", "exec", HOSTS_NS, "nft", RULES)
        yield
    finally:
        for name in (CLIENT_NS, HOSTS_NS):
            subprocess.run(["ip", "netns", "del", name], check=False)
        (etc / "resolv.conf").unlink()
        etc.rmdir()


def plug(namespace: str, numbers: list[int]) -> None:
    for number in numbers:
        run("ip", "-n", namespace, "addr", "add", f"{NET}.{number}/24", "dev", "eth0")
    for device in ("lo", "eth0"):
        run("ip", "-n", namespace, "link", "set", device, "up")


def answer(wire: bytes, *, over_tcp: bool) -> bytes | None:
    query = dns.message.from_wire(wire)
    response = dns.message.make_response(query, recursion_available=True)
    name = query.question[0].name.to_text().removesuffix(".lab.")
    if name == "mute":
        return None
    if name == "big" and not over_tcp:
        response.flags |= dns.flags.TC
    elif name == "servfail":
        response.set_rcode(dns.rcode.SERVFAIL)
    elif name == "nosuch":
        response.set_rcode(dns.rcode.NXDOMAIN)
    elif name != "empty" and query.question[0].rdtype == dns.rdatatype.A:
        address = f"{NET}.{HOSTS.get(name, 13)}"
        question = query.question[0].name
        response.answer.append(dns.rrset.from_text(question, 60, "IN", "A", address))
    return response.to_wire()


def serve_dns_over_udp() -> None:
    server = socket.socket(type=socket.SOCK_DGRAM)
    server.bind((f"{NET}.2", 53))
    while True:
        wire, peer = server.recvfrom(9999)
        if said := answer(wire, over_tcp=False):
            server.sendto(said, peer)


def serve_echo() -> None:
    server = socket.socket(type=socket.SOCK_DGRAM)
    server.bind((f"{NET}.13", 7))
    while True:
        server.sendto(*server.recvfrom(9999))


def dns_over_tcp(peer: socket.socket) -> None:
    wire = peer.recv(9999)
    said = answer(wire[2:], over_tcp=True) or b""
    peer.sendall(len(said).to_bytes(2, "big") + said)


def greet(peer: socket.socket) -> None:
    peer.sendall(b"220 mail.lab ESMTP\r\n")
    peer.recv(99)
    peer.sendall(b"221 bye\r\n")


def reset(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hang_up(peer: socket.socket) -> None:
    peer.shutdown(socket.SHUT_WR)


def send_much(peer: socket.socket) -> None:
    peer.sendall(bytes(20_000))


def encrypt(context: ssl.SSLContext) -> Callable[[socket.socket], None]:
    def serve(peer: socket.socket) -> None:
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            context.wrap_socket(peer, server_side=True).sendall(b"hello")

    return serve


def serve_tcp(host: int, port: int, behave: Callable[[socket.socket], None]) -> None:
    with socket.create_server((f"{NET}.{host}", port)) as server:
        while True:
            peer, _ = server.accept()
            with contextlib.suppress(ConnectionError), peer:
                behave(peer)


def tls_context(folder: Path, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = version
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def serve_all(folder: Path) -> None:
    """All servers, until stdin ends; in the hosts' namespace."""
    targets: list[tuple[Callable[..., None], tuple[object, ...]]] = [
        (serve_dns_over_udp, ()),
        (serve_echo, ()),
        (serve_tcp, (2, 53, dns_over_tcp)),
        (serve_tcp, (13, 25, greet)),
        (serve_tcp, (13, 26, reset)),
        (serve_tcp, (13, 27, hang_up)),
        (serve_tcp, (13, 28, send_much)),
        (serve_tcp, (13, 465, encrypt(tls_context(folder, ssl.TLSVersion.TLSv1_2)))),
        (serve_tcp, (13, 466, encrypt(tls_context(folder, ssl.TLSVersion.TLSv1_3)))),
    ]
    for target, args in targets:
        threading.Thread(target=target, args=args, daemon=True).start()
    print("ready", flush=True)  # noqa: T201
    sys.stdin.read()


def wait_for_end(over: threading.Event) -> None:
    sys.stdin.read()
    over.set()


def capture(path: Path) -> None:
    """Every packet of this namespace, until stdin ends and the wire has been quiet for 0.2 s."""
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    tap.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS
    over = threading.Event()
    threading.Thread(target=wait_for_end, args=(over,), daemon=True).start()
    tap.settimeout(0.2)
    print("ready", flush=True)  # noqa: T201
    with path.open("w", encoding="utf-8") as file:
        while True:
            try:
                data, extra, _, origin = tap.recvmsg(65536, 64)
            except TimeoutError:
                if over.is_set():
                    return
                continue
            seconds, nanoseconds = struct.unpack("ll", extra[0][2])
            entry = {
                "at_ns": seconds * 10**9 + nanoseconds,
                "interface": origin[0],
                "direction": "out" if origin[2] == socket.PACKET_OUTGOING else "in",
                "length": len(data),
                "data": data.hex(),
            }
            file.write(json.dumps(entry) + "\n")


@contextlib.contextmanager
def helper(namespace: str, *args: str) -> Iterator[None]:
    """This module in a namespace, once it is ready and until the end of the block."""
    with subprocess.Popen(
        ["ip", "netns", "exec", namespace, sys.executable, "-m", __spec__.name, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield
        process.stdin.close()


def record(name: str, client: str) -> None:
    with helper(CLIENT_NS, "capture", str(FIXTURES / f"{name}.jsonl")):
        source = f"import socket, ssl\nsocket.setdefaulttimeout(3)\n{client}"
        subprocess.run(
            ["ip", "netns", "exec", CLIENT_NS, sys.executable, "-c", source],
            stderr=subprocess.DEVNULL,
            check=False,
        )


def record_all(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder, namespaces():
        subprocess.run(
            CERTIFICATE.split(),
            cwd=folder,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        with helper(HOSTS_NS, "serve", folder):
            for name in names or CLIENTS:
                record(name, CLIENTS[name])


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", folder]:
            serve_all(Path(folder))
        case ["capture", path]:
            capture(Path(path))
        case names:
            record_all(names)
