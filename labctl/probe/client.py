"""Runs the client's source as `__main__` and reports what it raised or returned.

There are up to three reports. The first has everything that needs no code of the client's; the
second has messages and reprs too. The third, at the very end, has what went wrong in threads and
tasks since then, and which sockets are still open. Then the process exits without destroying its
objects: that takes time, and could crash (a chain of 50,000 exceptions).
"""

from __future__ import annotations

import _ast
import atexit
import builtins
import os
import sys
from time import monotonic, time_ns

from .calls import Calls
from .exceptions import Describer, exit_code_of, traceback_of
from .genuine import ModuleFiles
from .jsonio import dumps, loads
from .shared_report import READY, SharedReport
from .sockets import OpenSockets, forget_tracebacks
from .stack import StackReader
from .text import TEXT_LIMIT, Budget, DeferredTexts, is_plain, shorten
from .unhandled import UnhandledErrors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType
    from typing import Any

_ROOM = 96 * 1024
_FLUSH_FAILED = 120
"""CPython's exit code if stdout can't be flushed at the end."""


def main(fd: int, length: int, wake: int, go: int) -> None:
    """Run the client whose request of `length` bytes is in the shared memory `fd`, once the pipe
    `go` has something to read. At its end, the supervisor has gone.

    `wake` is the pipe to the supervisor. Ends the process.
    """
    _prefer_for_oom_killer()
    shared_report = SharedReport(fd, length, wake)
    request = loads(shared_report.request)
    filename = request["filename"]
    _write_source(filename, request["source"])
    sys.argv[:] = [filename, *request.get("argv", ())]
    _add_libraries()
    namespace = _main_module(filename, request["source"])
    _import_ahead(request.get("imports", ()))
    run = _Run(filename, shared_report)
    _hide_modules()
    atexit.register(run.finish)  # the first one registered runs last, after the threads' ends
    shared_report.send_mark(READY)
    if not os.read(go, 1):
        os._exit(1)
    os.close(go)
    run.execute(request["source"], namespace)
    run.report()
    run.leave()


def _hide_modules() -> None:
    """Take the probe's own modules out of `sys.modules`, so that the client doesn't import them."""
    package = __name__.rpartition(".")[0]
    for name in [name for name in sys.modules if f"{name}.".startswith(f"{package}.")]:
        del sys.modules[name]


def _add_libraries() -> None:
    """Put the packages of the image, if it has some, on the path behind the standard library."""
    folder = f"{__file__.rpartition('/probe/')[0]}/libs"
    if os.access(folder, os.R_OK):
        sys.path.append(folder)


def _import_ahead(modules: Sequence[str]) -> None:
    """Import the modules that the client imports, so that its own time doesn't go into that.

    One that can't be imported is left to the client's own import, which says why.
    """
    for name in modules:
        try:
            __import__(name)
        except Exception:  # noqa: BLE001, S112 whatever a library raises
            continue


def _prefer_for_oom_killer() -> None:
    """Let the kernel kill this process first when memory runs out, and not the supervisor."""
    try:
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    except OSError:
        return
    os.write(fd, b"1000")
    os.close(fd)


