"""Certificates of an engine behind TLS, and of its clients, as DOCKER_CERT_PATH has them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def write_certificates(folder: Path) -> None:
    """All files that an engine and its clients need: `ca.pem`, `server.pem` with its key, and
    `cert.pem` with `key.pem` for clients.
    """
    root_key, root = _certificate("root", None)
    (folder / "ca.pem").write_bytes(_pem(root))
    for name in ("client", "server"):
        key, certificate = _certificate(name, (root_key, root))
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        if name == "server":
            (folder / "server.pem").write_bytes(private + _pem(certificate))
        else:
            (folder / "key.pem").write_bytes(private)
            (folder / "cert.pem").write_bytes(_pem(certificate))


_Issuer = tuple[ec.EllipticCurvePrivateKey, x509.Certificate]


def _certificate(name: str, issuer: _Issuer | None) -> _Issuer:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[1].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    )
    return key, builder.sign(issuer[0] if issuer else key, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
