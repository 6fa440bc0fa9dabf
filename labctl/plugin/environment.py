"""The environment that all tests of a pytest session share: the engine, the images, the labs.

Each part is created when a test first needs it. All of it is removed when the session ends.
"""

from __future__ import annotations

import secrets
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from functools import cached_property
from types import CodeType
from typing import TypeVar

import pytest

from labctl.engine.access import EngineAccess, open_engine
from labctl.engine.guard import Guard, guarded
from labctl.engine.images.names import LAB, client_image, libraries_image
from labctl.engines import choose_engine
from labctl.errors import EngineError, LabError
from labctl.load.bundled import bundled_compose, bundled_folder
from labctl.load.catalogue import Catalogue
from labctl.model.plan import Interpreter
from labctl.model.scenario import Scenario
from labctl.plugin.settings import error_text, settings_of
from labctl.run.absence import GONE
from labctl.run.file_lock import locked
from labctl.run.progress import Bar
from labctl.run.session import Session
from labctl.run.signals import patient

_T = TypeVar("_T")


class Environment:
    """The shared parts of a pytest session. `close` removes them.

    What can't be created is not tried again: every test that needs it gets the same EngineError.
    """

    def __init__(self, session: pytest.Session) -> None:
        """Take pytest's session. Nothing is created yet."""
        self._pytest = session
        self._stack = ExitStack()
        self._guard = Guard()
        self._errors: dict[str, EngineError] = {}
        self._interpreters: dict[str, Interpreter] = {}

    @cached_property
    def catalogue(self) -> Catalogue:
        """The scenarios that have names: labctl's, and those in the project's folders."""
        folders = settings_of(self._pytest.config).folders
        return Catalogue([bundled_folder("scenarios"), *folders], bundled_compose())

    @cached_property
    def session(self) -> Session:
        """The labs of this pytest session. The first use connects to the engine; it raises
        EngineError if none answers.
        """
        run = secrets.token_hex(4)
        engine = self._access.for_run(run)
        self._guard = self._stack.enter_context(guarded(self._access, run))
        expected = likely_scenarios(self._pytest.items, self.catalogue)
        return Session(engine, expected, on_gone=lambda: self._say(GONE))

    def interpreter(self, series: str, *, with_libraries: bool) -> Interpreter:
        """Return a Python for clients. Builds its image if there is none, which can take minutes.

        Raise EngineError if the image can't be built.
        """
        image = libraries_image(series) if with_libraries else client_image(series)
        if image not in self._interpreters:
            self._interpreters[image] = self._once(image, lambda: self._ensure(series, image))
        return self._interpreters[image]

    @cached_property
    def _access(self) -> EngineAccess:
        """The engine, opened when it is first asked for."""
        return self._once("engine", self._open)

    def _open(self) -> EngineAccess:
        """Open the engine that the settings choose. It may have something to say."""
        if engine := settings_of(self._pytest.config).engine:
            choose_engine(engine)
        with _uncaptured(self._pytest.config):
            return open_engine()

    def _once(self, part: str, create: Callable[[], _T]) -> _T:
        """Create a part, or raise the EngineError that it raised before."""
        if part in self._errors:
            raise _without_traceback(self._errors[part])
        try:
            return create()
        except EngineError as error:
            self._errors[part] = error
            raise

    def _ensure(self, series: str, image: str) -> Interpreter:
        """Build the images if they are not there, and return the interpreter."""
        store = self._access.images()
        # The workers of pytest-xdist would otherwise all build the same images.
        with locked("images", alone=True), _uncaptured(self._pytest.config):
            bar = Bar("images", None)
            try:
                found = store.ensure([LAB, image], progress=bar.image)[image]
            finally:
                bar.stop()
        return found.interpreter(series)

    def close(self, *, interrupted: bool) -> None:
        """Remove all labs, and print a warning for each problem; may be called again.

        After an interruption, labs that are still starting are not waited for.
        """
        with patient() if _in_main_thread() else nullcontext():
            session = vars(self).pop("session", None)
            if session is not None:
                session.close(interrupted=interrupted)
                if session.errors:
                    self._guard.stay()
            self._stack.close()
        if session is not None:
            for error in session.errors:
                self._say(f"labctl: warning: {error_text(error)}")

    def _say(self, text: str) -> None:
        """Print a line on stderr."""
        with _uncaptured(self._pytest.config):
            print(text, file=sys.stderr)  # noqa: T201


_ENVIRONMENT: pytest.StashKey[Environment] = pytest.StashKey()


def environment_of(session: pytest.Session) -> Environment:
    """Return the environment of a pytest session; created at the first call, closed at its end."""
    stash = session.config.stash
    if _ENVIRONMENT not in stash:
        stash[_ENVIRONMENT] = Environment(session)
        session.config.pluginmanager.register(_Closer(stash[_ENVIRONMENT]))
    return stash[_ENVIRONMENT]


class _Closer:
    """A pytest plugin that closes the environment when the session ends."""

    def __init__(self, environment: Environment) -> None:
        """Take the environment to close."""
        self._environment = environment

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Close the environment at the end of pytest's session."""
        interrupted = exitstatus == pytest.ExitCode.INTERRUPTED
        self._environment.close(interrupted=interrupted)

    def pytest_unconfigure(self) -> None:
        """Close the environment even if pytest itself broke, and no session was finished."""
        self._environment.close(interrupted=True)


def likely_scenarios(items: Iterable[pytest.Item], catalogue: Catalogue) -> list[Scenario]:
    """Return the scenarios that tests will probably run, so that their services start together.

    These are the scenarios of attempts, and those whose names are in the code or the parameters of
    tests with `lab`. A scenario that is missing here costs a restart of its lab, and no more.
    """
    scenarios: dict[str, Scenario] = {}
    for item in items:
        own = getattr(item, "scenario", None)
        if isinstance(own, Scenario):
            scenarios.setdefault(str(own.path), own)
        elif "labctl_python" in getattr(item, "fixturenames", ()):
            scenarios |= {str(one.path): one for one in _named_scenarios(item, catalogue)}
    return list(scenarios.values())


def _named_scenarios(item: pytest.Item, catalogue: Catalogue) -> Iterator[Scenario]:
    """Load the scenarios that a test names. Invalid ones are left to the test that runs them."""
    with suppress(LabError):
        names = catalogue.names()
        for text in dict.fromkeys(_strings(item)):
            file = item.path.parent / text
            if text.endswith((".yaml", ".yml")) and file.is_file():
                yield catalogue.load(str(file))
            elif text in names:
                yield catalogue.load(text)


def _strings(item: pytest.Item) -> Iterator[str]:
    """Yield the strings in a test's code and among its parameters."""
    code = getattr(getattr(item, "function", None), "__code__", None)
    if isinstance(code, CodeType):
        yield from _string_constants(code)
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    yield from (value for value in parameters.values() if isinstance(value, str))


def _string_constants(code: CodeType) -> Iterator[str]:
    """Yield all strings in a function's code and in the functions inside it."""
    for constant in code.co_consts:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, CodeType):
            yield from _string_constants(constant)


def _without_traceback(error: EngineError) -> EngineError:
    """Return the same error, without the traceback of its first raise."""
    return type(error)(error.message, where=error.where, hint=error.hint)


def _in_main_thread() -> bool:
    """Tell whether this is the main thread."""
    return threading.current_thread() is threading.main_thread()


@contextmanager
def _uncaptured(config: pytest.Config) -> Iterator[None]:
    """Let output inside the block go to the terminal, where pytest would capture it."""
    capture = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else nullcontext():
        yield
