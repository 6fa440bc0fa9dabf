"""Compose files: read, with a message for every key and value that a lab can't honour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from labctl.errors import InputError
from labctl.load.compose_checks import conflicts
from labctl.load.problems import input_errors, raise_all, unknown_key_error
from labctl.load.yaml_reader import Document, Place, Value, read_yaml, with_place
from labctl.model.compose import EVENTS_KEY, ComposeFile, Service

_NOT_IN_A_LAB: Final = {
    "build": "labctl runs images and builds none of these; build it first, then name its `image`",
    "configs": "labs mount nothing; put the files into the image",
    "container_name": "labctl names its containers; other services find this one by its aliases",
    "devices": "labs have no devices of the host",
    "dns": "a lab has its own DNS service",
    "env_file": "write the variables under `environment`",
    "extra_hosts": "a lab's names come from its DNS service; give a service `aliases`",
    "include": "keep the services in one file",
    "ipc": "services share no namespaces with the host or one another",
    "network_mode": "services are on the lab's network alone; name it under `networks`",
    "pid": "services share no namespaces with the host or one another",
    "ports": "nothing of a lab is published; clients run inside its network",
    "privileged": "nothing in a lab may have the host's rights; name what it needs in `cap_add`",
    "restart": "a service that dies is an error of the lab, so none is restarted",
    "secrets": "labs mount nothing; put the files into the image",
    "userns_mode": "services share no namespaces with the host or one another",
    "uts": "services share no namespaces with the host or one another",
    "volumes": "labs mount nothing of the host and keep nothing; put the files into the image",
    "volumes_from": "labs mount nothing; put the files into the image",
}
"""Keys that Compose knows and labs refuse, and what to do instead."""

_TOP: Final = tuple(ComposeFile.model_fields)
_OF_SERVICE: Final = tuple(
    field.alias or key for key, field in Service.model_fields.items() if key != "name"
)


def load_compose(path: Path) -> dict[str, Service]:
    """Load the services of a Compose file, by name. `x-` keys other than labctl's are ignored, as
    Compose does. Raise InputError, or ManyInputErrors, if the file can't be read or asks for what
    labs don't do.
    """
    written = read_yaml(path)
    document = replace(written, data=_without_extensions(written.data))
    errors = list(_own_names(document))
    try:
        parsed = ComposeFile.model_validate(document.data)
    except ValidationError as error:
        found = input_errors(error, ComposeFile, document, lambda place: _refused(place, document))
        raise_all([*errors, *found])
        raise
    raise_all([*errors, *conflicts(parsed, document)])
    return parsed.services


def _without_extensions(data: dict[str, Value]) -> dict[str, Value]:
    """Return a Compose file's data without Compose's extension keys, `x-...`."""
    top = _kept(data)
    services = top.get("services")
    if isinstance(services, dict):
        top["services"] = {
            name: _kept(body) if isinstance(body, dict) else body for name, body in services.items()
        }
    return top


def _kept(mapping: dict[str, Value]) -> dict[str, Value]:
    """Return a mapping without extension keys, but with those of labctl."""
    return {
        key: value
        for key, value in mapping.items()
        if not key.startswith("x-") or key == EVENTS_KEY
    }


def _own_names(document: Document) -> Iterator[InputError]:
    """Yield an error for each service with a key `name`. Our model of a service has this field, but
    Compose has no such key.
    """
    services = document.get(("services",))
    for name in services if isinstance(services, dict) else ():
        if document.get(("services", name, "name")) is not None:
            yield unknown_key_error(("services", name, "name"), _OF_SERVICE, document)


def _refused(place: Place, document: Document) -> InputError | None:
    """Return the error for a key that a lab's services or files can't have."""
    known = _known_keys(place)
    key = str(place[-1])
    if not known:
        return None
    if key not in _NOT_IN_A_LAB:
        return unknown_key_error(place, known, document)
    message = with_place(place[:-1], f'"{key}" can\'t be used in a lab: {_NOT_IN_A_LAB[key]}')
    return InputError(message, where=document.where_key(place), hint=f"remove `{key}`")


def _known_keys(place: Place) -> Iterable[str]:
    """Return the keys that are allowed at a place; none if that place has no fixed keys."""
    match place:
        case (_,):
            return _TOP
        case ("services", _, _):
            return _OF_SERVICE
    return ()
