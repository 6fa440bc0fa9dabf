"""The certificates of a lab: one good one, and what can be wrong with others.

The keys that clients trust follow from fixed seeds, so that images agree that were built at
different times. That makes them public: nothing but labs' clients must ever trust them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from labctl.engine.images.hosts import HOSTS

USUAL = "good"
"""The certificate that servers show where nothing else is asked for."""

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the curve P-256."""
_RSA_WITH = bytes.fromhex("2a864886f70d0101")
"""What the names of RSA's signature algorithms begin with."""
_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_SERVER, _CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH


def _year(number: int) -> datetime:
    """Return the first moment of a year."""
    return datetime(number, 1, 1)  # noqa: DTZ001 taken as UTC


def _key(name: str) -> ec.EllipticCurvePrivateKey:
    """Compute a private key from a name: the same name always has the same key."""
    seed = hashlib.sha512(f"labctl, and nobody else: {name}".encode()).digest()
    return ec.derive_private_key(int.from_bytes(seed, "big") % (_ORDER - 1) + 1, ec.SECP256R1())


@dataclass(frozen=True, kw_only=True)
class _Party:
    """A certificate and its key; `chain` is what a server sends after its own."""

    key: _Key
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()

    def pem(self) -> bytes:
        """Return key, certificate and chain in PEM, as a server loads them."""
        key = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return key + b"".join(map(_pem, (self.certificate, *self.chain)))


def _pem(certificate: x509.Certificate) -> bytes:
    """Return a certificate in PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def _name(common: str) -> x509.Name:
    """Return an X.509 name with only a common name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """What is to be in a certificate. Years are those at whose beginning it starts and ends.

    `name` tells it from others; `common` is its common name.
    """

    name: str
    common: str
    hosts: Sequence[str] = ()
    years: tuple[int, int] = (2020, 2120)
    purpose: x509.ObjectIdentifier = _SERVER
    authority: bool = False
    lax: bool = False
    """Basic constraints that are not critical, which X509_STRICT does not take."""
    key: _Key | None = field(default=None, repr=False)


def _make(wanted: _Wanted, issuer: _Party | None, chain: Iterable[x509.Certificate] = ()) -> _Party:
    """Make a key and a certificate that an issuer signs; without an issuer, it signs itself.
    `chain` is what a server sends after it.
    """
    key = wanted.key or _key(wanted.name)
    public = key.public_key()
    signing = issuer.key if issuer else key
    name = _name(wanted.common)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(public)
        .serial_number(_serial_number(wanted.name))
        .not_valid_before(_year(wanted.years[0]))
        .not_valid_after(_year(wanted.years[1]))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()),
            critical=False,
        )
    )
    for extension, critical in _extensions(wanted):
        builder = builder.add_extension(extension, critical=critical)
    deterministic = isinstance(signing, ec.EllipticCurvePrivateKey) or None
    made = builder.sign(signing, hashes.SHA256(), ecdsa_deterministic=deterministic)
    return _Party(key=key, certificate=made, chain=tuple(chain))


def _serial_number(name: str) -> int:
    """Compute the serial number of a certificate from what it is called."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


def _extensions(wanted: _Wanted) -> Iterable[tuple[x509.ExtensionType, bool]]:
    """Yield the certificate's extensions, and whether each is critical."""
    yield x509.BasicConstraints(ca=wanted.authority, path_length=None), not wanted.lax
    signs = wanted.authority
    yield (
        x509.KeyUsage(
            digital_signature=not signs, key_cert_sign=signs, crl_sign=signs,
            content_commitment=False, key_encipherment=False, data_encipherment=False,
            key_agreement=False, encipher_only=False, decipher_only=False,
        ),
        True,
    )  # fmt: skip
    if not wanted.authority:
        yield x509.ExtendedKeyUsage([wanted.purpose]), False
        if wanted.hosts:
            yield x509.SubjectAlternativeName(map(x509.DNSName, wanted.hosts)), False


def _authority(name: str, issuer: _Party | None = None, *, lax: bool = False) -> _Party:
    """Make a certificate authority; without an issuer, it signs itself."""
    wanted = _Wanted(name=name, common=name, years=(2000, 2200), authority=True, lax=lax)
    return _make(wanted, issuer)


def _rsa(size: int) -> rsa.RSAPrivateKey:
    """Make a new RSA key of this many bits."""
    return rsa.generate_private_key(public_exponent=65537, key_size=size)


