"""Clients that misbehave, each with what must be observed of it: never a hang, never a crash.

`exception` is the type's qualified name where the outcome is `raised`. Those that are `contained`
may only run in a container: they would harm the machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent


@dataclass(frozen=True, kw_only=True)
class BadClient:
    """`outcomes` are all that are right: how some end differs by the version of Python."""

    name: str
    source: str
    outcomes: tuple[str, ...]
    exception: str | None = None
    message: str | None = None
    signal: str | None = None
    exit: int | None = None
    unhandled: str | None = None
    returned: str | None = None
    contained: bool = False


def _client(name: str, source: str, *outcomes: str, **expected: object) -> BadClient:
    return BadClient(name=name, source=dedent(source), outcomes=outcomes, **expected)  # type: ignore[arg-type]


_RAISING_STR = """
class Odd(Exception):
    def __str__(self):
        {body}
raise Odd()
"""

BAD_CLIENTS = (
    _client("syntax-error", "x = = 1\n", "raised", exception="SyntaxError", exit=1),
    _client("nul-in-source", "x = 1\0\n", "raised", exit=1),
    _client(
        "missing-import",
        "import not_there_at_all\n",
        "raised",
        exception="ModuleNotFoundError",
        message="No module named 'not_there_at_all'",
        exit=1,
    ),
    _client("infinite-loop", "while True: pass\n", "timed-out"),
    _client(
        "ignores-sigterm",
        """
        import signal, time
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        time.sleep(3600)
        """,
        "timed-out",
    ),
    _client(
        "sleeping-grandchild",
        """
        import subprocess, sys
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
        """,
        "returned",
        exit=0,
    ),
    _client(
        "fork-bomb",
        """
        import os
        while True:
            try:
                os.fork()
            except OSError:
                continue
        """,
        "timed-out",
        contained=True,
    ),
    _client(
        "gigabyte-on-both-streams",
        """
        import os
        chunk = b"x" * (1 << 20)
        for _ in range(1 << 10):
            os.write(1, chunk)
            os.write(2, chunk)
        """,
        "returned",
        "timed-out",
        contained=True,
    ),
    _client(
        "gigabyte-of-memory",
        "hoard = [bytearray(b'x') * (1 << 20) for _ in range(1 << 10)]\n",
        "out-of-memory",
        signal="SIGKILL",
        contained=True,
    ),
    _client(
        "fills-the-disk",
        """
        with open("/tmp/full", "wb", 0) as file:
            while True:
                file.write(bytes(1 << 20)) or 1 / 0
        """,
        "raised",
        exception="OSError",
        message="[Errno 28] No space left on device",
        exit=1,
        contained=True,
    ),
    _client(
        "fills-the-inodes",
        """
        import itertools
        for number in itertools.count():
            open(f"/tmp/{number}", "wb").close()
        """,
        "raised",
        exception="OSError",
        exit=1,
        contained=True,
    ),
    _client("exits-at-once", "import os\nos._exit(0)\n", "exited", exit=0),
    _client("exits-with-3", "import os\nos._exit(3)\n", "exited", exit=3),
    _client(
        "kills-all-and-itself",
        """
        import os, signal
        for pid in (-1, 1, os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                continue
        """,
        "killed",
        signal="SIGKILL",
        contained=True,
    ),
    _client(
        "signals-all",
        """
        import os, signal
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        for number in range(1, 65):
            for pid in (-1, 1):
                try:
                    os.kill(pid, number)
                except OSError:
                    continue
        "still here"
        """,
        "returned",
        returned="'still here'",
        exit=0,
        contained=True,
    ),
    _client(
        "kills-itself",
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n",
        "killed",
        signal="SIGKILL",
    ),
    _client(
        "segfault",
        "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n",
        "killed",
        signal="SIGSEGV",
    ),
    _client(
        "recursion",
        "def f(n): return f(n - 1) if n else 0\nf(100000)\n",
        "raised",
        exception="RecursionError",
        exit=1,
    ),
    _client(
        "recursion-100000",
        """
        import sys
        sys.setrecursionlimit(200000)
        def f(n): return max(f(n - 1), n) if n else 0
        f(100000)
        """,
        "killed",
        "returned",
    ),
    _client(
        "str-raises",
        _RAISING_STR.format(body="raise ValueError('no text')"),
        "raised",
        exception="__main__.Odd",
        message="<str() raised ValueError>",
        exit=1,
    ),
    _client(
        "str-exits",
        _RAISING_STR.format(body="import os; os._exit(0)"),
        "raised",
        exception="__main__.Odd",
        exit=0,
    ),
    _client(
        "str-no-text",
        _RAISING_STR.format(body="return 3"),
        "raised",
        exception="__main__.Odd",
        message="<str() raised TypeError>",
        exit=1,
    ),
    _client(
        "str-loops",
        _RAISING_STR.format(body="\n        while True: pass"),
        "raised",
        exception="__main__.Odd",
    ),
    _client(
        "str-gigabyte",
        _RAISING_STR.format(body="return 'x' * 10**9"),
        "raised",
        exception="__main__.Odd",
        signal="SIGKILL",
        contained=True,
    ),
    _client(
        "repr-loops",
        """
        class Odd:
            def __repr__(self):
                while True: pass
        Odd()
        """,
        "returned",
    ),
    _client(
        "chain-of-50000",
        """
        last = None
        for number in range(50000):
            error = ValueError(number)
            error.__context__ = last
            last = error
        raise last
        """,
        "raised",
        exception="ValueError",
        message="49999",
    ),
    _client(
        "cyclic-chain",
        """
        one, two = ValueError("one"), KeyError("two")
        one.__context__, two.__context__ = two, one
        raise one
        """,
        "raised",
        exception="ValueError",
        message="one",
        exit=1,
    ),
    _client(
        "error-only-in-thread",
        """
        import threading
        threading.Thread(target=lambda: 1 / 0, name="worker").start()
        """,
        "returned",
        unhandled="ZeroDivisionError",
        exit=0,
    ),
    _client(
        "error-only-in-task",
        """
        import asyncio
        async def fail():
            raise ValueError("in a task")
        async def main():
            asyncio.create_task(fail(), name="worker")
            await asyncio.sleep(0.01)
        asyncio.run(main())
        """,
        "returned",
        unhandled="ValueError",
        exit=0,
    ),
    _client(
        "not-utf-8",
        "import sys\nsys.stdout.buffer.write(b'\\xff\\xfe')\n",
        "returned",
        returned="2",
        exit=0,
    ),
    _client(
        "nuls-and-escapes", "print('\\0\\x1b[2J\\x1b]0;title\\x07\\x9b')\n", "returned", exit=0
    ),
    _client(
        "closes-all-descriptors",
        "import os\nos.closerange(0, 65536)\nraise RuntimeError('closed')\n",
        "raised",
        exception="RuntimeError",
        message="closed",
    ),
    _client(
        "junk-on-all-descriptors",
        """
        import os
        for fd in range(3, 256):
            try:
                os.set_blocking(fd, False)
                while True:
                    os.write(fd, b'{"probe": 1}\\n' * 1000)
            except OSError:
                continue
        raise RuntimeError("junk")
        """,
        "raised",
        exception="RuntimeError",
        message="junk",
        exit=1,
    ),
    _client(
        "deletes-builtins",
        """
        for name in ("str", "len", "repr", "type", "isinstance", "open", "id", "map", "property"):
            delattr(__builtins__, name)
        raise RuntimeError("gone")
        """,
        "raised",
        exception="RuntimeError",
        message="gone",
        exit=1,
    ),
    _client(
        "replaces-modules",
        """
        import builtins, os, posix, sys, time
        for module in (os, posix, time):
            for name in list(vars(module)):
                if not name.startswith("__"):
                    setattr(module, name, None)
        sys.stdout = sys.stderr = sys.excepthook = sys.meta_path = None
        sys.modules.clear()
        raise RuntimeError("replaced")
        """,
        "raised",
        exception="RuntimeError",
        message="replaced",
        exit=1,
    ),
    _client(
        "lowers-the-recursion-limit",
        """
        import sys
        for limit in range(5, 100):
            try:
                sys.setrecursionlimit(limit)
                break
            except RecursionError:
                continue
        raise RuntimeError("low")
        """,
        "raised",
        exception="RuntimeError",
        message="low",
        exit=1,
    ),
    _client(
        "tracing",
        """
        import sys
        def trace(*args):
            raise SystemError("traced")
        def f():
            raise RuntimeError("not reached")
        sys.settrace(trace)
        sys.setprofile(trace)
        f()
        """,
        "raised",
        exception="SystemError",
        message="traced",
        exit=1,
    ),
    _client(
        "hangs-at-exit",
        """
        import atexit, time
        atexit.register(time.sleep, 3600)
        raise RuntimeError("at exit")
        """,
        "raised",
        exception="RuntimeError",
        message="at exit",
    ),
    _client(
        "hangs-in-a-thread",
        """
        import threading, time
        threading.Thread(target=time.sleep, args=(3600,)).start()
        """,
        "returned",
    ),
    _client(
        "daemon-thread-prints-at-exit",
        """
        import threading
        def chatter():
            while True:
                print("chatter")
        threading.Thread(target=chatter, daemon=True).start()
        raise RuntimeError("left it")
        """,
        "raised",
        exception="RuntimeError",
        message="left it",
    ),
)
