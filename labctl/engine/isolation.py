"""Finds out by trying what a client in a lab can reach and do."""

from __future__ import annotations

import ast
import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from labctl.engine.protocol import Engine
from labctl.errors import EngineError
from labctl.judge import observe
from labctl.model.compose import Service
from labctl.model.plan import Interpreter, PlannedAttempt, PlannedLab
from labctl.model.scenario import Target

_LIMIT_S = 30.0

# Runs as a client. Its last expression is what `Reach` is made of.
_CLIENT = """
import os, socket

def tcp(target):
    host, port = target
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.settimeout(1)
            info = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
            sock.connect(info[0][4])
            return sock.recv(7) == b"labctl!"
    except OSError:
        return False

def writable(path):
    try:
        with open(os.path.join(path, "labctl-try"), "w"):
            return True
    except OSError:
        return False

def interfaces():
    return [name for _, name in socket.if_nameindex() if name != "lo"]

status = dict(line.split(":", 1) for line in open("/proc/self/status"))

def gateway_answers():
    # Whether anyone has the hardware address that packets to the outside would go to.
    tcp(("192.0.2.1", 9))
    routes = [line.split() for line in open("/proc/net/route")][1:]
    gateways = [
        socket.inet_ntoa(bytes.fromhex(route[2])[::-1]) for route in routes if route[1] == "0" * 8
    ]
    neighbours = [line.split() for line in open("/proc/net/arp")][1:]
    return any(n[0] in gateways and int(n[2], 16) & 2 for n in neighbours)

link_local = [
    (host + "%" + name, port)
    for host, port in TARGETS if host.startswith("fe80") for name in interfaces()
]
targets = [t for t in TARGETS if not t[0].startswith("fe80")] + link_local
{
    "reached": [host for host, port in targets if tcp((host, port))],
    "tried": [host for host, _ in targets],
    "capabilities": [k for k in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
                     if int(status[k], 16)],
    "no_new_privileges": status["NoNewPrivs"].strip() == "1",
    "writable": [p for p in ("/", "/etc", "/usr", "/labctl", "/var", "/dev") if writable(p)],
    "gateway_answers": gateway_answers(),
    "engine_socket": any(os.path.exists(p) for p in ("/var/run/docker.sock", "/run/docker.sock")),
}
"""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What a client could do. All but `tried` and `no_new_privileges` should be empty or False."""

    reached: tuple[str, ...]
    tried: tuple[str, ...]
    capabilities: tuple[str, ...]
    no_new_privileges: bool
    writable: tuple[str, ...]
    gateway_answers: bool
    engine_socket: bool

    def holes(self) -> list[str]:
        """Return each thing that a client should not have been able to do, as a sentence."""
        found = [f"a client reached this host at {host}" for host in self.reached]
        found += [f"a client has capabilities ({name})" for name in self.capabilities]
        found += [f"a client can write to {path}" for path in self.writable]
        if not self.no_new_privileges:
            found.append("a client may gain privileges")
        if self.gateway_answers:
            found.append("a gateway answers: a client has a way to the outside")
        if self.engine_socket:
            found.append("a client sees the engine's socket")
        return found


def try_isolation(
    engine: Engine, interpreter: Interpreter, services: tuple[Service, ...], compose: Path
) -> Reach:
    """Start a lab with a client in it that tries what it can reach and do, and return what it
    could. Raise EngineError if the lab breaks.
    """
    with listener() as port:
        target = Target(host="dns.lab", port=port)
        lab = PlannedLab(compose=compose, services=services, attempts=())
        with engine.lab(lab) as running, running.tap() as tap:
            # Only now has the host the addresses that the lab's own bridge may give it.
            targets = [(host, port) for host in host_addresses()]
            attempt = PlannedAttempt(
                key="try", scenario="isolation", attempt="try", origin="",
                source=f"TARGETS = {targets!r}\n{_CLIENT}", target=target, interpreter=interpreter,
            )  # fmt: skip
            evidence = tap.attempt(attempt, limit_s=_LIMIT_S)
    return _reach(observe(evidence).returned, evidence.report)


def _reach(returned: str | None, report: bytes) -> Reach:
    """Read what the client that tries the isolation could reach. Raise EngineError if it is not
    readable.
    """
    try:
        found = ast.literal_eval(returned or "")
        lists = ("reached", "tried", "capabilities", "writable")
        return Reach(**{**found, **{key: tuple(found[key]) for key in lists}})
    except (ValueError, SyntaxError, KeyError, TypeError) as error:
        raise EngineError(f"the client that tries the isolation said {report[:300]!r}") from error


@contextlib.contextmanager
def listener() -> Iterator[int]:
    """Open a port of this host, on every address of both families, and yield its number. It greets
    every connection until the context ends.
    """
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        thread = threading.Thread(target=_greet, args=(server,), daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            # Closing alone would leave the thread waiting, and the kernel listening.
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def _greet(server: socket.socket) -> None:
    """Accept connections and greet each, until the socket is closed."""
    with contextlib.suppress(OSError):  # the listener was closed
        while True:
            peer, _ = server.accept()
            with peer, contextlib.suppress(OSError):  # whoever it was has gone
                peer.sendall(b"labctl!")


def host_addresses() -> list[str]:
    """Read every address of this host but the loopback ones from /proc/net (Linux)."""
    found = set()
    with contextlib.suppress(OSError):
        previous = ""
        for line in Path("/proc/net/fib_trie").read_text("ascii").splitlines():
            if "/32 host LOCAL" in line:
                found.add(previous.rpartition(" ")[2])
            previous = line
    with contextlib.suppress(OSError):
        for line in Path("/proc/net/if_inet6").read_text("ascii").splitlines():
            digits = line.split()[0]
            groups = ":".join(digits[i : i + 4] for i in range(0, 32, 4))
            found.add(socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, groups)))
    return sorted(a for a in found if not a.startswith("127.") and a != "::1")
