"""Runs the client's source as `__main__` and reports what it raised or returned.

There are up to three reports. The first has what can be had without running the client's code;
the second has messages and reprs too; the third, at the very end, has what went wrong in
threads and tasks since, and which sockets are still open. Then the process exits, without taking
its objects down: that could crash (a chain of 50,000 exceptions), and takes time.
"""

from __future__ import annotations

import _ast
import atexit
import builtins
import os
import sys
from time import monotonic, time_ns

from .calls import Calls
from .exceptions import Describer, traceback_of
from .genuine import Library
from .jsonio import dumps, loads
from .sheet import Sheet
from .sockets import Sockets, forget_tracebacks
from .stack import Stacks
from .text import LONGEST, Budget, Later, cut, is_plain
from .unhandled import Unhandled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

_ROOM = 96 * 1024
_FLUSH_FAILED = 120
"""What CPython exits with then."""
_INTERRUPTED = 130


def main(fd: int, length: int, wake: int) -> None:
    """Run the client whose request is in that sheet."""
    _volunteer_for_oom_killer()
    sheet = Sheet(fd, length, wake)
    request = loads(sheet.request)
    filename = request["filename"]
    _write_source(filename, request["source"])
    sys.argv[:] = [filename, *request.get("argv", ())]
    _add_libraries()
    namespace = _main_module(filename, request["source"])
    run = _Run(filename, sheet)
    _hide()
    atexit.register(run.finish)  # the first one registered runs last, after the threads' ends
    run.execute(request["source"], namespace)
    run.report()
    run.leave()


def _hide() -> None:
    """Take the probe's own modules out of the client's way."""
    package = __name__.rpartition(".")[0]
    for name in [name for name in sys.modules if f"{name}.".startswith(f"{package}.")]:
        del sys.modules[name]


def _add_libraries() -> None:
    """Put the third-party packages, where the image has some, behind the standard library."""
    folder = f"{__file__.rpartition('/probe/')[0]}/libs"
    if os.access(folder, os.R_OK):
        sys.path.append(folder)


def _volunteer_for_oom_killer() -> None:
    try:
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    except OSError:
        return
    os.write(fd, b"1000")
    os.close(fd)


def _write_source(filename: str, source: str) -> None:
    """Put the source where `__file__` says, for tracebacks and for multiprocessing.

    Where that can't be, clients run all the same.
    """
    try:
        fd = os.open(filename, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except OSError:
        return
    with os.fdopen(fd, "wb") as file:
        file.write(source.encode("utf-8", "backslashreplace"))


class _Loader:
    """Lets linecache and inspect find the source without a file."""

    def __init__(self, source: str) -> None:
        self._source = source

    def get_source(self, fullname: str) -> str:  # noqa: ARG002 - as in importlib.abc
        return self._source


def _main_module(filename: str, source: str) -> dict[str, Any]:
    module = type(sys)("__main__")
    module.__file__ = filename
    module.__loader__ = _Loader(source)  # type: ignore[assignment]
    module.__builtins__ = builtins  # type: ignore[attr-defined]
    sys.modules["__main__"] = module
    return vars(module)


def split(source: str, filename: str) -> tuple[CodeType, CodeType | None]:
    """The source as code to run, and as an expression to evaluate if the last statement is one.

    Raises what `compile` raises.
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
    value = tree.body[0].value if len(tree.body) == 1 else None
    return type(value) is _ast.Constant and type(value.value) is str


def _future_flags() -> int:
    import __future__  # noqa: PLC0415 - small, and rarely needed

    features = [getattr(__future__, name) for name in __future__.all_feature_names]
    return sum({feature.compiler_flag for feature in features})


class _Run:
    """One run of the client. What it needs afterwards it binds before: clients replace things."""

    def __init__(self, filename: str, sheet: Sheet) -> None:
        self._filename = filename
        self._sheet = sheet
        self._library = Library()
        self._unhandled = Unhandled(filename, self._library)
        self._calls = Calls(filename, self._library, self._unhandled.watch_loops, sheet.mark)
        self._sockets = Sockets()
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
        """Run the client's code, to its end or to what it raises."""
        run, evaluate, base = exec, eval, BaseException
        restore, restore_own = vars(builtins).update, globals().update
        self._unhandled.install()
        self._calls.start()
        started = monotonic()
        self._started_ns = time_ns()
        try:
            body, last = split(source, self._filename)
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
        """The first and the second report."""
        later = Later(Budget(_ROOM))
        self._document = {"outcome": "returned", "elapsed_s": self._elapsed, "returned": None}
        self._document["sockets"] = None if self._sockets.descriptors() else []
        if self._error is None:
            self._returned(later)
        else:
            self._raised(self._error, later)
        self._send()
        later.resolve()
        self._send()

    def _returned(self, later: Later) -> None:
        value = self._value
        if is_plain(value):
            self._document["returned"] = later.budget.text(cut(repr(value), LONGEST))
        else:
            later.add(self._document, "returned", "repr", lambda: repr(value))

    def _raised(self, error: BaseException, later: Later) -> None:
        _strip(error)
        stacks = Stacks(self._filename, later.budget, self._library)
        frames, omitted = stacks.read(traceback_of(error))
        self._exit = _exit_code(error)
        self._document.update(
            outcome="raised",
            exception=Describer(later.budget, later, stacks).describe(error),
            stack=frames,
            omitted_frames=omitted,
        )

    def _send(self) -> None:
        document = {
            **self._document,
            "started_ns": self._started_ns,
            "calls": self._calls.entries(),
            "omitted_calls": self._calls.omitted,
            "unhandled": self._unhandled.entries[:],
        }
        self._reported = len(self._unhandled.entries) + len(self._calls)
        self._sheet.report(dumps(document).encode("ascii"))

    def leave(self) -> None:
        """Do what CPython does with an exception that nobody caught, but for the traceback on
        stderr: the report has it, and from 3.13 on printing it takes as long as starting up.
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
        """Flush the streams, make the third report if there is more to say, and exit."""
        self._unhandled.add_unretrieved()
        left_open = self._sockets.left_open(self._let_go)
        changed, self._document["sockets"] = left_open != self._document.get("sockets"), left_open
        if changed or len(self._unhandled.entries) + len(self._calls) > self._reported:
            self._send()
        for stream in (sys.stdout, sys.stderr, *self._streams):
            self._flush(stream)
        self._os_exit(self._exit)

    def _let_go(self) -> bool:
        """Drop what the client raised or returned, as whoever calls a function does: with it go
        the sockets that only a result or the variables of a frame held. False where that can't be.

        What destructors complain of then is no news: without this, they would not be called.
        """
        sys.unraisablehook = lambda _: None
        noted = len(self._unhandled.entries)
        self._value = None
        dropped = self._error is None or forget_tracebacks(self._error)
        if dropped:
            self._error = None
        del self._unhandled.entries[noted:]
        return dropped

    def _flush(self, stream: Any) -> None:
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except BaseException:  # noqa: BLE001 - streams may be the client's
            self._exit = _FLUSH_FAILED


def _strip(error: BaseException) -> None:
    """Take the probe's own frames off the traceback."""
    traceback = traceback_of(error)
    while traceback is not None and traceback.tb_frame.f_globals is globals():
        traceback = traceback.tb_next
    BaseException.with_traceback(error, traceback)


def _exit_code(error: BaseException) -> int:
    if isinstance(error, KeyboardInterrupt):
        return _INTERRUPTED
    if not isinstance(error, SystemExit):
        return 1
    code = SystemExit.__dict__["code"].__get__(error)
    if code is None:
        return 0
    return code & 0xFF if isinstance(code, int) else 1
