"""The mail server, and what it says of its clients."""

from __future__ import annotations

import smtplib
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.services.program import Program, running

TEXT = "Subject: hello\r\n\r\nhello\r\n"
TWO = ["bob@lab.test", "eve@lab.test"]


@pytest.fixture(scope="module")
def mail() -> Iterator[Program]:
    with running("mail") as program:
        yield program


def said(mail: Program, word: str) -> list[tuple[str, dict[str, Any]]]:
    return [(event["event"], event["detail"]) for event in mail.until_synced(word)]


def test_a_message_and_who_got_it(mail: Program) -> None:
    with smtplib.SMTP("127.0.0.1", mail.port, "me.test", timeout=5) as server:
        assert server.sock
        own = server.sock.getsockname()
        assert server.sendmail("ada@lab.test", TWO, TEXT) == {}
    events = mail.until_synced("a")
    assert {event["peer"] for event in events} == {f"127.0.0.1:{own[1]}"}
    assert [(event["event"], event["detail"]) for event in events] == [
        ("connect", {}),
        ("ehlo", {"name": "me.test"}),
        ("message", {"from": "ada@lab.test", "to": ",".join(TWO), "size": len(TEXT)}),
        ("disconnect", {"error": ""}),
    ]
    times = [event["at_s"] for event in events]
    assert times == sorted(times)


def test_it_greets_as_the_labs_mail_host(mail: Program) -> None:
    with socket.create_connection(("127.0.0.1", mail.port), timeout=5) as sock:
        assert sock.recv(100) == b"220 mail.lab labctl\r\n"
        sock.sendall(b"QUIT\r\n")
        assert sock.recv(100) == b"221 Bye\r\n"
    assert said(mail, "b") == [("connect", {}), ("disconnect", {"error": ""})]


def test_two_messages_of_one_client(mail: Program) -> None:
    with smtplib.SMTP("127.0.0.1", mail.port, timeout=5) as server:
        server.sendmail("ada@lab.test", TWO[:1], TEXT)
        server.sendmail("", TWO[1:], TEXT)
    senders = [detail["from"] for name, detail in said(mail, "c") if name == "message"]
    assert senders == ["ada@lab.test", "<>"]


def test_a_client_that_breaks_off_in_the_middle_of_a_message(mail: Program) -> None:
    with smtplib.SMTP("127.0.0.1", mail.port, timeout=5) as server:
        server.ehlo("me.test")
        server.mail("ada@lab.test")
        server.rcpt("bob@lab.test")
        server.putcmd("data")
        server.getreply()
        server.send("Subject: hel")
        server.close()
    assert [name for name, _ in said(mail, "d")] == ["connect", "ehlo", "disconnect"]


def test_what_a_client_calls_itself_stays_one_line_of_json(mail: Program) -> None:
    name = '","word":"w'
    with smtplib.SMTP("127.0.0.1", mail.port, timeout=5) as server:
        server.ehlo(name)
    assert ("ehlo", {"name": name}) in said(mail, "e")


def test_a_client_that_resets_its_connection(mail: Program) -> None:
    with socket.create_connection(("127.0.0.1", mail.port), timeout=5) as sock:
        sock.recv(100)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert said(mail, "f") == [("connect", {}), ("disconnect", {"error": "ConnectionResetError"})]
