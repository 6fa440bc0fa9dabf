"""The certificates of a service of one's own, for names that those in the lab image are not for.

labctl makes them when the service starts, and hands them over in its environment: nothing in the
image can, since the library for it is compiled.
"""

from __future__ import annotations

import json

from labctl.engine.images.hosts import HOSTS
from labctl.model.compose import Service
from labctl.model.messages import Variable


def needs_own_certificates(service: Service) -> bool:
    """Tell whether a service has TLS, and names that the certificates in the image are not for."""
    script = service.environment.get(Variable.PORTS, "")
    return "tls" in script and not {*service.dns_names} <= {*HOSTS}


def own_certificates(service: Service) -> dict[str, str]:
    """Return the environment variable that hands a service the certificates for its names. Return
    an empty dict if those in the image are for them, or its script has no TLS.

    Only the certificates that the script may name are made, because some take long.
    """
    if not needs_own_certificates(service):
        return {}
    script = service.environment[Variable.PORTS]
    from labctl.engine.images import certificates  # noqa: PLC0415 takes a tenth of a second

    hosts = tuple(dict.fromkeys([*service.dns_names, *HOSTS]))
    made = {
        name: make().decode("ascii")
        for name, make in certificates.server_certificates(hosts).items()
        if name == certificates.USUAL or name in script
    }
    return {Variable.CERTIFICATES: json.dumps(made)}
