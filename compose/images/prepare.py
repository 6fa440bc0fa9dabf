"""The last step in making an image: run once inside it, by the interpreter that it is for.

Compiles what will be imported, since the root is read-only when the image is used, and sees that
the interpreter's OpenSSL finds the certificate authorities where it looks for them, the lab's
among them.
"""

from __future__ import annotations

import compileall
import re
import ssl
import sys
import sysconfig
from pathlib import Path
from py_compile import PycInvalidationMode

NEVER_IMPORTED = re.compile(r"/(?:site-packages|dist-packages|tests?|idlelib|lib2to3|turtledemo)/")
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
LAB_AUTHORITY = Path("/labctl/authority.pem")
DEBIAN_AUTHORITIES = Path("/usr/share/ca-certificates/mozilla")


def compile_all() -> bool:
    """Compile the standard library and labctl's own files; whether the latter are all right."""
    compileall.compile_dir(sysconfig.get_path("stdlib"), rx=NEVER_IMPORTED, quiet=2)
    compiled = compileall.compile_dir(
        "/labctl", quiet=1, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH
    )
    return bool(compiled)


def place_certificates() -> None:
    """Debian's package makes the bundle after it is unpacked; here, nothing runs by then."""
    BUNDLE.parent.mkdir(parents=True, exist_ok=True)
    if not BUNDLE.exists() and DEBIAN_AUTHORITIES.is_dir():
        files = sorted(DEBIAN_AUTHORITIES.glob("*.crt"))
        BUNDLE.write_bytes(b"".join(file.read_bytes() for file in files))
    with BUNDLE.open("ab") as bundle:
        bundle.write(LAB_AUTHORITY.read_bytes())
    expected = Path(ssl.get_default_verify_paths().openssl_cafile)
    if not expected.exists():
        expected.parent.mkdir(parents=True, exist_ok=True)
        if expected.is_symlink():
            expected.unlink()
        expected.symlink_to(BUNDLE)


def main() -> int:
    """The exit status of the step."""
    Path(__file__).unlink()
    place_certificates()
    return 0 if compile_all() else 1


if __name__ == "__main__":
    sys.exit(main())