def _with_sha1(party: _Party, issuer: rsa.RSAPrivateKey) -> _Party:
    """Return the same certificate with a SHA-1 signature, which our library no longer makes.

    Both algorithms' names have the same length, and so have the signatures: they are exchanged in
    the encoded certificate.
    """
    der = party.certificate.public_bytes(serialization.Encoding.DER)
    sha256, sha1 = _RSA_WITH + b"\x0b", _RSA_WITH + b"\x05"
    signed = party.certificate.tbs_certificate_bytes.replace(sha256, sha1)
    signature = issuer.sign(signed, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 on purpose
    made = x509.load_der_x509_certificate(der.replace(sha256, sha1)[: -len(signature)] + signature)
    return replace(party, certificate=made)


def root() -> bytes:
    """Return the certificate of the authority that clients trust, as PEM."""
    return _pem(_root().certificate)


def _root() -> _Party:
    """Make the authority that clients trust."""
    return _authority("labctl lab CA")


def revocations() -> bytes:
    """Return the root's list of revoked certificates, as PEM."""
    issuer = _root()
    revoked = (
        x509.RevokedCertificateBuilder()
        .serial_number(_serial_number("revoked"))
        .revocation_date(_year(2021))
        .build()
    )
    made = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(_year(2021))
        .next_update(_year(2120))
        .add_revoked_certificate(revoked)
        .add_extension(x509.CRLNumber(1), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()),
            critical=False,
        )
        .sign(issuer.key, hashes.SHA256(), ecdsa_deterministic=True)
    )
    return made.public_bytes(serialization.Encoding.PEM)


def servers() -> dict[str, bytes]:
    """Make every certificate that labctl's own servers can have. Return the PEM (key, certificate,
    chain) by name.
    """
    return {name: make() for name, make in server_certificates(HOSTS).items()}


def server_certificates(hosts: Sequence[str]) -> dict[str, Callable[[], bytes]]:
    """Return what makes each certificate that a server with these names can have, as PEM (key,
    certificate, chain), by name. The first of the hosts is the common name.
    """
    lab, stranger = _root(), _authority("a stranger's CA")
    middle, lax = _authority("lab CA in the middle", lab), _authority("lax CA", lab, lax=True)
    one = partial(_Wanted, common=hosts[0], hosts=hosts)
    parties: dict[str, Callable[[], _Party]] = {
        USUAL: lambda: _make(one(name=USUAL), lab),
        "chain": lambda: _make(one(name="chain"), middle, [middle.certificate]),
        "expired": lambda: _make(one(name="expired", years=(2020, 2021)), lab),
        "not-yet-valid": lambda: _make(one(name="not-yet-valid", years=(2100, 2120)), lab),
        "wrong-host": lambda: _make(one(name="wrong-host", hosts=(_other(hosts),)), lab),
        "no-san": lambda: _make(one(name="no-san", hosts=()), lab),
        "self-signed": lambda: _make(one(name="self-signed"), None),
        "untrusted-root": lambda: _make(one(name="untrusted-root"), stranger),
        "untrusted-root-sent": lambda: _make(
            one(name="untrusted-root-sent"), stranger, [stranger.certificate]
        ),
        "missing-intermediate": lambda: _make(one(name="missing-intermediate"), middle),
        "wrong-purpose": lambda: _make(one(name="wrong-purpose", purpose=_CLIENT), lab),
        "weak-key": lambda: _make(one(name="weak-key", key=_rsa(1024)), lab),
        "sha1-signature": lambda: _sha1_signature(one(name="sha1"), lab),
        "lax-ca": lambda: _make(one(name="lax-ca"), lax, [lax.certificate]),
        "revoked": lambda: _make(one(name="revoked"), lab),
    }
    return {name: partial(_pem_of, make) for name, make in parties.items()}


def _pem_of(make: Callable[[], _Party]) -> bytes:
    """Make a certificate, and return it as PEM."""
    return make().pem()


def _other(hosts: Sequence[str]) -> str:
    """Return a name that is none of the hosts."""
    name = "other.lab"
    while name in hosts:
        name = f"another.{name}"
    return name


def _sha1_signature(wanted: _Wanted, lab: _Party) -> _Party:
    """Make a certificate with a SHA-1 signature, of an authority that the lab's one has signed."""
    key = _rsa(2048)
    old = _make(_Wanted(name="old CA", common="old CA", authority=True, key=key), lab)
    return _with_sha1(_make(wanted, old, [old.certificate]), key)
