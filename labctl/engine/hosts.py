"""Which services of a lab share a host. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from labctl.engine.containers import service_sysctls
from labctl.engine.lab_images import LabImage, LabImages
from labctl.engine.own_certificates import needs_own_certificates
from labctl.model.compose import Service
from labctl.model.messages import Variable

_PROGRAMS = ("dns", "mail", "script")
_HARMLESS = {"NET_BIND_SERVICE"}
"""Capabilities that a service needs only if it is started by hand: labs give all ports to all."""
_NO_MATTER = {
    "name", "image", "command", "environment", "cap_add", "cap_drop", "security_opt", "read_only",
    "sysctls", "pids_limit", "mem_limit", "networks", "events", "labels", "expose", "logging",
    "stop_grace_period", "stop_signal",
}  # fmt: skip
"""The keys of a Compose entry that a service may have which shares its host."""


def sharing(services: Iterable[Service], images: LabImages) -> tuple[Service, ...]:
    """Return the services that share one host: those whose programs are labctl's own, and want
    nothing of their host that the others do not.
    """
    return tuple(
        service
        for service in services
        if links_itself(service, images)
        and service.command[:1] in [(name,) for name in _PROGRAMS]
        and not service.model_fields_set - _NO_MATTER
        and not {*service.cap_add} - _HARMLESS
        and service_sysctls(service) == service_sysctls()
        and Variable.RULES not in service.environment
        and not needs_own_certificates(service)
    )


def links_itself(service: Service, images: LabImages) -> bool:
    """Tell whether the program of a service can make its host's link to the network, where the
    engine does not: it is one of labctl's own, and begins as root.
    """
    image = images.services[service.image]
    return (
        isinstance(image, LabImage)
        and image.reference == images.tap.reference
        and service.entrypoint is None
        and service.user is None
    )
