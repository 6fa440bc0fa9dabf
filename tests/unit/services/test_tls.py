"""TLS in scripts: what clients make of each certificate and each fault."""

from __future__ import annotations

import contextlib
import select
import smtplib
import ssl
import sys
from pathlib import Path
from typing import Any

import pytest

from labctl.engine.own_certificates import own_certificates
from labctl.model.compose import Attachment, Service
from labctl.services import ports
from labctl.services.settings import WrongScript
from tests.unit.services.certificates import client
from tests.unit.services.program import Program
from tests.unit.services.scripted import connect, said, serving, until_end

ECHO = "{read: line}, {send: hello}"
LAX_CA = 89 if sys.version_info >= (3, 13) else 0


def serving_tls(folder: Path, options: str, rest: str = ECHO) -> Any:
    return serving(f"[{{tls: {{{options}}}}}, {rest}]", LAB_CERTIFICATES=str(folder))


def talk(port: int, context: ssl.SSLContext, host: str = "tls.lab") -> bytes:
    with connect(port) as sock, context.wrap_socket(sock, server_hostname=host) as inside:
        inside.sendall(b"hi\n")
        return b"".join(iter(lambda: inside.recv(100), b""))


def handshake(program: Program) -> dict[str, Any]:
    (found,) = [detail for name, detail in said(program) if name == "tls"]
    return found


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize("cert", ["good", "chain", "no-san"])
def test_good_ones_just_work(folder: Path, cert: str, version: str) -> None:
    options = f"cert: {cert}, min: {version}, max: {version}"
    with serving_tls(folder, options) as (program, port):
        for number in range(10):
            assert talk(port, client(folder)) == b"hello"
            events = said(program, str(number))
            assert events[1] == ("tls", {"version": version, "error": ""})
            assert [name for name, _ in events] == ["connect", "tls", "read", "disconnect"]


@pytest.mark.parametrize("options", ["min: TLSv1.3, max: TLSv1.3", "max: TLSv1.3, min: TLSv1.3"])
def test_a_lowest_version_holds_whatever_the_order_of_the_options(
    folder: Path, options: str
) -> None:
    old = client(folder)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with serving_tls(folder, options) as (_, port), pytest.raises(ssl.SSLError):
        talk(port, old)


def test_after_the_handshake_nothing_is_left_that_would_make_a_clients_fin_a_rst(
    folder: Path,
) -> None:
    with (
        serving_tls(folder, "", "hold") as (_, port),
        connect(port) as sock,
        client(folder).wrap_socket(sock, server_hostname="tls.lab") as inside,
    ):
        assert inside.version() == "TLSv1.3"
        assert select.select([inside], [], [], 0.3)[0] == []


BAD = [
    ("expired", 10),
    ("not-yet-valid", 9),
    ("self-signed", 18),
    ("wrong-host", 62),
    ("untrusted-root", 20),
    ("untrusted-root-sent", 19),
    ("missing-intermediate", 20),
    ("wrong-purpose", 26),
    ("weak-key", 66),
    ("sha1-signature", 68),
]
"""Certificates that are refused, each with OpenSSL's reason."""


@pytest.mark.parametrize(
    ("cert", "host", "code"),
    [
        *((cert, "tls.lab", code) for cert, code in BAD),
        ("good", "127.0.0.1", 64),
        ("lax-ca", "tls.lab", LAX_CA),
    ],
)
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_bad_ones_are_refused_for_their_own_reason(
    folder: Path, cert: str, host: str, code: int, version: str
) -> None:
    with serving_tls(folder, f"cert: {cert}, max: {version}") as (program, port):
        if not code:
            assert talk(port, client(folder), host) == b"hello"
            return
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            talk(port, client(folder), host)
        assert caught.value.verify_code == code
        assert "_ALERT_" in handshake(program)["error"]


def own(script: str, *names: str) -> dict[str, str]:
    """What labctl adds to the environment of a service with these names."""
    networks = {"lab": Attachment(aliases=names)}
    service = Service(image="labctl/lab", environment={"LAB_PORTS": script}, networks=networks)
    return own_certificates(service)


@pytest.mark.parametrize("host", ["shop.lab", "www.shop.lab", "tls.lab"])
@pytest.mark.parametrize("cert", ["good", "chain", "lax-ca", "revoked"])
def test_names_of_ones_own_are_in_the_certificate(folder: Path, cert: str, host: str) -> None:
    steps = f"[{{tls: {{cert: {cert}}}}}, {ECHO}]"
    variables = own(steps, "shop.lab", "www.shop.lab")
    relaxed = client(folder)
    relaxed.verify_flags &= ~ssl.VERIFY_X509_STRICT
    with serving(steps, LAB_CERTIFICATES=str(folder), **variables) as (_, port):
        assert talk(port, relaxed, host) == b"hello"


