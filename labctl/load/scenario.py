"""Scenario files, with everything they name resolved."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from packaging.specifiers import SpecifierSet

from labctl.errors import InputError
from labctl.load.compose import load_compose
from labctl.load.compose_checks import start_order
from labctl.load.files import read_text
from labctl.load.problems import raise_all, validated
from labctl.load.words import at, did_you_mean
from labctl.load.yaml_reader import Document, Place, read_yaml
from labctl.model.compose import Attachment, Service
from labctl.model.expectation import Expectation
from labctl.model.scenario import Attempt, AttemptFile, ClientFile, Scenario, ScenarioFile
from labctl.model.served import parse_served

CLIENT_LIMIT: Final = 256 * 1024
"""Bytes of a client's source."""

Services = dict[str, Service]
ComposeReader = Callable[[Path], Services]


def load_scenario(
    path: Path, *, builtin_compose: Path, read_compose: ComposeReader = load_compose
) -> Scenario:
    """The scenario in a file. Services come from the Compose file it names, else the built-in one.

    Raises InputError, or ManyInputErrors.
    """
    document = read_yaml(path)
    written = validated(ScenarioFile, document)
    raise_all(_impossible_variants(written, document))
    attempts = tuple(_attempt(name, it, document) for name, it in written.attempts.items())
    compose = builtin_compose
    if written.compose is not None:
        compose = _beside(written.compose, ("compose",), document)
    services = _known_services(compose, builtin_compose, read_compose)
    needed = _with_dependencies(_needed(written, services, compose, document), services)
    raise_all(_silent_services(written, needed, document))
    return Scenario(
        path=path,
        name=written.name,
        title=written.title,
        layer=written.layer,
        tags=written.tags,
        story=written.story,
        services=needed,
        compose=compose,
        exclusive=written.exclusive,
        target=written.target,
        attempts=attempts,
    )


def read_client(path: Path) -> str:
    """The source text of a client's file, whatever characters it has: what Python makes of them
    is the client's affair. Raises InputError.
    """
    return read_text(path, CLIENT_LIMIT)


def _attempt(name: str, written: AttemptFile, document: Document) -> Attempt:
    place = ("attempts", name, "client")
    if isinstance(written.client, ClientFile):
        file = _beside(written.client.file, (*place, "file"), document)
        source, origin = read_client(file), str(file)
    else:
        source, origin = written.client, str(document.where(place))
    return Attempt(name=name, source=source, origin=origin, expectations=_variants(written))


def _variants(written: AttemptFile) -> tuple[Expectation, ...]:
    return written.expect if isinstance(written.expect, tuple) else (written.expect,)


def _impossible_variants(written: ScenarioFile, document: Document) -> Iterator[InputError]:
    """Variants that can never be the first to match."""
    for name, attempt in written.attempts.items():
        place = ("attempts", name, "expect")
        seen: dict[str, int] = {}
        for index, variant in enumerate(_variants(attempt)):
            here = (*place, index)
            if "" in seen:
                yield _after_unconditional(here, seen[""], document)
                break
            specifier = str(SpecifierSet(variant.python or ""))
            if specifier in seen:
                line = document.where((*place, seen[specifier])).line
                message = f"has the same `python` as the variant in line {line}"
                yield InputError(at(here, message), where=document.where(here))
            seen.setdefault(specifier, index)


def _silent_services(
    written: ScenarioFile, services: tuple[Service, ...], document: Document
) -> Iterator[InputError]:
    """Lines of `served:` about services that the scenario does not have: nobody can say them."""
    names = [service.name for service in services]
    for name, attempt in written.attempts.items():
        many = isinstance(attempt.expect, tuple)
        for index, variant in enumerate(_variants(attempt)):
            place: Place = ("attempts", name, "expect", *((index,) if many else ()), "served")
            for number, line in enumerate(variant.served or ()):
                service = parse_served(line).service
                if service not in names:
                    message = f'no service of the scenario is called "{service}"'
                    yield InputError(
                        at((*place, number), f"{message}{did_you_mean(service, names)}"),
                        where=document.where((*place, number)),
                        hint=f"it has: {', '.join(names)}",
                    )


def _after_unconditional(place: Place, earlier: int, document: Document) -> InputError:
    line = document.where((*place[:-1], earlier)).line
    message = f"can never count: the variant in line {line} has no `python` and matches first"
    hint = "put the variant without `python` last"
    return InputError(at(place, message), where=document.where(place), hint=hint)


def _beside(name: str, place: Place, document: Document) -> Path:
    """The file that a scenario names. It must be in the scenario's folder, links followed too."""
    where = document.where(place)
    folder = document.path.parent
    hint = "name a file in the scenario's own folder, like ./client.py"
    if Path(name).is_absolute():
        raise InputError(at(place, f"must be a relative path, not {name}"), where=where, hint=hint)
    file = folder / name
    if not Path(os.path.realpath(file)).is_relative_to(os.path.realpath(folder)):
        message = f"{name} is outside of the scenario's folder"
        raise InputError(at(place, message), where=where, hint=hint)
    if not file.is_file():
        raise InputError(at(place, f"there is no file {name}"), where=where, hint=hint)
    return file


def _known_services(compose: Path, builtin: Path, read_compose: ComposeReader) -> Services:
    """The services of a Compose file; the built-in `dns` where it has none of its own.

    That one goes without its fixed address, which another service of the file may have.
    """
    services = read_compose(compose)
    if "dns" in services:
        return services
    dns = read_compose(builtin)["dns"]
    networks = {name: Attachment(aliases=net.aliases) for name, net in dns.networks.items()}
    return {"dns": dns.model_copy(update={"networks": networks}), **services}


def _needed(
    written: ScenarioFile, services: Services, compose: Path, document: Document
) -> tuple[str, ...]:
    """The services that a scenario names, and `dns`. Raises where one doesn't exist."""
    unknown = [(i, name) for i, name in enumerate(written.services) if name not in services]
    raise_all(
        InputError(
            at(
                ("services", index),
                f'no service is called "{name}"{did_you_mean(name, services)}',
            ),
            where=document.where(("services", index)),
            hint=f"{compose} has: {', '.join(services)}",
        )
        for index, name in unknown
    )
    return ("dns", *written.services)


def _with_dependencies(names: tuple[str, ...], services: Services) -> tuple[Service, ...]:
    """The services and all that they depend on, each after those it depends on."""
    needed: Services = {}
    waiting = list(names)
    while waiting:
        service = services[waiting.pop(0)]
        if service.name not in needed:
            needed[service.name] = service
            waiting.extend(service.depends_on)
    return start_order(needed)
