"""What the SDK raises, on every way to an engine."""

from __future__ import annotations

import sys

from docker.errors import DockerException
from requests import RequestException

_OWN = {"paramiko": "SSHException", "pywintypes": "error"}
"""The packages that the SDK uses for SSH and for the named pipes of Windows, and their errors,
which are no OSErrors.
"""


def errors(*more: type[Exception]) -> tuple[type[Exception], ...]:
    """Return the exceptions of the SDK, of the packages that it uses now, and `more`."""
    used = ((sys.modules.get(package), name) for package, name in _OWN.items())
    own = (getattr(module, name) for module, name in used if module)
    return (DockerException, RequestException, OSError, EOFError, *own, *more)