def test_a_certificate_without_alternative_names_has_the_first_name(folder: Path) -> None:
    steps = f"[{{tls: {{cert: no-san}}}}, {ECHO}]"
    variables = own(steps, "shop.lab", "www.shop.lab")
    with serving(steps, LAB_CERTIFICATES=str(folder), **variables) as (_, port):
        assert talk(port, client(folder), "shop.lab") == b"hello"
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            talk(port, client(folder), "www.shop.lab")


@pytest.mark.parametrize(("cert", "code"), [*BAD, ("lax-ca", LAX_CA), ("no-san", 0)])
def test_a_bad_certificate_is_as_bad_with_names_of_ones_own(
    folder: Path, cert: str, code: int
) -> None:
    """Even where a server has the name that the certificate for the wrong host is for."""
    steps = f"[{{tls: {{cert: {cert}}}}}, {ECHO}]"
    variables = own(steps, "other.lab")
    with serving(steps, LAB_CERTIFICATES=str(folder), **variables) as (_, port):
        if not code:
            assert talk(port, client(folder), "other.lab") == b"hello"
            return
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            talk(port, client(folder), "other.lab")
        assert caught.value.verify_code == code


def test_one_that_was_revoked_is_so_with_a_name_of_ones_own(folder: Path) -> None:
    steps = f"[{{tls: {{cert: revoked}}}}, {ECHO}]"
    careful = client(folder)
    careful.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    careful.load_verify_locations(folder / "revoked.pem")
    with (
        serving(steps, LAB_CERTIFICATES=str(folder), **own(steps, "shop.lab")) as (_, port),
        pytest.raises(ssl.SSLCertVerificationError) as caught,
    ):
        talk(port, careful, "shop.lab")
    assert caught.value.verify_code == 23


def test_an_old_way_to_make_authorities_is_refused_by_strict_clients(folder: Path) -> None:
    strict = client(folder)
    strict.verify_flags |= ssl.VERIFY_X509_STRICT
    with serving_tls(folder, "cert: good") as (_, port):
        assert talk(port, strict) == b"hello"
    with serving_tls(folder, "cert: lax-ca") as (_, port):
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            talk(port, strict)
        assert caught.value.verify_code == 89


@pytest.mark.parametrize(("cert", "lists", "code"), [
    ("revoked", True, 23), ("good", True, 0), ("good", False, 3), ("revoked", None, 0),
])  # fmt: skip
def test_revocation(folder: Path, cert: str, lists: bool | None, code: int) -> None:
    careful = client(folder)
    if lists is not None:
        careful.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    if lists:
        careful.load_verify_locations(folder / "revoked.pem")
    with serving_tls(folder, f"cert: {cert}") as (_, port):
        if not code:
            assert talk(port, careful) == b"hello"
            return
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            talk(port, careful)
        assert caught.value.verify_code == code


@pytest.mark.parametrize(
    ("options", "reason", "ours"),
    [
        ("max: TLSv1.1", "TLSV1_ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL"),
        (
            "max: TLSv1.2, ciphers: AES128-SHA256",
            "SSLV3_ALERT_HANDSHAKE_FAILURE", "NO_SHARED_CIPHER",
        ),
        ("sni: reject", "TLSV1_UNRECOGNIZED_NAME", "CALLBACK_FAILED"),
    ],
)  # fmt: skip
def test_alerts_arrive(folder: Path, options: str, reason: str, ours: str) -> None:
    with serving_tls(folder, options) as (program, port):
        for number in range(20):
            with pytest.raises(ssl.SSLError) as caught:
                talk(port, client(folder))
            assert caught.value.reason == reason
            assert said(program, str(number))[1:] == [
                ("tls", {"version": "", "error": ours}),
                ("disconnect", {"by": "server"}),
            ]


def test_a_missing_client_certificate_is_told_in_the_handshake_or_after_it(folder: Path) -> None:
    old = client(folder)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with serving_tls(folder, "client-cert: true") as (program, port):
        with pytest.raises(ssl.SSLError) as caught:
            talk(port, old)
        assert caught.value.reason == "SSLV3_ALERT_HANDSHAKE_FAILURE"
        with connect(port) as sock:
            inside = client(folder).wrap_socket(sock, server_hostname="tls.lab")
            with inside, pytest.raises(ssl.SSLError) as caught:
                inside.recv(1)
        assert caught.value.reason == "TLSV13_ALERT_CERTIFICATE_REQUIRED"
        errors = [detail["error"] for name, detail in said(program) if name == "tls"]
        assert errors == ["PEER_DID_NOT_RETURN_A_CERTIFICATE"] * 2


