"""What all tests of one pytest share: the engine, the images, the labs; begun when first needed."""

from __future__ import annotations

import fcntl
import os
import secrets
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import pytest

import labctl
from labctl.cli.progress import Bar
from labctl.cli.signals import patient
from labctl.engine.access import EngineAccess, open_engine
from labctl.engine.guard import guarded
from labctl.engine.images import LAB, client_image, libraries_image
from labctl.errors import EngineError
from labctl.load.catalogue import Catalogue
from labctl.model.plan import Interpreter
from labctl.plugin import STAGE
from labctl.plugin.expected import expected
from labctl.plugin.session import Session
from labctl.plugin.settings import settings_of, told
from labctl.shared_files import share

_T = TypeVar("_T")


def stage_of(session: pytest.Session) -> Stage:
    """The stage of a pytest, set up at the first call."""
    stash = session.config.stash
    if STAGE not in stash:
        stash[STAGE] = Stage(session)
    return stash[STAGE]


class Stage:
    """Each part is made when it is first asked for. What can't be made is not tried again: all
    who ask for it get the same EngineError.
    """

    def __init__(self, session: pytest.Session) -> None:
        self._pytest = session
        self._stack = ExitStack()
        self._refused: dict[str, EngineError] = {}
        self._interpreters: dict[str, Interpreter] = {}

    @cached_property
    def catalogue(self) -> Catalogue:
        """The scenarios that have names here: labctl's, and those of the project's folders."""
        folders = settings_of(self._pytest.config).folders
        return Catalogue([share("scenarios"), *folders], share("compose") / "lab.yaml")

    @cached_property
    def session(self) -> Session:
        """The labs. EngineError where no engine answers."""
        run = secrets.token_hex(4)
        engine = self._access.for_run(run)
        self._stack.enter_context(guarded(run))
        return Session(engine, expected(self._pytest.items, self.catalogue))

    def interpreter(self, series: str, *, libraries: bool) -> Interpreter:
        """A Python for clients; its image is built where it is missing. EngineError if it can't."""
        image = libraries_image(series) if libraries else client_image(series)
        if image not in self._interpreters:
            self._interpreters[image] = self._once(image, lambda: self._ensure(series, image))
        return self._interpreters[image]

    @cached_property
    def _access(self) -> EngineAccess:
        return self._once("engine", open_engine)

    def _once(self, what: str, make: Callable[[], _T]) -> _T:
        if what in self._refused:
            raise _again(self._refused[what])
        try:
            return make()
        except EngineError as error:
            self._refused[what] = error
            raise

    def _ensure(self, series: str, image: str) -> Interpreter:
        store = self._access.images()
        with _alone(), aloud(self._pytest.config):
            bar = Bar("images", None)
            try:
                info = store.ensure([LAB, image], progress=bar.image)[image]
            finally:
                bar.stop()
        return Interpreter(series=series, version=info.python, image=image, packages=info.packages)

    def close(self, *, interrupted: bool) -> None:
        """Take all labs down, and say what went wrong with that; may be called again."""
        with patient() if _in_main_thread() else nullcontext():
            session = vars(self).pop("session", None)
            if session is not None:
                session.close(interrupted=interrupted)
            self._stack.close()
        if session is not None and session.troubles:
            with aloud(self._pytest.config):
                for trouble in session.troubles:
                    print(f"labctl: warning: {told(trouble)}", file=sys.stderr)  # noqa: T201


def _again(error: EngineError) -> EngineError:
    """The same error without the traceback that it had."""
    return type(error)(error.message, where=error.where, hint=error.hint)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextmanager
def _alone() -> Iterator[None]:
    """One at a time of all the pytests of this machine: the workers of pytest-xdist would build
    the same images side by side. Where a folder can't be locked, they do.
    """
    folder = os.open(Path(labctl.__file__).parent, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


@contextmanager
def aloud(config: pytest.Config) -> Iterator[None]:
    """While this lasts, what is written goes to the terminal: pytest captures nothing."""
    capture = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else nullcontext():
        yield
