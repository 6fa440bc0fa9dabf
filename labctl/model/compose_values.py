"""The values of Compose files: what may be written, and what it becomes."""

from __future__ import annotations

import ipaddress
import re
import shlex
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator

from labctl.model.base import Text

CAPABILITIES: Final = (
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "KILL",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETGID",
    "SETUID",
    "SYS_CHROOT",
)
"""What a service may have: enough to serve, and to shape its own network namespace."""

_HOST_LABEL: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?")

_TOO_MUCH: Final = {
    "ALL": "it holds SYS_ADMIN, which is nearly root on the host",
    "BPF": "it loads programs into the host's kernel",
    "MKNOD": "it makes device nodes, and labs have no use for them",
    "SYS_ADMIN": "it is nearly root on the host",
    "SYS_BOOT": "it can restart the host",
    "SYS_MODULE": "it loads code into the host's kernel",
    "SYS_PTRACE": "it can read and change other processes",
    "SYS_RAWIO": "it reaches the host's memory and disks",
    "SYS_TIME": "it sets the clock of the host",
}


def _no_substitution(value: str) -> str:
    """Return the text with `$$` as `$`. Raise ValueError for a variable."""
    if "$" in value.replace("$$", ""):
        raise ValueError(
            "variables are not substituted here: write the value, or $$ for a dollar sign"
        )
    return value.replace("$$", "$")


def _capability(name: str) -> str:
    """Return the capability's name. Raise ValueError if services may not have it."""
    bare = name.removeprefix("CAP_")
    if bare not in CAPABILITIES:
        why = _TOO_MUCH.get(bare, "no service of a lab needs it")
        raise ValueError(f"{bare} is not given: {why}. Allowed are {', '.join(CAPABILITIES)}")
    return bare


def _sysctl(name: str) -> str:
    """Return the name. Raise ValueError if it is not a sysctl of the network namespace."""
    if not re.fullmatch(r"net(\.[\w-]+)+", name):
        raise ValueError("only sysctls of the network namespace (net.*) can be set")
    return name


def _tmpfs(entry: str) -> str:
    """Return the entry. Raise ValueError if it is not a path with options."""
    path = entry.partition(":")[0]
    if not re.fullmatch(r"(/[\w.-]+)+(:[\w=,%-]+)?", entry) or ".." in path.split("/"):
        raise ValueError(f"a tmpfs is a path in the container, like /tmp:size=16m, not {entry!r}")
    return entry


def _memory(text: str) -> str:
    """Return the text. Raise ValueError if it is not a size of memory."""
    if not re.fullmatch(r"[1-9]\d{0,15}([bkmg]b?)?", text):
        raise ValueError(f"a size of memory is a number with a unit, like 256m, not {text!r}")
    return text


def _host_name(text: str) -> str:
    """Return the text. Raise ValueError if it can't be the name of a host (RFC 1123), or is longer
    than Linux allows.
    """
    labels = text.split(".")
    if len(text) > 64 or not all(map(_HOST_LABEL.fullmatch, labels)):  # noqa: PLR2004 utsname(2)
        raise ValueError(f"a host name has letters, digits, dashes and dots, not {text!r}")
    return text


def _signal(text: str) -> str:
    """Return the text. Raise ValueError if it is not like the name or number of a signal."""
    if not re.fullmatch(r"(SIG)?[A-Z][A-Z0-9+-]*|[1-9]\d?", text):
        raise ValueError(f"a signal is a name or a number, like SIGINT, not {text!r}")
    return text


def _address(text: str) -> str:
    """Return the text. Raise ValueError if it is not an IPv4 address."""
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an IPv4 address") from None
    return text


def _service_address(text: str) -> str:
    """Return the address. Raise ValueError if its last number is not from 2 to 127: labs keep this
    number, 1 is nobody's, and clients get those from 128 on.
    """
    if not 2 <= int(_address(text).rpartition(".")[2]) <= 127:  # noqa: PLR2004
        raise ValueError(f"{text} must end in a number from 2 to 127; labs use the others")
    return text


