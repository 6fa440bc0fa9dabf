"""Hosts that a scenario speaks of, and nothing in its lab is called so: misspelt, mostly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from labctl.errors import InputError, closest_name
from labctl.load.walk import attempts, texts, variants
from labctl.load.yaml_reader import Document, Place, with_place
from labctl.model.compose import Service
from labctl.model.flows import GATEWAY, check_wire, is_address, line_host

_NAME_SERVER: Final = "dns"
_LOCAL: Final = "localhost"
_DENIED: Final = ("nxdomain", "servfail", "unanswered")
"""What DNS may say of a name that nothing has."""


def unknown_hosts(
    document: Document, lab: Sequence[Service], sources: Mapping[str, str]
) -> Iterator[InputError]:
    """Yield an error for each host in `target:` and `wire:` that is not known. `sources` has the
    source of each client, by attempt.

    Clients may ask for any name. So one that stands in the client's source is right; and one that
    is denied, or that a name server of the scenario's own could know, is wrong only where it is
    close to another.
    """
    names = [name for one in lab for name in one.dns_names]
    knows_no_more = any(one.name == _NAME_SERVER and one.events is not None for one in lab)
    lines = {name: list(_lines(document, name)) for name in attempts(document)}
    target = document.get(("target", "host"))
    if not isinstance(target, str):
        return
    if lines.keys() <= sources.keys():
        denied = (line_host(line) for all_ in lines.values() for _, line in all_ if _denies(line))
        known = _is_known(target, [*names, *denied], " ".join(sources.values()))
        if not known and (meant := meant_host(target, names)):
            yield _stranger(("target", "host"), target, meant, names, document)
    for name in lines.keys() & sources.keys():
        for place, line in lines[name]:
            host = line_host(line)
            if _is_known(host, [*names, target, GATEWAY], sources[name]):
                continue
            meant = meant_host(host, [*names, target])
            if meant or (knows_no_more and not _denies(line)):
                yield _stranger(place, host, meant, names, document)


def _lines(document: Document, attempt: str) -> Iterator[tuple[Place, str]]:
    """Yield the lines of `wire` that an attempt expects, with their places. Wrong lines are left
    out.
    """
    for variant in variants(document, attempt):
        for place, line in texts(document, (*variant, "wire")):
            try:
                yield place, check_wire(line)
            except ValueError:
                continue  # told where the line is checked


def _denies(line: str) -> bool:
    """Tell whether a line is a look-up of a name that does not exist."""
    return line.startswith("dns ") and line.endswith(_DENIED)


def meant_host(host: str, names: Iterable[str]) -> str | None:
    """Return the known name that a host is close to, if it has as many parts: `www.mail.lab` is no
    `mail.lab` with a typing error.
    """
    return closest_name(host, (name for name in names if name.count(".") == host.count(".")))


def _is_known(host: str, names: Iterable[str], source: str) -> bool:
    """Tell whether a host is an address, a name in the lab, or a name in the client's source."""
    same = host.lower()
    known = same == _LOCAL or same in {name.lower() for name in names} or same in source.lower()
    return known or is_address(host)


def _stranger(
    place: Place, host: str, meant: str | None, names: Sequence[str], document: Document
) -> InputError:
    """Return the error for a host that is not in the lab."""
    end = f'; did you mean "{meant}"?' if meant else f"; it has {', '.join(names)}"
    return InputError(
        with_place(place, f'nothing in the lab is called "{host}"{end}'),
        where=document.where(place),
        hint="a name that a client makes up must stand in its source, in a comment at least",
    )
