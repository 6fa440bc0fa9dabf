"""Scenario files, with everything they name resolved."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from labctl.errors import InputError
from labctl.load.compose import load_compose
from labctl.load.compose_checks import with_dependencies
from labctl.load.files import read_text
from labctl.load.hosts import unknown_hosts
from labctl.load.kinds import Kind, NoScenario, kind_of
from labctl.load.problems import input_errors, raise_all
from labctl.load.scenario_checks import impossible_variants, unknown_services, unsayable_lines
from labctl.load.walk import attempts, texts
from labctl.load.yaml_reader import Document, Place, Value, read_yaml, with_place
from labctl.model.compose import Attachment, Service
from labctl.model.expectation import ANY
from labctl.model.scenario import Attempt, AttemptFile, ClientFile, Scenario, ScenarioFile

CLIENT_LIMIT: Final = 256 * 1024
"""Bytes of a client's source."""

Services = dict[str, Service]
ComposeReader = Callable[[Path], Services]

_KEYS: Final = ScenarioFile.model_fields.keys()


def load_scenario(
    path: Path,
    *,
    builtin_compose: Path,
    read_compose: ComposeReader = load_compose,
    unrecorded: bool = False,
) -> Scenario:
    """Load the scenario in a file. Its services come from the Compose file that it names, else from
    the built-in one.

    With `unrecorded`, attempts may lack `expect`, or have an empty one: they expect nothing.
    Raise NoScenario for a file of another kind, and InputError, or ManyInputErrors, for mistakes.
    """
    document = read_yaml(path)
    kind = kind_of(document)
    if kind is not Kind.SCENARIO:
        raise NoScenario(document, kind)
    blank = blank_attempts(document)
    found = _look_up(document, builtin_compose, read_compose)
    if not unrecorded:
        found.errors.extend(_nothing_expected(name, document) for name in blank)
    try:
        written = ScenarioFile.model_validate(_filled(document, blank))
    except ValidationError as error:
        raise_all([*input_errors(error, ScenarioFile, document), *found.errors])
        raise
    raise_all(found.errors)
    return Scenario(
        path=path,
        name=written.name,
        title=written.title,
        layer=written.layer,
        tags=written.tags,
        story=written.story,
        services=found.lab,
        compose=found.compose,
        exclusive=written.exclusive,
        target=written.target,
        attempts=tuple(
            _attempt(
                name,
                one,
                found.clients[name],
                blank=name in blank,
                line=document.where_key(("attempts", name)).line or 0,
            )
            for name, one in written.attempts.items()
        ),
        files=_files(document, written),
    )


def _files(document: Document, written: ScenarioFile) -> tuple[Path, ...]:
    """Return the scenario's file and those that it names, each once."""
    clients = [one.client for one in written.attempts.values()]
    named = [one.file for one in clients if isinstance(one, ClientFile)]
    named += [written.compose] if written.compose else []
    folder = document.path.parent
    return (document.path, *dict.fromkeys(folder / name for name in named))


def blank_attempts(document: Document) -> tuple[str, ...]:
    """Return the attempts that expect nothing yet: they have no `expect`, or an empty one."""
    attempts = document.get(("attempts",))
    return tuple(
        name
        for name, attempt in (attempts.items() if isinstance(attempts, dict) else ())
        if isinstance(attempt, dict)
        and attempt.keys() <= AttemptFile.model_fields.keys()  # else `expect` may be misspelt
        and attempt.get("expect") in (None, {}, ())
    )


def read_client(path: Path) -> str:
    """Read the source text of a client's file, whatever characters it has: Python decides what it
    means. Raise InputError if the file can't be read.
    """
    return read_text(path, CLIENT_LIMIT)


def _filled(document: Document, blank: tuple[str, ...]) -> dict[str, Value]:
    """Return the document's data, with any return value expected for attempts that expect nothing
    yet.
    """
    attempts = document.get(("attempts",))
    if not (blank and isinstance(attempts, dict)):
        return document.data
    filled: dict[str, Value] = {
        name: {**attempt, "expect": {"returns": ANY}}
        if name in blank and isinstance(attempt, dict)
        else attempt
        for name, attempt in attempts.items()
    }
    return {**document.data, "attempts": filled}


def _nothing_expected(name: str, document: Document) -> InputError:
    """Return the error for an attempt that expects nothing."""
    place: Place = ("attempts", name)
    there = (*place, "expect") in document.keys
    message = with_place((*place, "expect"), "is empty")
    if not there:
        message = with_place(place, 'the key "expect" is missing')
    where = document.where_key((*place, "expect") if there else place)
    hint = f"write what must be observed, or let `labctl record {document.path}` write what is"
    return InputError(message, where=where, hint=hint)


