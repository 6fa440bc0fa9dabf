"""Which services of a lab share a host. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable

from labctl.engine.containers import service_sysctls
from labctl.engine.lab_images import LabImage, LabImages
from labctl.engine.own_certificates import needs_own_certificates
from labctl.model.compose import Service
from labctl.model.messages import Variable

_PROGRAMS = ("dns", "mail", "script")
_MOST_BYTES = 100_000
"""Linux takes variables of 128 KiB each; one has the scripts of all who share a host."""
_HARMLESS = {"NET_BIND_SERVICE"}
"""Capabilities that a service needs only if it is started by hand: labs give all ports to all."""
_NO_MATTER = {
    "name", "image", "command", "environment", "cap_add", "cap_drop", "security_opt", "read_only",
    "sysctls", "networks", "events", "labels", "expose", "logging", "stop_grace_period",
}  # fmt: skip
"""The keys of a Compose entry that a service may have which shares its host. Labctl's own programs
write no files, so that its root is read-only does not matter.
"""
_OWN_VARIABLES = "LAB_"
"""How variables begin that labctl's own programs read; Python reads others when it starts."""


def sharing(services: Iterable[Service], images: LabImages) -> tuple[Service, ...]:
    """Return the services that share one host: those whose programs are labctl's own, and want
    nothing of their host that the others do not. There are no more than one variable has room for.
    """
    shared, size = [], 0
    for service in [one for one in services if _can_share(one, images)]:
        own = len(json.dumps(service.environment))
        if size + own < _MOST_BYTES:
            size += own
            shared.append(service)
    return tuple(shared)


def _can_share(service: Service, images: LabImages) -> bool:
    """Tell whether a service needs no host of its own."""
    return (
        links_itself(service, images)
        and service.command[:1] in [(name,) for name in _PROGRAMS]
        and not service.model_fields_set - _NO_MATTER
        and not {*service.cap_add} - _HARMLESS
        and service_sysctls(service) == service_sysctls()
        and all(name.startswith(_OWN_VARIABLES) for name in service.environment)
        and Variable.RULES not in service.environment
        and not needs_own_certificates(service)
    )


def links_itself(service: Service, images: LabImages) -> bool:
    """Tell whether the program of a service can make its host's link to the network: it is one of
    labctl's own, and begins as root. Others get a host that labctl has linked, on every engine.
    """
    image = images.services[service.image]
    return (
        isinstance(image, LabImage)
        and image.reference == images.tap.reference
        and service.entrypoint is None
        and service.user is None
    )
