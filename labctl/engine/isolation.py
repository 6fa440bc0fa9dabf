"""Finds out by trying what a client in a lab can reach and do."""

from __future__ import annotations

import ast
import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from labctl.engine.protocol import Engine
from labctl.engine.runtime import doing
from labctl.errors import EngineError
from labctl.judge import observe
from labctl.load.bundled import bundled_compose
from labctl.load.compose import load_compose
from labctl.model.plan import Interpreter, PlannedAttempt, PlannedLab
from labctl.model.scenario import Target

_LIMIT_S = 30.0
_MAPPED = ("10.0.2.2", "169.254.1.2")
"""What engines without root call this host: slirp4netns and Podman."""
_AT_ONCE = 48
"""How many addresses a client tries at the same time: it may have 64 threads."""

# Runs as a client. Its last expression is what `Reach` is made of.
_CLIENT = """
import os, socket
from concurrent.futures import ThreadPoolExecutor

def tcp(host, interface=""):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.settimeout(1)
            if interface:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
            info = socket.getaddrinfo(host, PORT, family, socket.SOCK_STREAM)
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

def reached(hosts):
    # Where there is no route, a socket that is bound to an interface asks the link for the address.
    ways = [(host, interface) for host in hosts for interface in ["", *interfaces()]]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda way: tcp(*way), ways))
    return list(dict.fromkeys(host for (host, _), answer in zip(ways, answers) if answer))

def gateway():
    return socket.gethostbyname("dns.lab").rpartition(".")[0] + ".1"

def lines(path):
    with open(path) as file:
        return file.read().splitlines()

status = dict(line.split(":", 1) for line in lines("/proc/self/status"))

def gateway_answers():
    # Whether anyone has the hardware address that packets to the outside would go to.
    tcp("192.0.2.1")
    routes = [line.split() for line in lines("/proc/net/route")][1:]
    gateways = [
        socket.inet_ntoa(bytes.fromhex(route[2])[::-1]) for route in routes if route[1] == "0" * 8
    ]
    neighbours = [line.split() for line in lines("/proc/net/arp")][1:]
    return any(n[0] in gateways and int(n[2], 16) & 2 for n in neighbours)

link_local = [
    host + "%" + name for host in HOSTS if host.startswith("fe80") for name in interfaces()
]
tried = [host for host in HOSTS if not host.startswith("fe80")] + link_local
{
    "reached": reached(dict.fromkeys([*tried, gateway(), *MAPPED])),
    "tried": tried,
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


def try_isolation(engine: Engine, interpreter: Interpreter, *, is_here: bool = True) -> Reach:
    """Start a lab with a client in it that tries what it can reach and do, and return what it
    could. Raise EngineError if the lab breaks.

    The client tries this machine's addresses. If the engine is not here, nothing is known of those
    of its own machine, and none is tried.
    """
    compose = bundled_compose()
    with listener() as port:
        target = Target(host="dns.lab", port=port)
        lab = PlannedLab(compose=compose, services=(load_compose(compose)["dns"],), attempts=())
        with engine.lab(lab) as running, running.tap() as tap:
            # Only now has the host all addresses that it may get by the lab itself.
            source = client_source(host_addresses() if is_here else (), port)
            attempt = PlannedAttempt(
                key="try", scenario="isolation", attempt="try", origin="",
                source=source, target=target, interpreter=interpreter,
                services=("dns",),
            )  # fmt: skip
            evidence = tap.attempt(attempt, limit_s=_LIMIT_S)
    seen = observe(evidence)
    if seen.exception is not None and seen.exception.type == "socket.gaierror":
        raise EngineError("the containers of a lab do not reach each other")
    return _reach(seen.returned, evidence.report)


def client_source(hosts: Sequence[str], port: int) -> str:
    """Return the source of the client, which tries to connect to a port of these addresses, and of
    those that engines may give to this host.
    """
    values = {"HOSTS": list(hosts), "PORT": port, "MAPPED": _MAPPED, "AT_ONCE": _AT_ONCE}
    return "\n".join([*(f"{name} = {value!r}" for name, value in values.items()), _CLIENT])


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
    ours, theirs = socket.socketpair()
    with ours, theirs, _server() as server:
        server.setblocking(False)
        thread = threading.Thread(target=_greet, args=(server, theirs), daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            ours.close()
            thread.join()


def _server() -> socket.socket:
    """Return a socket that listens at every address of this host: of both families, unless the
    kernel has no IPv6. Raise EngineError if it can't.
    """
    with doing("trying the isolation"):
        try:
            return socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        except OSError:
            return socket.create_server(("0.0.0.0", 0))  # noqa: S104 that is what is tried


def _greet(server: socket.socket, end: socket.socket) -> None:
    """Accept connections and greet each, until the other side of `end` is closed."""
    with selectors.DefaultSelector() as selector:
        selector.register(server, selectors.EVENT_READ)
        selector.register(end, selectors.EVENT_READ)
        while end not in {key.fileobj for key, _ in selector.select()}:
            with contextlib.suppress(OSError):  # whoever it was has gone
                peer, _ = server.accept()
                with peer:
                    peer.sendall(b"labctl!")


def host_addresses() -> list[str]:
    """Return every address of this host but the loopback ones. Linux tells all of them in
    /proc/net; elsewhere, those count that the host's own name has.
    """
    found: set[str] = set()
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
    found = found or set(_addresses_of_its_name())
    return sorted(a for a in found if not a.startswith("127.") and a != "::1")


def _addresses_of_its_name() -> Iterator[str]:
    """Yield the addresses of this host's own name, if it has any."""
    with contextlib.suppress(OSError):
        for *_, address in socket.getaddrinfo(socket.gethostname(), None):
            yield str(address[0]).partition("%")[0]
