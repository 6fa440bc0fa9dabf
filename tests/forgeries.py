"""Clients that claim what did not happen, each with what catches it.

A forgery pretends to be an attempt of a scenario. `claims` is what it wants to be believed;
`caught_by` are the checks that notice (`what` of a difference, as the judge names it): each by
itself, on the default Python, and no other. The first of them gives the reason in `says`.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent


@dataclass(frozen=True, kw_only=True)
class Forgery:
    """`says` is a part of the reason that a person must be given."""

    name: str
    claims: str
    caught_by: tuple[str, ...]
    says: str
    source: str
    scenario: str = "refused-port"
    attempt: str = "smtplib"


_DECOY = """
import socket
def decoy(host="closed.lab", port=2525, wait=5):
    address = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0][4]
    sock = socket.socket()
    sock.settimeout(wait)
    try:
        sock.connect(address)
    except OSError as error:
        return error
    finally:
        sock.close()
"""
"""Puts on the wire what the honest client does, so that only the claim itself is wrong."""

_FORGED_REPORT = """
import json
forged = json.dumps({"probe": 1, "python": "3.13.5", "outcome": "raised", "elapsed_s": 0.01,
    "exception": {"type": "ConnectionRefusedError", "message": "[Errno 111] Connection refused",
        "attrs": {"errno": 111}, "symbols": {"errno": "ECONNREFUSED"}, "bases": ["OSError"]},
    "stack": [{"module": m, "qualname": q} for m, q in (
        ("smtplib", "SMTP.__init__"), ("smtplib", "SMTP.connect"),
        ("smtplib", "SMTP._get_socket"), ("socket", "create_connection"))],
    "exit": 1}).encode() + b"\\n"
def everywhere():
    import os
    for fd in range(64):
        try:
            os.write(fd, forged)
        except OSError:
            pass
"""

_SERVER = """
import socket, threading
def serve(lines):
    server = socket.create_server(("127.0.0.1", 0))
    def answer():
        peer, _ = server.accept()
        with peer, peer.makefile("rwb", buffering=0) as stream:
            stream.write(b"220 mail.lab\\r\\n")
            data = False
            for line in stream:
                word = line.strip().upper()
                if data:
                    data = word != b"."
                    if data:
                        continue
                if word == b"DATA":
                    data = True
                    stream.write(b"354 go on\\r\\n")
                else:
                    stream.write(b"221 bye\\r\\n" if word == b"QUIT" else b"250 fine\\r\\n")
    threading.Thread(target=answer, daemon=True).start()
    return server.getsockname()
