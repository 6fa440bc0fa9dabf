"""Dialogues: honest clients get on with them, and every reply can be another."""

from __future__ import annotations

import ftplib
import imaplib
import io
import poplib
import smtplib
from typing import Any

import pytest

from tests.unit.services.program import free_port, running
from tests.unit.services.scripted import connect, said, serving, until_end

TEXT = "Subject: hello\r\n\r\nhello\r\n.dot\r\n"
TWO = ["bob@lab.test", "eve@lab.test"]


def smtp(port: int) -> smtplib.SMTP:
    return smtplib.SMTP("127.0.0.1", port, "me.test", timeout=5)


def commands(events: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return [f"{d['verb']} {d['text']}".strip() for name, d in events if name == "command"]


def test_an_honest_session_of_smtp() -> None:
    with serving("[{dialogue: smtp}]") as (program, port):
        with smtp(port) as server:
            assert server.sendmail("ada@lab.test", TWO, TEXT) == {}
            assert server.sendmail("ada@lab.test", TWO[:1], "") == {}
        events = said(program)
        assert [name for name, _ in events] == [
            "connect", *["command"] * 5, "message", *["command"] * 3, "message", "command",
            "disconnect",
        ]  # fmt: skip
        assert commands(events)[:5] == [
            "EHLO me.test", "MAIL FROM:<ada@lab.test>", "RCPT TO:<bob@lab.test>",
            "RCPT TO:<eve@lab.test>", "DATA",
        ]  # fmt: skip
        assert events[6] == ("message", {"size": len(TEXT) + 1})
        assert events[-1] == ("disconnect", {"by": "server"})


@pytest.mark.parametrize(
    ("overrides", "error", "code"),
    [
        ('greeting: "554 no"', smtplib.SMTPConnectError, 554),
        ('EHLO: "502 no", HELO: "550 no"', smtplib.SMTPHeloError, 550),
        ('MAIL: "552 too large"', smtplib.SMTPSenderRefused, 552),
        ('MAIL: [{send: "421 bye\\r\\n"}, close]', smtplib.SMTPSenderRefused, 421),
        ('RCPT: "451 later"', smtplib.SMTPRecipientsRefused, 451),
        ('DATA: "554 no"', smtplib.SMTPDataError, 554),
        ('DATA-END: "554 spam"', smtplib.SMTPDataError, 554),
        ("DATA-END: [close]", smtplib.SMTPServerDisconnected, None),
        ("DATA: [reset]", smtplib.SMTPServerDisconnected, None),
    ],
)
def test_smtp_refuses_where_a_script_says_so(
    overrides: str, error: type[Exception], code: int | None
) -> None:
    with serving(f"[{{dialogue: smtp, {overrides}}}]") as (_, port):
        with pytest.raises(error) as caught, smtp(port) as server:
            server.sendmail("ada@lab.test", TWO, TEXT)
        found = caught.value
        if isinstance(found, smtplib.SMTPRecipientsRefused):
            assert {told[0] for told in found.recipients.values()} == {code}
        else:
            assert getattr(found, "smtp_code", None) == code


def test_some_recipients_are_refused_and_the_others_are_not() -> None:
    rcpt = 'RCPT: {"<eve@": "550 no such user"}'
    with serving(f"[{{dialogue: smtp, {rcpt}}}]") as (program, port):
        with smtp(port) as server:
            refused = server.sendmail("ada@lab.test", TWO, TEXT)
        assert refused == {"eve@lab.test": (550, b"no such user")}
        assert "message" in [name for name, _ in said(program)]


@pytest.mark.parametrize(
    ("mechanism", "replies", "works"),
    [
        ("PLAIN", "", True),
        ("PLAIN", ', AUTH: "535 wrong"', False),
        ("CRAM-MD5", ', AUTH: "334 PDEyMz4="', True),
        ("CRAM-MD5", ', AUTH: "334 PDEyMz4=", MORE: "535 wrong"', False),
        ("LOGIN", ', AUTH: "334 UGFzc3dvcmQ6"', True),
    ],
)
def test_smtp_authentication(mechanism: str, replies: str, works: bool) -> None:
    ehlo = f'EHLO: "250-smtp.lab\\n250 AUTH {mechanism}"'
    with serving(f"[{{dialogue: smtp, {ehlo}{replies}}}]") as (_, port), smtp(port) as server:
        if works:
            assert server.login("ada", "secret")[0] == 235
        else:
            with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
                server.login("ada", "secret")
            assert caught.value.smtp_code == 535


def test_steps_that_do_not_end_a_connection_go_on_with_the_dialogue() -> None:
    noop = 'NOOP: [{send: "250 o"}, {wait: 0.05}, {send: "k\\r\\n"}]'
    with serving(f"[{{dialogue: smtp, {noop}}}]") as (_, port), smtp(port) as server:
        assert server.noop() == server.noop() == (250, b"ok")


def test_commands_read_the_same_in_whatever_letters_pythons_write_them() -> None:
    with serving("[{dialogue: smtp}]") as (program, port):
        with connect(port) as sock:
            sock.sendall(b"mail from:<Ada@lab.test>\r\nQUIT\r\n")
            until_end(sock)
        assert commands(said(program))[0] == "MAIL FROM:<Ada@lab.test>"


def test_unknown_commands_of_any_kind() -> None:
    with serving('[{dialogue: smtp, XFOO: "250 foo"}]') as (program, port):
        with connect(port) as sock:
            sock.sendall(b"xfoo a b\r\nBAR\r\n\r\n\xff\r\nQUIT\r\n")
            assert until_end(sock).splitlines() == [
                b"220 smtp.lab ready", b"250 foo", *[b"502 no such command"] * 3, b"221 bye",
            ]  # fmt: skip
        assert commands(said(program)) == ["XFOO a b", "BAR", "", "\\XFF", "QUIT"]


def test_an_honest_session_of_ftp() -> None:
    data, port = free_port(), free_port()
    script = f'{port}: [{{dialogue: ftp, data: {data}}}]\n{data}: [{{send: "a.txt\\r\\n"}}, close]'
    with running("script", LAB_PORTS=script) as program, ftplib.FTP(timeout=5) as ftp:  # noqa: S321
        ftp.connect("127.0.0.1", port)
        ftp.login("ada", "secret")
        assert ftp.nlst() == ["a.txt"]
        got = io.BytesIO()
        assert ftp.retrbinary("RETR a.txt", got.write) == "226 done"
        assert got.getvalue() == b"a.txt\r\n"
        assert ftp.pwd() == "/"
        assert ftp.quit() == "221 bye"
        assert commands(said(program)) == [
            "USER ada", "PASS secret", "TYPE A", "PASV", "NLST", "TYPE I", "PASV", "RETR a.txt",
            "PWD", "QUIT",
        ]  # fmt: skip


def test_ftp_without_anybody_on_its_data_port() -> None:
    with (
        serving(f"[{{dialogue: ftp, data: {free_port()}}}]") as (_, port),
        ftplib.FTP(timeout=5) as ftp,  # noqa: S321
    ):
        ftp.connect("127.0.0.1", port)
        ftp.login()
        with pytest.raises(ConnectionRefusedError):
            ftp.nlst()


def test_an_honest_session_of_pop3() -> None:
    with serving("[{dialogue: pop3}]") as (_, port):
        box = poplib.POP3("127.0.0.1", port, timeout=5)
        box.user("ada")
        assert box.pass_("secret") == b"+OK logged in"
        assert box.stat() == (1, 22)
        assert box.list()[1] == [b"1 22"]
        assert box.retr(1)[1] == [b"Subject: hello", b"", b"hello"]
        assert box.quit() == b"+OK bye"


def test_an_honest_session_of_imap() -> None:
    with serving("[{dialogue: imap}]") as (program, port):
        with imaplib.IMAP4("127.0.0.1", port, timeout=5) as box:
            box.login("ada", "secret")
            assert box.select() == ("OK", [b"1"])
            assert box.search(None, "ALL") == ("OK", [b"1"])
            _, ((_, message), _) = box.fetch("1", "(RFC822)")  # type: ignore[misc]
            assert message == b"Subject: hello\r\n\r\nhello"
        assert commands(said(program))[:2] == ["CAPABILITY", 'LOGIN ada "secret"']


@pytest.mark.parametrize(
    ("overrides", "error"),
    [
        ('LOGIN: "NO wrong password"', "wrong password"),
        ('LOGIN: "* BYE going\\nNO bye"', "going"),
        ("LOGIN: [close]", "EOF"),
        ('greeting: "* BYE busy"', "BYE busy"),
    ],
)
def test_imap_refuses_where_a_script_says_so(overrides: str, error: str) -> None:
    with (
        serving(f"[{{dialogue: imap, {overrides}}}]") as (_, port),
        pytest.raises(imaplib.IMAP4.error, match=error),
    ):
        log_in(port)


def log_in(port: int) -> None:
    box = imaplib.IMAP4("127.0.0.1", port, timeout=5)
    try:
        box.login("ada", "secret")
    finally:
        box.shutdown()
