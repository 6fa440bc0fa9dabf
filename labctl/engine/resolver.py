"""What a lab's containers have in their /etc/resolv.conf. Pure."""

from __future__ import annotations

# `no-reload`: Docker touches the file when a container joins a namespace. A client that runs at
# that moment would read it again at its next look-up, and find no name where it has no file
# descriptor left.
OPTIONS = ("timeout:1", "attempts:1", "no-reload")


def resolv_conf(name_server: str) -> str:
    """Return the file's text, for the address of the lab's name server."""
    return f"nameserver {name_server}\noptions {' '.join(OPTIONS)}\n"