"""

_CHAIN = """
def __init__(self): SMTP.connect(self)
def connect(self): SMTP._get_socket(self)
def _get_socket(self): create_connection(self)
def create_connection(self): raise ConnectionRefusedError(111, "Connection refused")
"""


def _forgery(name: str, claims: str, caught_by: str, says: str, *sources: str,
             at: str = "refused-port/smtplib") -> Forgery:  # fmt: skip
    scenario, _, attempt = at.partition("/")
    source = "\n".join(dedent(part) for part in sources)
    return Forgery(
        name=name, claims=claims, caught_by=tuple(caught_by.split(", ")), says=says,
        source=source, scenario=scenario, attempt=attempt,
    )  # fmt: skip


def _redirected(where: str) -> str:
    """An honest call of smtplib, with name resolution patched to lead elsewhere."""
    return f"""
    import smtplib, socket
    honest = socket.getaddrinfo
    socket.getaddrinfo = lambda *a, **k: [(2, 1, 6, "", {where})]
    smtplib.SMTP("closed.lab", 2525, timeout=5)
    """


_NO_PACKET = "expected `tcp closed.lab:2525 refused`, but"

WITHOUT_PACKETS = (
    _forgery(
        "raises-itself", "refused", "wire, origin", "no packet of the client was on the wire",
        'raise ConnectionRefusedError(111, "Connection refused")',
        at="refused-port/socket",
    ),
    _forgery(
        "errno-by-hand", "refused, through smtplib", "wire, stack, origin", _NO_PACKET,
        """
        import smtplib
        class Quiet(smtplib.SMTP):
            def _get_socket(self, host, port, timeout):
                error = ConnectionRefusedError("Connection refused")
                error.errno, error.strerror = 111, "Connection refused"
                raise error
        Quiet("closed.lab", 2525)
        """,
    ),
    _forgery(
        "redirected-to-loopback", "refused by closed.lab", "wire",
        "`tcp 127.0.0.1:9 refused` is there, which was not expected",
        _redirected('("127.0.0.1", 9)'),
    ),
    _forgery(
        "redirected-to-another-loopback", "refused by closed.lab", "wire",
        "`tcp 127.0.0.2:2525 refused` is there", _redirected('("127.0.0.2", 2525)'),
    ),
    _forgery(
        "redirected-to-itself", "refused by closed.lab", "wire", _NO_PACKET,
        """
        import socket
        probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        probe.connect(("198.18.0.1", 9))
        own = probe.getsockname()[0]
        """,
        _redirected("(own, 2525)"),
    ),
    _forgery(
        "redirected-to-another-host", "refused by closed.lab", "wire",
        "`tcp dns.lab:9 refused` is there, which was not expected",
        _redirected('honest("dns.lab", 9)[0][4]'),
    ),
    _forgery(
        "patched-smtp-connect", "refused, through smtplib", "wire, stack, origin", _NO_PACKET,
        """
        import smtplib
        def connect(self, *args):
            raise ConnectionRefusedError(111, "Connection refused")
        smtplib.SMTP.connect = connect
        smtplib.SMTP("closed.lab", 2525)
        """,
    ),
    _forgery(
        "patched-socket", "refused, through smtplib and socket", "wire, origin, calls", _NO_PACKET,
        """
        import smtplib, socket
        class Socket(socket.socket):
            def connect(self, address):
                raise ConnectionRefusedError(111, "Connection refused")
        socket.socket = Socket
        smtplib.SMTP("closed.lab", 2525, timeout=5)
        """,
    ),
    _forgery(
        "patched-create-connection", "refused, through smtplib", "wire, stack, origin", _NO_PACKET,
        """
        import smtplib, socket
        def create_connection(*args):
            raise ConnectionRefusedError(111, "Connection refused")
        socket.create_connection = create_connection
        smtplib.SMTP("closed.lab", 2525, timeout=5)
        """,
    ),
    _forgery(
        "timeout-at-once", "a timeout of one second", "elapsed, origin",
        "expected the client to take at least 1 s",
        _DECOY,
        'decoy("filtered.lab", 25, wait=0.01)\nraise TimeoutError("timed out")',
        at="filtered-port/socket",
    ),
    _forgery(
        "timeout-without-syn", "a timeout after a SYN", "wire, origin",
        "no packet of the client was on the wire",
        'import time\ntime.sleep(1.1)\nraise TimeoutError("timed out")',
        at="filtered-port/socket",
    ),
    _forgery(
        "no-such-name-without-query", "the name server said NXDOMAIN", "wire, origin",
        "no packet of the client was on the wire",
        'import socket\nraise socket.gaierror(-2, "Name or service not known")',
        at="unresolvable-host/socket",
    ),
    _forgery(
        "another-name", "nosuchhost.lab was looked up", "wire",
        "`dns other.lab A nxdomain` is there, which was not expected",
        'import socket\nsocket.socket().connect(("other.lab", 25))',
        at="unresolvable-host/socket",
    ),
    _forgery(
        "raw-packets", "a spoofed RST", "wire, origin", _NO_PACKET,
        """
        import socket
        try:
            socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
        except PermissionError:
            raise ConnectionRefusedError(111, "Connection refused")
        """,
        at="refused-port/socket",
    ),
    _forgery(
        "spoofed-dns-answer", "the name server said NXDOMAIN", "wire, origin",
        "expected `dns nosuchhost.lab A nxdomain`, but",
        """
        import socket
        def name(text):
            return b"".join(bytes([len(p)]) + p.encode() for p in text.split(".")) + b"\\0"
        def message(flags):
            head = b"\\x12\\x34" + flags + b"\\0\\1\\0\\0\\0\\0\\0\\0"
            return head + name("nosuchhost.lab") + b"\\0\\1\\0\\1"
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            server.bind(("127.0.0.1", 53))
        except PermissionError:
            server.bind(("127.0.0.1", 5353))
        asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        asker.sendto(message(b"\\1\\0"), server.getsockname())
        question, peer = server.recvfrom(500)
        server.sendto(message(b"\\x81\\x83"), peer)
        asker.recv(500)
        raise socket.gaierror(-2, "Name or service not known")
        """,
        at="unresolvable-host/socket",
    ),
)  # fmt: skip

MAIL = (
    _forgery(
        "mail-never-sent", "the message was taken", "served, wire",
        "service mail did not say connect", "{}", at="working-smtp/smtplib",
    ),
    _forgery(
        "mail-to-itself", "the message was taken", "served, wire", "service mail did not say",
        _SERVER,
        """
        import smtplib
        with smtplib.SMTP(*serve(6), timeout=5) as server:
            server.sendmail("ada@lab.test", ["bob@lab.test"], "Subject: hello\\n\\nhello\\n")
        {}
        """,
        at="working-smtp/smtplib",
    ),
    _forgery(
        "mail-to-another", "bob was written to", "served",
        "service mail did not say message from=ada@lab.test to=bob@lab.test; it said",
        """
        import smtplib
        with smtplib.SMTP("mail.lab", 25, timeout=5) as server:
            server.sendmail("ada@lab.test", ["eve@lab.test"], "Subject: hello\\n\\nhello\\n")
        {}
        """,
        at="working-smtp/smtplib",
    ),
)  # fmt: skip

AFTER_A_DECOY = (
    _forgery(
        "decoy-then-another-exception", "something else", "exception",
        "expected ConnectionRefusedError, but ConnectionResetError was raised",
        _DECOY, "decoy()\nraise ConnectionResetError(104, 'Connection reset by peer')",
        at="refused-port/socket",
    ),
    _forgery(
        "decoy-then-raise", "the system refused", "origin",
        "raised by the client's own code",
        _DECOY, 'decoy()\nraise ConnectionRefusedError(111, "Connection refused")',
        at="refused-port/socket",
    ),
    _forgery(
        "decoy-then-throw", "the system refused", "origin",
        "raised by the client's own code",
        _DECOY,
        """
        decoy()
        (x for x in "x").throw(ConnectionRefusedError(111, "Connection refused"))
        """,
        at="refused-port/socket",
    ),
    _forgery(
        "decoy-then-raise-timeout", "the socket timed out", "origin",
        "raised by the client's own code",
        _DECOY, 'decoy("filtered.lab", 25, wait=1.1)\nraise TimeoutError("timed out")',
        at="filtered-port/socket",
    ),
    _forgery(
        "decoy-then-raise-gaierror", "the resolver failed", "origin",
        "raised by the client's own code",
        """
        import socket
        try:
            socket.socket().connect(("nosuchhost.lab", 25))
        except OSError:
            pass
        raise socket.gaierror(-2, "Name or service not known")
        """,
        at="unresolvable-host/socket",
    ),
    _forgery(
        "decoy-in-a-patched-socket", "create_connection was refused", "origin, calls",
        "raised by the client's own code",
        _DECOY,
        """
        import smtplib
        class Socket(socket.socket):
            def connect(self, address):
                self.setblocking(False)
                self.connect_ex(address)
                raise ConnectionRefusedError(111, "Connection refused")
        socket.socket = Socket
        smtplib.SMTP("closed.lab", 2525, timeout=5)
        """,
    ),
    _forgery(
        "context-made-by-hand", "urllib met a refusal", "origin",
        "raised by the client's own code",
        _DECOY,
        """
        import urllib.request
        class Socket(socket.socket):
            def connect(self, address):
                decoy_socket.connect_ex(address)
                raise ConnectionRefusedError(111, "Connection refused")
        decoy_socket = socket.socket()
        decoy_socket.setblocking(False)
        socket.socket = Socket
        urllib.request.urlopen("http://closed.lab:2525/", timeout=5)
        """,
        at="refused-port/urllib.request",
    ),
    _forgery(
        "refused-by-a-unix-socket", "create_connection was refused", "origin, calls",
        "came out of the client's own code",
        """
        import smtplib, socket
        real = socket.socket
        class Socket(real):
            def connect(self, address):
                self.setblocking(False)
                self.connect_ex(address)
                nobody = real(socket.AF_UNIX)
                nobody.bind("/tmp/nobody")
                real(socket.AF_UNIX).connect("/tmp/nobody")
        socket.socket = Socket
        smtplib.SMTP("closed.lab", 2525, timeout=5)
        """,
    ),
    _forgery(
        "decoy-then-unix-socket", "the target refused", "calls",
        "came out of a connection to /tmp/nobody, which is not on the wire",
        _DECOY,
        """
        decoy()
        nobody = socket.socket(socket.AF_UNIX)
        nobody.bind("/tmp/nobody")
        socket.socket(socket.AF_UNIX).connect("/tmp/nobody")
        """,
        at="refused-port/socket",
    ),
    _forgery(
        "fake-frames", "the stack of smtplib", "stack, origin, calls",
        "claims to be a frame of smtplib",
        _DECOY,
        f"chain = {_CHAIN!r}",
        """
        decoy()
        class SMTP: pass
        space = {"__name__": "smtplib", "SMTP": SMTP}
        import sys, types
        def renamed(function, name):
            replace = getattr(function.__code__, "replace")
            return replace(co_qualname=name) if sys.version_info >= (3, 11) else replace()
        exec(compile(chain, smtp_file := __import__("smtplib").__file__, "exec"), space)
        for name in ("__init__", "connect", "_get_socket"):
            function = space[name]
            function.__code__ = renamed(function, "SMTP." + name)
            setattr(SMTP, name, function)
        space2 = {"__name__": "socket"}
        exec(compile(chain, socket.__file__, "exec"), space2)
        space["create_connection"] = space2["create_connection"]
        SMTP.__init__(None)
        """,
    ),
    _forgery(
        "fake-frames-in-real-modules", "the stack of smtplib", "stack, origin, calls",
        "claims to be a frame of smtplib",
        _DECOY,
        f"chain = {_CHAIN!r}",
        """
        decoy()
        import smtplib
        made = {}
        exec(compile(chain, smtplib.__file__, "exec"), smtplib.__dict__, made)
        for name in ("__init__", "connect", "_get_socket"):
            code = made[name].__code__
            if hasattr(code, "co_qualname"):
                made[name].__code__ = code.replace(co_qualname="SMTP." + name)
            setattr(smtplib.SMTP, name, made[name])
        exec(compile(chain, socket.__file__, "exec"), socket.__dict__, made)
        smtplib.create_connection = made["create_connection"]
        smtplib.SMTP()
        """,
    ),
    _forgery(
        "fake-frames-with-real-code", "the stack of smtplib", "stack, calls",
        "claims to be a frame of smtplib",
        """
        import smtplib, socket, types
        class Socket(socket.socket):
            def connect(self, address):
                super().connect(address)
        space = {**smtplib.__dict__, "socket": socket}
        def moved(function):
            return types.FunctionType(function.__code__, space, function.__name__,
                                      function.__defaults__)
        Fake = type("SMTP", (), {name: moved(function)
                    for name, function in vars(smtplib.SMTP).items()
                    if isinstance(function, types.FunctionType)})
        Fake.debuglevel, Fake.default_port = 0, 25
        Fake("closed.lab", 2525, timeout=5)
        """,
    ),
    _forgery(
        "fake-module", "the stack of smtplib", "stack, calls, wire",
        "claims to be a frame of smtplib",
        _DECOY,
        f"chain = {_CHAIN!r}",
        """
        decoy()
        import sys, types
        module = sys.modules["smtplib"] = types.ModuleType("smtplib")
        class SMTP: pass
        module.SMTP = SMTP
        exec(compile(chain, "smtplib.py", "exec"), module.__dict__)
        for name in ("__init__", "connect", "_get_socket"):
            function = getattr(module, name)
            code = function.__code__
            if hasattr(code, "co_qualname"):
                function.__code__ = code.replace(co_qualname="SMTP." + name)
            setattr(SMTP, name, function)
        module.__dict__["create_connection"] = socket.create_connection
        class Target(tuple):
            pass
        SMTP.__init__(("closed.lab", 2525))
        """,
    ),
    _forgery(
        "traceback-of-another-run", "the stack of smtplib", "calls",
        "no connection was tried from there",
        """
        import smtplib, socket, types
        try:
            # Fails before any packet, in the same functions.
            smtplib.SMTP("127.0.0.1", "no-such-port")
        except OSError as error:
            entries, tb = [], error.__traceback__
            while tb:
                entries.append(tb)
                tb = tb.tb_next
        """,
        _DECOY,
        """
        refused = decoy()
        chain = None
        for tb in reversed([e for e in entries if e.tb_frame.f_code.co_name != "getaddrinfo"]):
            chain = types.TracebackType(chain, tb.tb_frame, tb.tb_lasti, tb.tb_lineno)
        raise refused.with_traceback(chain)
        """,
    ),
    _forgery(
        "plain-sockets-for-smtplib", "the stack of smtplib", "calls",
        "no connection was tried from there",
        """
        import smtplib, socket, types
        try:
            smtplib.SMTP("127.0.0.1", "no-such-port")
        except OSError as error:
            tb, frames = error.__traceback__, []
            while tb:
                frames.append(tb)
                tb = tb.tb_next
        try:
            socket.create_connection(("closed.lab", 2525), 5)
        except OSError as error:
            refused = error
        chain = refused.__traceback__.tb_next
        for tb in reversed(frames[1:4]):
            chain = types.TracebackType(chain, tb.tb_frame, tb.tb_lasti, tb.tb_lineno)
        raise refused.with_traceback(chain)
        """,
    ),
    _forgery(
        "named-like-it", "a ConnectionRefusedError", "exception",
        "a class that the client made and called ConnectionRefusedError",
        _DECOY,
        """
        Fake = type("ConnectionRefusedError", (ConnectionRefusedError,),
                    {"__module__": "builtins", "__qualname__": "ConnectionRefusedError"})
        decoy()
        raise Fake(111, "Connection refused")
        """,
        at="refused-port/socket",
    ),
    _forgery(
        "lying-metaclass", "a ConnectionRefusedError", "exception",
        "a class that the client made and called ConnectionRefusedError",
        _DECOY,
        """
        class Meta(type):
            __module__ = property(lambda self: "builtins")
            def mro(self): return super().mro()
            def __eq__(self, other): return True
            def __hash__(self): return hash(ConnectionRefusedError)
            def __instancecheck__(self, other): return True
        class Fake(ConnectionRefusedError, metaclass=Meta): pass
        Fake.__name__ = Fake.__qualname__ = "ConnectionRefusedError"
        type.__dict__["__module__"].__set__(Fake, "builtins")
        import builtins
        builtins.ConnectionRefusedError = Fake
        decoy()
        raise Fake(111, "Connection refused")
        """,
        at="refused-port/socket",
    ),
)  # fmt: skip

REPORTS = (
    _forgery(
        "report-everywhere-then-return", "a report of its own", "tampered, outcome, stack",
        "the client wrote to the probe's own descriptor",
        _DECOY, _FORGED_REPORT, "decoy()\neverywhere()",
    ),
    _forgery(
        "report-everywhere-then-exit", "a report of its own", "outcome, tampered",
        "the client ended its process",
        _DECOY, _FORGED_REPORT, "decoy()\neverywhere()\nimport os\nos._exit(1)",
    ),
    _forgery(
        "report-everywhere-then-die", "a report of its own", "outcome, tampered",
        "the client was killed (SIGKILL)",
        _DECOY, _FORGED_REPORT, "decoy()\neverywhere()\nimport os\nos.kill(os.getpid(), 9)",
    ),
    _forgery(
        "second-report-at-exit", "a report of its own", "tampered, outcome, stack",
        "the client wrote to the probe's own descriptor",
        _DECOY, _FORGED_REPORT, "import atexit\natexit.register(everywhere)\ndecoy()",
    ),
    _forgery(
        "second-report-from-a-thread", "a report of its own", "tampered, outcome, stack",
        "the client wrote to the probe's own descriptor",
        _DECOY, _FORGED_REPORT,
        """
        import threading, time
        def later():
            time.sleep(0.3)
            everywhere()
        threading.Thread(target=later).start()
        decoy()
        """,
    ),
    _forgery(
        "second-report-from-an-orphan", "a report of its own", "outcome, stack, tampered",
        "expected ConnectionRefusedError, but nothing was raised",
        _DECOY, _FORGED_REPORT,
        """
        import os, time
        decoy()
        if os.fork() == 0:
            everywhere()
            if os.fork():
                os._exit(0)
            os.setsid()
            while True:
                everywhere()
                time.sleep(0.001)
        os.wait()
        """,
    ),
    _forgery(
        "junk-before-the-report", "a report that can't be read", "tampered",
        "the client wrote to the probe's own descriptor",
        """
        import os, smtplib
        for fd in range(3, 64):
            try:
                os.write(fd, b"\\0\\xff{" * 1000)
            except OSError:
                pass
        smtplib.SMTP("closed.lab", 2525, timeout=5)
        """,
    ),
    _forgery(
        "kills-all", "nothing, with nobody left to tell", "outcome", "the client was killed",
        _DECOY,
        """
        import contextlib, os
        decoy()
        os.kill(1, 9)
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, 9)
        os.kill(os.getpid(), 9)
        """,
    ),
    _forgery(
        "traces-the-supervisor", "what it likes", "exception, stack",
        "expected ConnectionRefusedError, but PermissionError was raised",
        _DECOY,
        """
        decoy()
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        if libc.ptrace(16, os.getppid(), None, None):
            raise PermissionError(ctypes.get_errno(), "ptrace")
        """,
    ),
    _forgery(
        "writes-the-supervisor-s-memory", "what it likes", "exception, stack",
        "expected ConnectionRefusedError, but PermissionError was raised",
        _DECOY, 'decoy()\nopen("/proc/1/mem", "r+b")',
    ),
    _forgery(
        "writes-the-supervisor-s-stdout", "a report of its own", "exception, stack",
        "expected ConnectionRefusedError, but PermissionError was raised",
        _DECOY, _FORGED_REPORT,
        """
        decoy()
        with open("/proc/1/fd/1", "wb", buffering=0) as out:
            out.write(forged)
            out.write(b"\\n" * (1 << 20))
        """,
    ),
    _forgery(
        "writes-the-shared-memory", "a report of its own", "tampered, outcome, stack",
        "wrote a report of its own into the probe's memory",
        _DECOY, _FORGED_REPORT,
        """
        decoy()
        with open("/proc/self/maps") as maps:
            start, end = (int(n, 16) for line in maps if "memfd:labctl" in line
                          for n in line.split()[0].split("-"))
        slot = 240 * 1024
        with open("/proc/self/mem", "r+b", buffering=0) as memory:
            memory.seek(start)
            request = memory.read(1 << 16).index(b"\\n") + 1
            third = start + request + 2 * slot
            memory.seek(third + 24)
            memory.write(forged)
            memory.seek(third)
            memory.write(len(forged).to_bytes(8, "little"))
        """,
    ),
    _forgery(
        "replaces-the-probe-s-modules", "a report of its own", "outcome, stack",
        "expected ConnectionRefusedError, but nothing was raised",
        _DECOY, _FORGED_REPORT,
        """
        decoy()
        import os, posix, sys
        text = forged.decode().strip()
        for name, module in list(sys.modules.items()):
            if hasattr(module, "dumps") and name != "json":
                module.dumps = lambda value: text
        json.dumps = lambda value, **options: text
        sys.stdout = sys.stderr = None
        os.write = posix.write = lambda fd, data: len(data)
        """,
    ),
    _forgery(
        "replaces-what-the-frames-above-use", "a report of its own", "outcome, stack",
        "expected ConnectionRefusedError, but nothing was raised",
        _DECOY, _FORGED_REPORT,
        """
        decoy()
        import sys
        text = forged.decode().strip()
        frame = sys._getframe()
        while frame:
            if "dumps" in frame.f_globals and frame.f_globals["__name__"] != "__main__":
                frame.f_globals["dumps"] = lambda value: text
            frame = frame.f_back
        """,
    ),
    _forgery(
        "finds-the-probe-with-gc", "a report of its own", "tampered, calls", "gc.get_objects",
        _DECOY, _FORGED_REPORT,
        """
        decoy()
        import gc, os
        for thing in gc.get_objects():
            if type(thing).__name__ == "SharedReport":
                thing.add(forged.strip())
        os._exit(1)
        """,
    ),
    _forgery(
        "traces-what-comes-after", "a report of its own", "outcome",
        "expected ConnectionRefusedError, but nothing was raised",
        _DECOY,
        """
        decoy()
        import sys
        def change(frame, event, arg):
            run = frame.f_locals.get("self")
            if type(run).__name__ == "_Run" and frame.f_code.co_name == "report":
                run._error = ConnectionRefusedError(111, "Connection refused")
            return change
        sys.settrace(change)
        sys.setprofile(change)
        """,
        at="refused-port/socket",
    ),
)  # fmt: skip

LIBRARIES = (
    _forgery(
        "raises-what-httpx-does", "refused, through httpx", "origin, exception, stack",
        "httpx.ConnectError was raised by the client's own code",
        _DECOY,
        """
        import httpx
        decoy()
        raise httpx.ConnectError("[Errno 111] Connection refused")
        """,
        at="refused-port/httpx",
    ),
    _forgery(
        "stands-in-for-the-network-of-httpx", "refused, through httpx", "origin",
        "httpcore.ConnectError (cause) was raised by the client's own code",
        _DECOY,
        """
        import httpcore, httpx
        class Backend(httpcore.NetworkBackend):
            def connect_tcp(self, *args, **kwargs):
                decoy()
                raise httpcore.ConnectError("[Errno 111] Connection refused")
        transport = httpx.HTTPTransport()
        transport._pool._network_backend = Backend()
        init = httpx.Client.__init__
        httpx.Client.__init__ = lambda self, **_: init(self, transport=transport)
        httpx.get("http://closed.lab:2525/", timeout=5)
        """,
        at="refused-port/httpx",
    ),
    _forgery(
        "stands-in-for-what-urllib3-calls", "refused, through requests", "origin",
        "ConnectionRefusedError (context.cause.cause) was raised by the client's own code",
        _DECOY,
        """
        import requests, urllib3.util.connection
        def refuse(*args, **kwargs):
            decoy()
            raise ConnectionRefusedError(111, "Connection refused")
        urllib3.util.connection.create_connection = refuse
        requests.get("http://closed.lab:2525/", timeout=5)
        """,
        at="refused-port/requests",
    ),
    _forgery(
        "wears-the-name-of-a-function-of-requests", "refused, through requests",
        "stack, origin, exception",
        "requests.adapters:HTTPAdapter.send claims to be a frame of requests.adapters",
        _DECOY,
        """
        import requests.adapters, sys
        source = "def send(self, *args, **kwargs):\\n    raise ConnectionError(decoy())\\n"
        made = {**vars(requests.adapters), "decoy": decoy}
        exec(compile(source, requests.adapters.__file__, "exec"), made)
        send = made["send"]
        if sys.version_info >= (3, 11):
            send.__code__ = send.__code__.replace(co_qualname="HTTPAdapter.send")
        requests.adapters.HTTPAdapter.send = send
        requests.get("http://closed.lab:2525/", timeout=5)
        """,
        at="refused-port/requests",
    ),
)  # fmt: skip

FORGERIES = WITHOUT_PACKETS + MAIL + AFTER_A_DECOY + REPORTS + LIBRARIES
