"""Hosts that nothing in the lab is called, where that can't be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from labctl.load.bundled import bundled_compose
from labctl.load.scenario import load_scenario
from tests.unit.load.texts import hint, mistakes, write

SCENARIO = """name: own
title: t
layer: smtp
story: s
services: [mail]
target: {host: TARGET, port: 25}
attempts:
  socket:
    client: "pass  # for Other.lab"
    expect:
      returns: ...
      wire:
        - LINE
"""
BUILTIN = bundled_compose()
WIRE = "own.yaml:13: attempts.socket.expect.wire[0]: nothing in the lab is called"


def written(line: str = "tcp 127.0.0.1:25 closed", target: str = "mail.lab") -> Path:
    return write("own.yaml", SCENARIO.replace("LINE", line).replace("TARGET", target))


@pytest.mark.parametrize(
    "line",
    [
        "dns mail.lab A answered",
        "dns MAIL.lab A answered",
        "tcp dns.lab:53 closed",
        "tcp 198.18.0.13:25 closed",
        "'tcp [::1]:25 refused'",
        "udp localhost:25 unreachable",
        "dns other.lab A answered",
        "tcp other.lab:25 closed",
        "arp 198.18.0.99 unanswered",
        "dns nobody-there.lab A nxdomain",
        "dns www.mail.lab A nxdomain",
        "dns elsewhere.lab A servfail",
        "dns elsewhere.lab A unanswered",
    ],
)
def test_hosts_that_are_right(line: str) -> None:
    assert load_scenario(written(line), builtin_compose=BUILTIN).name == "own"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("tcp mial.lab:25 closed", '"mial.lab"; did you mean "mail.lab"?'),
        ("dns mial.lab A nxdomain", '"mial.lab"; did you mean "mail.lab"?'),
        ("dns mail A answered", '"mail"; it has dns.lab, mail.lab'),
        ("udp smtp.lab:25 answered", '"smtp.lab"; it has dns.lab, mail.lab'),
        ("arp smtp.lab unanswered", '"smtp.lab"; it has dns.lab, mail.lab'),
        ("tcp closed.lab:25 refused", '"closed.lab"; it has dns.lab, mail.lab'),
    ],
)
def test_hosts_that_are_wrong(line: str, message: str) -> None:
    path = written(line)
    assert mistakes(lambda: load_scenario(path, builtin_compose=BUILTIN)) == [f"{WIRE} {message}"]
    assert hint(lambda: load_scenario(path, builtin_compose=BUILTIN)) == (
        "a name that a client makes up must stand in its source, in a comment at least"
    )


@pytest.mark.parametrize("target", ["no-such-host.lab", "127.0.0.1", "www.mail.lab", "othr.lab"])
def test_targets_need_not_exist(target: str) -> None:
    load_scenario(written(f"dns {target} A nxdomain", target), builtin_compose=BUILTIN)


def test_a_target_that_is_misspelt() -> None:
    path = written("dns mail.lab A answered", "mial.lab")
    assert mistakes(lambda: load_scenario(path, builtin_compose=BUILTIN)) == [
        'own.yaml:6: target.host: nothing in the lab is called "mial.lab"; did you mean "mail.lab"?'
    ]


def test_a_target_that_is_to_be_denied_is_right_however_close_to_another() -> None:
    load_scenario(written("dns mial.lab A nxdomain", "mial.lab"), builtin_compose=BUILTIN)


def test_a_name_server_of_ones_own_may_know_any_name() -> None:
    write("own-lab.yaml", "services: {mail: {image: x}, dns: {image: x}}")
    text = written("dns anything.lab A answered", "mail").read_text("utf-8")
    path = write("own.yaml", text.replace("layer:", "compose: ./own-lab.yaml\nlayer:"))
    load_scenario(path, builtin_compose=BUILTIN)


@pytest.mark.parametrize(
    ("services", "message"),
    [
        ("servces: [mail]", "unknown key"),
        ("services: [mial]", "no service is called"),
        ("services: mail", "must be a list"),
    ],
)
def test_nothing_is_told_that_only_follows_from_misspelt_services(
    services: str, message: str
) -> None:
    text = written("tcp mail.lab:25 closed", "dns.lab").read_text("utf-8")
    path = write("own.yaml", text.replace("services: [mail]", services))
    (told,) = mistakes(lambda: load_scenario(path, builtin_compose=BUILTIN))
    assert message in told