def _subnet(text: str) -> str:
    """Return the text. Raise ValueError if it is not an IPv4 network."""
    try:
        ipaddress.IPv4Network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not an IPv4 network, like 198.18.7.0/24: {error}") from None
    return text


def _words(value: object) -> object:
    """Split a command into words, as a shell does."""
    if not isinstance(value, str):
        return value
    try:
        return tuple(shlex.split(value))
    except ValueError as error:
        raise ValueError(f"can't be split into words: {error}") from None


def _assignments(value: object) -> object:
    """Return variables as a mapping, from either of Compose's two forms."""
    if isinstance(value, tuple):
        return _assignments_of(value)
    if isinstance(value, dict):
        return {key: str(v) if type(v) is int else v for key, v in value.items()}
    return value


def _assignments_of(items: tuple[object, ...]) -> dict[str, str]:
    """Return the variables of a list of NAME=VALUE. Raise ValueError for any other entry."""
    found: dict[str, str] = {}
    for item in items:
        name, equals, text = item.partition("=") if isinstance(item, str) else ("", "", "")
        if not name or not equals:
            raise ValueError(f"each entry must be NAME=VALUE, not {item!r}")
        if name in found:
            raise ValueError(f"{name} is here twice")
        found[name] = text
    return found


def _names(items: tuple[object, ...]) -> list[str]:
    """Return the names in a list. Raise ValueError if an entry is something else."""
    names = [item for item in items if isinstance(item, str)]
    if len(names) != len(items):
        raise ValueError("each entry of this list must be a name")
    return names


def _attachments(value: object) -> object:
    """Return networks as a mapping, from either of Compose's two forms."""
    if isinstance(value, tuple):
        return {name: {} for name in _names(value)}
    if isinstance(value, dict):
        return {name: {} if body is None else body for name, body in value.items()}
    return value


def _dependencies(value: object) -> object:
    """Return dependencies as a mapping, from either of Compose's two forms."""
    return {name: {} for name in _names(value)} if isinstance(value, tuple) else value


def _one_or_more(value: object) -> object:
    """Return a single text as a tuple of one."""
    return (value,) if isinstance(value, str) else value


def _health_test(value: str | tuple[str, ...]) -> str | tuple[str, ...]:
    """Return the command of a health check. Raise ValueError if a list does not begin with CMD or
    CMD-SHELL.
    """
    if isinstance(value, tuple) and value[:1] not in {("CMD",), ("CMD-SHELL",)}:
        raise ValueError("a list must start with CMD or CMD-SHELL")
    return value


Value = Annotated[str, AfterValidator(_no_substitution)]
Filled = Annotated[Text, AfterValidator(_no_substitution)]
Words = Annotated[tuple[Value, ...], BeforeValidator(_words)]
Capability = Annotated[str, AfterValidator(_capability)]
Sysctl = Annotated[str, AfterValidator(_sysctl)]
Tmpfs = Annotated[str, AfterValidator(_tmpfs)]
Memory = Annotated[str, AfterValidator(_memory)]
HostName = Annotated[str, AfterValidator(_host_name)]
Signal = Annotated[str, AfterValidator(_signal)]
WithoutEffect = Annotated[None, BeforeValidator(lambda _: None)]
"""The value of a key that labs have no use for: whatever it is, nothing of it is kept."""
Address = Annotated[str, AfterValidator(_address)]
ServiceAddress = Annotated[str, AfterValidator(_service_address)]
Subnet = Annotated[str, AfterValidator(_subnet)]
HealthTest = Annotated[tuple[Value, ...] | Filled, AfterValidator(_health_test)]

AsAssignments: Final = BeforeValidator(_assignments)
AsAttachments: Final = BeforeValidator(_attachments)
AsDependencies: Final = BeforeValidator(_dependencies)
AsTuple: Final = BeforeValidator(_one_or_more)