def _write_source(filename: str, source: str) -> None:
    """Write the source to the file of that name, for tracebacks and for multiprocessing.

    Does nothing if that can't be: clients run without the file too.
    """
    try:
        fd = os.open(filename, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except OSError:
        return
    with os.fdopen(fd, "wb") as file:
        file.write(source.encode("utf-8", "backslashreplace"))


class _Loader:
    """The loader of the client's module: linecache and inspect get its source without a file."""

    def __init__(self, source: str) -> None:
        """Take the client's source."""
        self._source = source

    def get_source(self, fullname: str) -> str:  # noqa: ARG002 - as in importlib.abc
        """Return the client's source."""
        return self._source


def _main_module(filename: str, source: str) -> dict[str, Any]:
    """Make a new module `__main__` and return its globals."""
    module = type(sys)("__main__")
    module.__file__ = filename
    module.__loader__ = _Loader(source)  # type: ignore[assignment]
    module.__builtins__ = builtins  # type: ignore[attr-defined]
    sys.modules["__main__"] = module
    return vars(module)


def split_source(source: str, filename: str) -> tuple[CodeType, CodeType | None]:
    """Return the source as code to run, and its last statement as an expression to evaluate.

    The second is None if the last statement isn't an expression. Raises what `compile` raises.
    """
    tree: Any = compile(source, filename, "exec", _ast.PyCF_ONLY_AST, dont_inherit=True)
    last = None
    if tree.body and type(tree.body[-1]) is _ast.Expr and not _is_docstring(tree):
        last = _ast.Expression(tree.body.pop().value)
    body = compile(tree, filename, "exec", dont_inherit=True)
    if last is None:
        return body, None
    future = body.co_flags & _future_flags()
    return body, compile(last, filename, "eval", future, dont_inherit=True)


def _is_docstring(tree: Any) -> bool:
    """Tell whether a program is nothing but a docstring."""
    value = tree.body[0].value if len(tree.body) == 1 else None
    return type(value) is _ast.Constant and type(value.value) is str


def _future_flags() -> int:
    """Return the compiler flags of all `from __future__ import ...`."""
    import __future__  # noqa: PLC0415 - small, and rarely needed

    features = [getattr(__future__, name) for name in __future__.all_feature_names]
    return sum({feature.compiler_flag for feature in features})


class _Run:
    """One run of the client, and its reports.

    What it needs after the client has run it binds before, since a client may replace anything.
    """

    def __init__(self, filename: str, shared_report: SharedReport) -> None:
        """Take the name of the client's file, and the memory that its reports are written to."""
        self._filename = filename
        self._shared_report = shared_report
        self._module_files = ModuleFiles()
        self._unhandled = UnhandledErrors(filename, self._module_files)
        self._calls = Calls(
            filename, self._module_files, self._unhandled.watch_loops, shared_report.send_mark
        )
        self._sockets = OpenSockets()
        self._exit = 0
        self._error: BaseException | None = None
        self._value: object = None
        self._elapsed = 0.0
        self._started_ns = 0
        self._document: dict[str, Any] = {}
        self._reported = 0
        self._streams = [sys.stdout, sys.stderr]
        self._builtins, self._own = dict(vars(builtins)), dict(globals())
        self._os_exit, self._excepthook = os._exit, sys.excepthook
        self._untrace = (sys.settrace, sys.setprofile)
        self._recursion_limit = (sys.setrecursionlimit, sys.getrecursionlimit())

    def execute(self, source: str, namespace: dict[str, Any]) -> None:
        """Run the client's code until it ends or raises; then undo what it did to this module."""
        run, evaluate, base = exec, eval, BaseException
        restore, restore_own = vars(builtins).update, globals().update
        self._unhandled.install()
        # All times count from this one moment: those of the calls, of the end and of the packets.
        started, self._started_ns = monotonic(), time_ns()
        self._calls.start(started)
        try:
            body, last = split_source(source, self._filename)
            run(body, namespace)
            if last is not None:
                self._value = evaluate(last, namespace)
        except base as error:
            self._error = error
        self._elapsed = monotonic() - started
        restore(self._builtins)
        restore_own(self._own)
        for untrace in self._untrace:
            untrace(None)
        set_limit, limit = self._recursion_limit
        set_limit(limit)

    def report(self) -> None:
        """Write the first and the second report to the shared memory: what is known at once, and
        what takes the client's own code to tell.
        """
        deferred = DeferredTexts(Budget(_ROOM))
        self._document = {"outcome": "returned", "elapsed_s": self._elapsed, "returned": None}
        self._document["sockets"] = None if self._sockets.descriptors() else []
        if self._error is None:
            self._add_returned(deferred)
        else:
            self._add_raised(self._error, deferred)
        self._send()
        deferred.resolve()
        self._send()

    def _add_returned(self, deferred: DeferredTexts) -> None:
        """Add the `repr` of the returned value to the report. That of a class of the client's own
        is made later.
        """
        value = self._value
        if is_plain(value):
            self._document["returned"] = deferred.budget.text(shorten(repr(value), TEXT_LIMIT))
        else:
            deferred.add(self._document, "returned", "repr", lambda: repr(value))

    def _add_raised(self, error: BaseException, deferred: DeferredTexts) -> None:
        """Add the raised exception and its stack to the report."""
        _remove_own_frames(error)
        stacks = StackReader(self._filename, deferred.budget, self._module_files)
        frames, omitted = stacks.read(traceback_of(error))
        self._exit = exit_code_of(error)
        self._document.update(
            outcome="raised",
            exception=Describer(deferred.budget, deferred, stacks).describe(error),
            stack=frames,
            omitted_frames=omitted,
        )

    def _send(self) -> None:
        """Write a report of all that is known now to the shared memory."""
        document = {
            **self._document,
            "started_ns": self._started_ns,
            "calls": self._calls.entries(),
            "omitted_calls": self._calls.omitted,
            "unhandled": self._unhandled.entries[:],
        }
        self._reported = len(self._unhandled.entries) + len(self._calls)
        self._shared_report.add(dumps(document).encode("ascii"))

    def leave(self) -> None:
        """Do what CPython does with an exception that nobody caught, but print no traceback, unless
        the client's own hook fails.

        The report has it, and from 3.13 on printing takes as long as starting up. Raise SystemExit
        if the client did.
        """
        error = self._error
        if error is None:
            return
        if isinstance(error, SystemExit):
            raise error
        hook = sys.excepthook
        if hook is self._excepthook:
            return
        try:
            hook(type(error), error, traceback_of(error))
        except Exception:  # noqa: BLE001 - the client's own hook
            self._excepthook(type(error), error, traceback_of(error))

    def finish(self) -> None:
        """Flush the streams, make the third report if anything is new, and end the process."""
        self._unhandled.add_unretrieved()
        left_open = self._sockets.left_open(self._release)
        has_changed = left_open != self._document.get("sockets")
        self._document["sockets"] = left_open
        if has_changed or len(self._unhandled.entries) + len(self._calls) > self._reported:
            self._send()
        for stream in (sys.stdout, sys.stderr, *self._streams):
            self._flush(stream)
        self._os_exit(self._exit)

    def _release(self) -> bool:
        """Drop what the client raised or returned, as the caller of a function would.

        With it go the sockets that only a result or the variables of a frame held. Returns False if
        that can't be. Errors of destructors are not recorded: without this, they would not run.
        """
        sys.unraisablehook = lambda _: None
        entry_count = len(self._unhandled.entries)
        self._value = None
        is_dropped = self._error is None or forget_tracebacks(self._error)
        if is_dropped:
            self._error = None
        del self._unhandled.entries[entry_count:]
        return is_dropped

    def _flush(self, stream: Any) -> None:
        """Flush a stream; change the exit code if that fails."""
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except BaseException:  # noqa: BLE001 - streams may be the client's
            self._exit = _FLUSH_FAILED


def _remove_own_frames(error: BaseException) -> None:
    """Take the probe's own frames off the exception's traceback."""
    traceback = traceback_of(error)
    while traceback is not None and traceback.tb_frame.f_globals is globals():
        traceback = traceback.tb_next
    BaseException.with_traceback(error, traceback)
