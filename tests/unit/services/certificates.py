"""A folder of certificates as the lab image has it, and clients that trust the lab's authority."""

from __future__ import annotations

import ssl
from pathlib import Path

from labctl.engine.images import certificates


def write(folder: Path) -> Path:
    """All that there are, as LAB_CERTIFICATES wants them."""
    (folder / "certificates").mkdir()
    (folder / "authority.pem").write_bytes(certificates.root())
    (folder / "revoked.pem").write_bytes(certificates.revocations())
    for name, pem in certificates.servers().items():
        (folder / "certificates" / f"{name}.pem").write_bytes(pem)
    return folder


def client(folder: Path) -> ssl.SSLContext:
    """What `ssl.create_default_context()` is in a client's container."""
    return ssl.create_default_context(cafile=folder / "authority.pem")
