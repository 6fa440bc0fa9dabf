"""The fixture `lab`, which runs clients of the project in labs."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from labctl.engine.images.libraries import pinned
from labctl.errors import EngineError, InputError, LabError, UsageError, did_you_mean
from labctl.model.libraries import third_party_libraries
from labctl.model.plan import PlannedAttempt
from labctl.model.scenario import Attempt, Scenario
from labctl.plugin.bundle import Bundle, Bundler
from labctl.plugin.bundle.calling import Args
from labctl.plugin.bundle.qualnames import with_qualnames
from labctl.plugin.environment import Environment, environment_of
from labctl.plugin.lab_result import LAB_RESULTS, Seen
from labctl.plugin.settings import error_text, settings_of
from labctl.pythons import check_series
from labctl.run.attempts import service_names
from labctl.text import escape_control

Client = Callable[..., Any] | str | Path


class Lab:
    """Labs in which a test runs clients. All tests of a session share them.

    Each client gets a container of its own, and a network interface on which nothing else happens.
    """

    def __init__(self, request: pytest.FixtureRequest, *, python: str) -> None:
        """Take the test that asks for the fixture, and the Python that its clients run on."""
        self._item: pytest.Item = request.node
        self._python = python
        self._item.stash[LAB_RESULTS] = []

    def run(
        self,
        scenario: str | Path,
        client: Client,
        *,
        python: str | None = None,
        requires: Sequence[str] = (),
        attempt: str | None = None,
        args: Args = (),
        timeout: float | None = None,
    ) -> Seen:
        """Run a function, or the script at a path, in a lab with the scenario's servers.

        A function is called with the target's host and port, and with `args`. It is sent as source
        text, together with all that it uses of the project, and runs on the given `python` series
        (`3.13`). `requires` names libraries, in addition to those that the code imports. With
        `attempt`, the client is judged by what that attempt of the scenario expects. The client is
        killed after `timeout` seconds.

        Raise EngineError if the lab breaks (the test becomes an error, not a failure), and
        UsageError or InputError if the client can't be run.
        """
        __tracebackhide__ = True
        try:
            series = check_series(python or self._python)
            result = self._run(scenario, client, series, requires, attempt, args, timeout)
        except LabError as error:
            shown_error = _printable_error(error)
        else:
            self._item.stash[LAB_RESULTS].append(result)
            return result
        raise shown_error  # outside of `except`: pytest would show both tracebacks

    def _run(
        self, name: str | Path, client: Client, python: str, requires: Sequence[str],
        attempt: str | None, args: Args, timeout: float | None,
    ) -> Seen:  # fmt: skip
        """Make one attempt of the client in a lab, and return what was observed."""
        environment = environment_of(self._item.session)
        scenario = self._scenario(name, environment)
        judge = _attempt(scenario, attempt) if attempt else None
        bundle = self._bundler(python).bundle(self._located(client), scenario.target, args)
        libraries = _known(requires) | {*bundle.requires, *(judge.requires if judge else ())}
        planned = _planned(scenario, bundle, judge, libraries, environment, python)
        limit_s = timeout or settings_of(self._item.config).limit_s
        ended = environment.session.make(scenario, planned, limit_s=limit_s)
        result = with_qualnames(ended.result, bundle.modules)
        shown = result.model_copy(update={"client": ""})
        if shown.observed is None:
            raise EngineError("nothing was observed")
        return Seen(result=shown, observation=shown.observed)

    def _scenario(self, name: str | Path, environment: Environment) -> Scenario:
        """Load a scenario by its name, or by a path from the test's or from the current folder."""
        text = str(name)
        beside = self._item.path.parent / text
        is_path = "/" in text or text.endswith((".yaml", ".yml"))
        return environment.catalogue.load(str(beside) if is_path and beside.is_file() else text)

    def _located(self, client: Client) -> object:
        """Return a script's path, looked for from the test's folder and then from the current one.
        A function is returned unchanged.
        """
        if not isinstance(client, (str, Path)):
            return client
        beside = self._item.path.parent / client
        return beside if beside.is_file() else Path(client)

    def _bundler(self, python: str) -> Bundler:
        """Return a bundler for this test and Python."""
        module = getattr(self._item, "module", None)
        tests = frozenset({module.__name__} if module else ())
        return Bundler(self._item.config.rootpath, tuple(pinned(python)), tests)


def _planned(
    scenario: Scenario, bundle: Bundle, judge: Attempt | None, libraries: set[str],
    environment: Environment, python: str,
) -> PlannedAttempt:  # fmt: skip
    """Return the plan of a client. `judge` is the attempt whose expectation it is judged by."""
    with_libraries = bool(libraries) or bundle.needs_libraries
    interpreter = environment.interpreter(python, with_libraries=with_libraries)
    expectation = judge.expectation(interpreter.version) if judge else None
    if judge and not expectation:
        raise UsageError(
            f"attempt {judge.name} of {scenario.name} expects nothing on Python {python}",
            hint="choose another Python or another attempt",
        )
    return PlannedAttempt(
        key=secrets.token_hex(8),
        scenario=scenario.name,
        attempt=bundle.name,
        client=bundle.file,
        source=bundle.source,
        origin=bundle.file,
        requires=tuple(name for name in third_party_libraries() if name in libraries),
        target=scenario.target,
        services=service_names(scenario),
        interpreter=interpreter,
        expectation=expectation,
        argv=bundle.argv,
    )


def _attempt(scenario: Scenario, name: str) -> Attempt:
    """Return the scenario's attempt of that name. Raise UsageError if there is none."""
    known = {one.name: one for one in scenario.attempts}
    if name not in known:
        raise UsageError(
            f"{scenario.name} has no attempt called {name}{did_you_mean(name, known)}",
            hint=f"it has {', '.join(known)}",
        )
    return known[name]


def _known(requires: Sequence[str]) -> set[str]:
    """Return the libraries of these names. Raise UsageError for a name that is no library."""
    libraries = third_party_libraries()
    for name in requires:
        if name not in libraries:
            raise UsageError(
                f"no client image has {name}{did_you_mean(name, libraries)}",
                hint=f"there are {', '.join(libraries)}",
            )
    return set(requires)


def _printable_error(error: LabError) -> LabError:
    """Return the error as pytest shows it: with its hint, escaped, and without labctl's frames."""
    if isinstance(error, InputError):
        errors = error.each()
        if len(errors) > 1:
            return InputError(error_text(error))
        return _with_note(InputError, errors[0])
    return _with_note(type(error), error)


def _with_note(kind: type[LabError], error: LabError) -> LabError:
    """Return a new error of that kind, whose hint is a note that pytest prints."""
    result = kind(escape_control(str(error), keep_newlines=True), hint=error.hint)
    if error.hint:
        result.add_note(f"hint: {escape_control(error.hint, keep_newlines=True)}")
    return result