def test_a_client_that_leaves_in_the_handshake(folder: Path) -> None:
    with serving_tls(folder, "") as (program, port):
        connect(port).close()
        assert said(program) == [
            ("connect", {}), ("tls", {"version": "", "error": "EOF"}),
            ("disconnect", {"by": "client"}),
        ]  # fmt: skip


def test_what_is_no_tls_gets_an_alert(folder: Path) -> None:
    with serving_tls(folder, "") as (program, port):
        with connect(port) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                until_end(sock)
        assert handshake(program)["error"] == "HTTP_REQUEST"


def test_truncation_is_an_end_without_close_notify(folder: Path) -> None:
    with (
        serving_tls(folder, "", f"{ECHO}, shut, hold") as (program, port),
        connect(port) as sock,
        client(folder).wrap_socket(
            sock, server_hostname="tls.lab", suppress_ragged_eofs=False
        ) as inside,
    ):
        inside.sendall(b"hi\n")
        assert inside.recv(5) == b"hello"
        with pytest.raises(ssl.SSLEOFError):
            inside.recv(1)
        inside.close()
        assert said(program)[-1] == ("disconnect", {"by": "client"})


def test_a_good_end_has_one(folder: Path) -> None:
    with (
        serving_tls(folder, "", "{send: hello}") as (_, port),
        connect(port) as sock,
        client(folder).wrap_socket(
            sock, server_hostname="tls.lab", suppress_ragged_eofs=False
        ) as inside,
    ):
        assert inside.recv(5) == b"hello"
        assert inside.recv(1) == b""


def test_a_corrupt_record(folder: Path) -> None:
    with serving_tls(folder, "", "{send: good}, {corrupt: bad}") as (_, port):
        with connect(port) as sock:
            inside = client(folder).wrap_socket(sock, server_hostname="tls.lab")
            with inside:
                assert inside.recv(4) == b"good"
                with pytest.raises(ssl.SSLError) as caught:
                    inside.recv(4)
        assert caught.value.reason in (
            "DECRYPTION_FAILED_OR_BAD_RECORD_MAC", "RECORD_LAYER_FAILURE"
        )  # fmt: skip


def test_reading_inside_is_exact_too(folder: Path) -> None:
    rest = '{read: 2}, {read: {until: "d\\n"}}, {read: line}, {send: ok}'
    with serving_tls(folder, "", rest) as (program, port):
        with (
            connect(port) as sock,
            client(folder).wrap_socket(sock, server_hostname="tls.lab") as inside,
        ):
            inside.sendall(b"abc\nd\nlast\n")
            assert inside.recv(2) == b"ok"
        texts = [detail["text"] for name, detail in said(program) if name == "read"]
        assert texts == ["ab", "c", "last"]


@pytest.mark.parametrize("cert", ["good", "expired"])
def test_a_mail_server_that_starts_tls(folder: Path, cert: str) -> None:
    ehlo = 'EHLO: "250-smtp.lab\\n250 STARTTLS"'
    starttls = f'STARTTLS: [{{send: "220 go\\r\\n"}}, {{tls: {{cert: {cert}}}}}]'
    script = f"[{{dialogue: smtp, {ehlo}, {starttls}}}]"
    with (
        serving(script, LAB_CERTIFICATES=str(folder)) as (_, port),
        smtplib.SMTP("127.0.0.1", port, timeout=5) as server,
    ):
        server._host = "smtp.lab"  # type: ignore[attr-defined]  # noqa: SLF001
        if cert == "good":
            server.starttls(context=client(folder))
            assert server.noop()[0] == 250
        else:
            with pytest.raises(ssl.SSLCertVerificationError):
                server.starttls(context=client(folder))
            server.close()


@pytest.mark.parametrize(
    ("step", "wrong"),
    [
        ("{tls: {cert: bad}}", "tls: cert: there is no certificate 'bad'; there are chain, "),
        ("{tls: {crt: good}}", "tls: there is no 'crt'; there are cert, min, max, ciphers, "),
        ("{tls: {min: SSLv3}}", "tls: min: must be one of TLSv1, TLSv1.1, TLSv1.2, TLSv1.3, "),
        ("{tls: {ciphers: NONE}}", "tls: ciphers: OpenSSL does not take it: No cipher can be "),
        ("{tls: {client-cert: 1}}", "tls: client-cert: must be true, not 1"),
        ("{tls: {sni: no}}", "tls: sni: must be one of reject, not False"),
        ("{tls: good}", "tls: must be a mapping, not 'good'"),
        ("{corrupt: a}", "corrupt is for what is inside of tls, which no step begins"),
    ],
)
def test_wrong_options(
    step: str, wrong: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_CERTIFICATES", str(folder))
    with pytest.raises(WrongScript) as caught:
        ports.parse(f"2001: [{step}]")
    assert str(caught.value).startswith(f"port 2001: step 1: {wrong}")
