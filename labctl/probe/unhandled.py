"""Exceptions that ended a thread or a task, and never reached the client's own code.

The hooks record an exception, and then do what would have been done without them. If a client sets
a hook of its own, it handles these exceptions itself: they are not recorded.
"""

from __future__ import annotations

import _thread
import gc
import sys

from .exceptions import Describer, traceback_of
from .stack import StackReader
from .text import Budget, DeferredTexts, scalar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .genuine import ModuleFiles

_MOST = 16
_ROOM = 48 * 1024
_ENTRY_JSON = 300
_WHERE = 200


class UnhandledErrors:
    """Records unhandled exceptions; `entries` are labctl.model.result.Unhandled as dicts."""

    def __init__(self, filename: str, module_files: ModuleFiles) -> None:
        """Take the name of the client's file, and the files of modules, to describe exceptions
        with. Nothing is hooked yet.
        """
        self.entries: list[dict[str, Any]] = []
        self._budget = Budget(_ROOM)
        self._stacks = StackReader(filename, self._budget, module_files)
        self._loop_watched = False

    def add(self, where: str, error: BaseException) -> None:
        """Record an exception; `where` says what it ended (`thread worker`).

        Keeps no reference to the exception, since its frames may keep sockets open.
        """
        if len(self.entries) >= _MOST or not self._budget.spend(_ENTRY_JSON):
            return
        deferred = DeferredTexts(self._budget)
        self.entries.append(
            {
                "where": self._budget.text(where[:_WHERE]),
                "exception": Describer(self._budget, deferred, self._stacks).describe(error),
                "stack": self._stacks.read(traceback_of(error))[0],
            }
        )
        deferred.resolve()

    def install(self) -> None:
        """Hook the ends of threads and the errors of destructors, so that they are recorded.
        Nothing is imported for it.
        """
        self._hook_threads()
        original = sys.unraisablehook

        def unraisablehook(unraisable: sys.UnraisableHookArgs) -> None:
            if unraisable.exc_value is not None:
                self.add("unraisable", unraisable.exc_value)
            original(unraisable)

        sys.unraisablehook = unraisablehook

    def _hook_threads(self) -> None:
        """Hook the end of threads by an exception, so that it is reported."""
        original: Callable[[Any], object] = _thread._excepthook  # noqa: SLF001

        def excepthook(args: Any) -> None:
            if args.exc_type is not SystemExit:
                name = scalar(getattr(args.thread, "name", ""))[1]
                self.add(f"thread {name}", args.exc_value)
            original(args)

        # threading takes its excepthook from there; site may have imported it already.
        _thread._excepthook = excepthook  # noqa: SLF001
        threading = sys.modules.get("threading")
        if threading is not None:
            threading.excepthook = excepthook  # type: ignore[attr-defined]

    def watch_loops(self) -> None:
        """Hook into asyncio if the client has imported it.

        Called whenever a socket is made: a new event loop makes some.
        """
        loops: Any = getattr(sys.modules.get("asyncio.base_events"), "BaseEventLoop", None)
        if loops is None or self._loop_watched:
            return
        self._loop_watched = True
        original = loops.default_exception_handler

        def default_exception_handler(loop: Any, context: dict[str, Any]) -> None:
            error = context.get("exception")
            if isinstance(error, BaseException):
                self.add(_task_name(context.get("task", context.get("future"))), error)
            original(loop, context)

        loops.default_exception_handler = default_exception_handler

    def add_unretrieved(self) -> None:
        """Record failed tasks whose exception nobody fetched, and that are still referenced.

        asyncio reports such a task only when it is destroyed.
        """
        task_type = getattr(sys.modules.get("asyncio.tasks"), "Task", None)
        if task_type is None or not self._loop_watched:
            return
        for task in [item for item in gc.get_objects() if issubclass(type(item), task_type)]:
            error = getattr(task, "_exception", None)
            if error is not None and getattr(task, "_log_traceback", False):
                self.add(_task_name(task), error)


def _task_name(task: Any) -> str:
    """Return `task worker`, or `future` for one without a name, or `event loop` for None."""
    if task is None:
        return "event loop"
    return f"task {scalar(task.get_name())[1]}" if hasattr(task, "get_name") else "future"
