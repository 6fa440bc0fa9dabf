"""The boundary: here, and only here, an exception becomes a message and an exit code."""

from __future__ import annotations

import atexit
import errno
import gc
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from labctl.errors import EngineError, InputError, LabError, Terminated, UsageError
from labctl.text import escape_control

BUG = 70
INTERRUPTED = 130
TERMINATED = 143
_NO_THREAD = "can't start new thread"
"""What Python says where the system refuses one."""
_GC_THRESHOLD = 200_000
"""Objects between two looks for garbage. Nearly all that is made at first lives until the end, and
looking through it again and again, as Python does every 700 objects, takes a tenth of a short run.
"""


def main() -> None:
    """Run the command line; always ends with SystemExit."""
    gc.set_threshold(_GC_THRESHOLD)
    # When Python ends, it looks through all objects for garbage once more. Without that, a short
    # run takes a tenth less; the kernel frees the memory anyway.
    atexit.register(gc.freeze)
    # Plugins of other packages have no business in a grader, and looking for them takes time.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    _open_streams()
    try:
        from labctl.cli import app  # noqa: PLC0415 an import that fails is a bug to be reported, too

        app(prog_name="labctl")
    except LabError as error:
        _say(error)
        sys.exit(error.exit_code)
    except SystemExit as ended:  # typer makes one of a KeyboardInterrupt, too
        if ended.code == INTERRUPTED:
            _ignore_interrupts()
        raise
    except KeyboardInterrupt:
        _ignore_interrupts()
        sys.exit(INTERRUPTED)
    except Terminated:
        sys.exit(TERMINATED)
    except Exception as error:  # noqa: BLE001 whatever gets here is a bug of ours, and must say so
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            _print("labctl: the output cannot be written: no space is left where it goes")
            sys.exit(UsageError.exit_code)
        if isinstance(error, RuntimeError) and str(error) == _NO_THREAD:
            _print("labctl: this machine lets labctl start no more threads")
            _print("  hint: this user may have too few processes: see `ulimit -u`")
            sys.exit(EngineError.exit_code)
        import traceback  # noqa: PLC0415 it takes a while, and only a bug needs it

        traceback.print_exc()
        _print("labctl: this is a bug in labctl: please report it with the above")
        sys.exit(BUG)


def _ignore_interrupts() -> None:
    """Ignore Ctrl-C from now on. While Python ends, another one would end it by the signal, with
    another exit code.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _open_streams() -> None:
    """See to it that stdout and stderr are there and can be given any text.

    Python has None in the place of one that was closed, and would give its number to the next
    file or socket that is opened.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _say(error: LabError) -> None:
    """Print an error's messages and hints on stderr."""
    for each in error.each() if isinstance(error, InputError) else (error,):
        _print(f"labctl: {each}")
        if each.hint:
            _print(f"  hint: {each.hint}")


def _print(text: str) -> None:
    """Write a line to stderr. It is escaped, for messages quote names and logs of others."""
    shown = escape_control(text, keep_newlines=True, limit=None)
    with suppress(OSError):  # whoever read it has gone: there is nobody left to tell
        sys.stderr.write(shown + "\n")


if __name__ == "__main__":
    main()
