"""The fixture `lab`."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast, get_args

import pytest

from labctl.engine.images.libraries import pinned
from labctl.errors import EngineError, InputError, LabError, UsageError
from labctl.load.words import did_you_mean
from labctl.model.plan import PlannedAttempt
from labctl.model.scenario import Attempt, Library, Scenario
from labctl.plugin import SEEN
from labctl.plugin.seen import Seen
from labctl.plugin.settings import known_python, settings_of, told
from labctl.plugin.ship import Shipment, Shipper
from labctl.plugin.ship.calling import Args
from labctl.plugin.ship.names import fully_named
from labctl.plugin.stage import Stage, stage_of
from labctl.text import escape_control

Client = Callable[..., Any] | str | Path
_LIBRARIES: tuple[Library, ...] = get_args(Library)


class Lab:
    """Runs clients in labs that all tests of a session share. Each client has a container of its
    own, and a network in which nothing else happens.
    """

    def __init__(self, request: pytest.FixtureRequest, *, python: str) -> None:
        self._item: pytest.Item = request.node
        self._python = python
        self._item.stash[SEEN] = []

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
        """Run a function, or the script of that path, where the network is as the scenario says.

        A function is called with the target's host and port, and with `args`. It is sent as source
        text with all that it uses of the project, and runs on the Python of that series (`3.13`).
        `requires` names libraries that it needs beside those that it is seen to import. With
        `attempt`, it is judged by what that attempt of the scenario expects. After `timeout`
        seconds it is ended.

        EngineError where the lab broke: the test is an error then, and no failure. UsageError and
        InputError for what can't be run.
        """
        __tracebackhide__ = True
        try:
            series = known_python(python or self._python)
            seen = self._run(scenario, client, series, requires, attempt, args, timeout)
        except LabError as error:
            again = _without_our_part(error)
        else:
            self._item.stash[SEEN].append(seen)
            return seen
        raise again

    def _run(
        self, name: str | Path, client: Client, python: str, requires: Sequence[str],
        attempt: str | None, args: Args, timeout: float | None,
    ) -> Seen:  # fmt: skip
        stage = stage_of(self._item.session)
        scenario = self._scenario(name, stage)
        judge = _attempt(scenario, attempt) if attempt else None
        shipment = self._shipper(python).ship(self._found(client), scenario.target, args)
        wanted = _known(requires) | {*shipment.requires, *(judge.requires if judge else ())}
        planned = _planned(scenario, shipment, judge, wanted, stage, python)
        limit_s = timeout or settings_of(self._item.config).limit_s
        ended = stage.session.make(scenario, planned, limit_s=limit_s)
        result = fully_named(ended.result, shipment.modules)
        shown = result.model_copy(update={"client": ""})
        if shown.observed is None:
            raise EngineError("nothing was observed")
        return Seen(result=shown, observation=shown.observed)

    def _scenario(self, name: str | Path, stage: Stage) -> Scenario:
        """One by its name, or by a path from the test's own folder, or from where pytest runs."""
        text = str(name)
        beside = self._item.path.parent / text
        is_path = "/" in text or text.endswith((".yaml", ".yml"))
        return stage.catalogue.load(str(beside) if is_path and beside.is_file() else text)

    def _found(self, client: Client) -> object:
        """A script by a path from the test's own folder, or from where pytest runs."""
        if not isinstance(client, (str, Path)):
            return client
        beside = self._item.path.parent / client
        return beside if beside.is_file() else Path(client)

    def _shipper(self, python: str) -> Shipper:
        module = getattr(self._item, "module", None)
        tests = frozenset({module.__name__} if module else ())
        return Shipper(self._item.config.rootpath, tuple(pinned(python)), tests)


def _planned(
    scenario: Scenario, shipment: Shipment, judge: Attempt | None, requires: set[Library],
    stage: Stage, python: str,
) -> PlannedAttempt:  # fmt: skip
    interpreter = stage.interpreter(python, libraries=bool(requires) or shipment.libraries)
    expectation = judge.expectation(interpreter.version) if judge else None
    if judge and not expectation:
        raise UsageError(
            f"attempt {judge.name} of {scenario.name} expects nothing on Python {python}",
            hint="choose another Python or another attempt",
        )
    return PlannedAttempt(
        key=secrets.token_hex(8),
        scenario=scenario.name,
        attempt=shipment.name,
        client=shipment.file,
        source=shipment.source,
        origin=shipment.file,
        requires=tuple(name for name in _LIBRARIES if name in requires),
        target=scenario.target,
        interpreter=interpreter,
        expectation=expectation,
        argv=shipment.argv,
    )


def _attempt(scenario: Scenario, name: str) -> Attempt:
    known = {one.name: one for one in scenario.attempts}
    if name not in known:
        raise UsageError(
            f"{scenario.name} has no attempt called {name}{did_you_mean(name, known)}",
            hint=f"it has {', '.join(known)}",
        )
    return known[name]


def _known(requires: Sequence[str]) -> set[Library]:
    for name in requires:
        if name not in _LIBRARIES:
            raise UsageError(
                f"no client image has {name}{did_you_mean(name, _LIBRARIES)}",
                hint=f"there are {', '.join(_LIBRARIES)}",
            )
    return {cast("Library", name) for name in requires}


def _without_our_part(error: LabError) -> LabError:
    """The same error as pytest is to show it: all that it says, and not where it came from."""
    if isinstance(error, InputError):
        each = error.each()
        return InputError(told(error)) if len(each) > 1 else _noted(InputError, each[0])
    return _noted(type(error), error)


def _noted(kind: type[LabError], error: LabError) -> LabError:
    again = kind(escape_control(str(error), keep_newlines=True), hint=error.hint)
    if error.hint:
        again.add_note(f"hint: {escape_control(error.hint, keep_newlines=True)}")
    return again