@dataclass(frozen=True, kw_only=True)
class _Named:
    """What a document names, as far as it is there; `errors` has all that isn't.

    `clients` has source and origin by attempt; `lab` each service after those it depends on.
    """

    compose: Path
    lab: tuple[Service, ...]
    clients: dict[str, tuple[str, str]]
    errors: list[InputError]


def _look_up(document: Document, builtin: Path, read_compose: ComposeReader) -> _Named:
    """Find what the scenario names: clients, Compose file and services. Collect the mistakes
    instead of raising them.
    """
    errors = list(impossible_variants(document))
    clients: dict[str, tuple[str, str]] = {}
    for name in attempts(document):
        with _kept(errors):
            clients |= _client(name, document)
    compose, lab = builtin, tuple[Service, ...]()
    with _kept(errors):
        compose = _compose(document, builtin)
        services = known_services(compose, builtin, read_compose)
        errors += unknown_services(document, services, compose)
        lab = _lab(document, services)
        errors += unsayable_lines(document, lab)
        errors += unknown_hosts(
            document, lab, {name: source for name, (source, _) in clients.items()}
        )
    return _Named(compose=compose, lab=lab, clients=clients, errors=errors)


@contextmanager
def _kept(errors: list[InputError]) -> Iterator[None]:
    """Add an InputError that is raised inside the block to the errors, instead of raising it."""
    try:
        yield
    except InputError as error:
        errors += error.each()


def _client(name: str, document: Document) -> dict[str, tuple[str, str]]:
    """Read an attempt's client, and return its source and origin by the attempt's name. Return an
    empty dict if the key is not a client.
    """
    place = ("attempts", name, "client")
    written = document.get(place)
    if isinstance(written, str):
        return {name: (written, str(document.where(place)))}
    file = document.get((*place, "file"))
    if not isinstance(file, str) or not file.strip():
        return {}
    path = _beside(file, (*place, "file"), document)
    return {name: (read_client(path), str(path))}


def _attempt(
    name: str, written: AttemptFile, client: tuple[str, str], *, blank: bool, line: int
) -> Attempt:
    """Return an attempt with its client and its expectations."""
    source, origin = client
    variants = written.expect if isinstance(written.expect, tuple) else (written.expect,)
    expectations = () if blank else variants
    return Attempt(
        name=name,
        source=source,
        origin=origin,
        requires=written.requires,
        expectations=expectations,
        line=line,
    )


def _compose(document: Document, builtin: Path) -> Path:
    """Return the Compose file that the scenario names, or labctl's own."""
    file = document.get(("compose",))
    named = isinstance(file, str) and file.strip()
    return _beside(str(file), ("compose",), document) if named else builtin


def _beside(name: str, place: Place, document: Document) -> Path:
    """Return the path of a file that the scenario names. Raise InputError if it is missing, or
    outside the scenario's folder; links are followed.
    """
    where = document.where(place)
    folder = document.path.parent
    hint = "name a file in the scenario's own folder, like ./client.py"
    if Path(name).is_absolute():
        raise InputError(
            with_place(place, f"must be a relative path, not {name}"), where=where, hint=hint
        )
    file = folder / name
    if not Path(os.path.realpath(file)).is_relative_to(os.path.realpath(folder)):
        message = f"{name} is outside of the scenario's folder"
        raise InputError(with_place(place, message), where=where, hint=hint)
    if not os.path.isfile(file):  # noqa: PTH113 no error for a long name
        raise InputError(with_place(place, f"there is no file {name}"), where=where, hint=hint)
    return file


def known_services(compose: Path, builtin: Path, read_compose: ComposeReader) -> Services:
    """Load the services of a Compose file, and the built-in `dns` if it has none of its own.

    That one goes without its fixed address, which another service of the file may have.
    """
    services = read_compose(compose)
    if "dns" in services:
        return services
    dns = read_compose(builtin)["dns"]
    networks = {name: Attachment(aliases=net.aliases) for name, net in dns.networks.items()}
    return {"dns": dns.model_copy(update={"networks": networks}), **services}


def _lab(document: Document, services: Services) -> tuple[Service, ...]:
    """Return the services that the scenario names, `dns`, and what these depend on.

    Return all known services if a mistake hides which are meant, so that no error is shown that
    only follows from it.
    """
    named = [name for _, name in texts(document, ("services",))]
    misspelt = "services" not in document.data and not document.data.keys() <= _KEYS
    right = document.data.get("services", ()) == tuple(named)
    if right and not misspelt and services.keys() >= set(named):
        return with_dependencies(("dns", *named), services)
    return tuple(services.values())
