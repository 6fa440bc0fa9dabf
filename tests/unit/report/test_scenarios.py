"""Scenarios, listed and shown."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from labctl.model.scenario import Target
from labctl.report.expectation import expectation_lines
from labctl.report.scenarios import render_scenario, render_scenarios, scenario_json, scenarios_json
from labctl.report.topology import draw_topology
from tests.unit.judge.samples import attempt, expectation, returning, scenario, service
from tests.unit.report.rendered import text_of

WIRE = expectation(wire=["dns closed.lab A answered", "tcp closed.lab:2525 refused"])


def test_the_list() -> None:
    mail = scenario(
        "working-smtp-with-a-name-that-is-long",
        title="A mail server that works as it should",
        layer="smtp",
        attempts=(
            attempt("smtplib", returning()),
            attempt("create_connection", returning()),
            attempt("asyncio", expectation(raises="smtplib.SMTPServerDisconnected", attrs=None)),
        ),
    )
    assert text_of(render_scenarios([scenario(), mail])) == (
        """\
name                          layer  title
refused-port                  tcp    Nothing listens on the port
                                       clients: smtplib
                                       expects: ConnectionRefusedError
working-smtp-with-a-name-tha  smtp   A mail server that works as it should
t-is-long                              clients: smtplib, create_connection,
                                       asyncio
                                       expects: returns, SMTPServerDisconnected

2 scenarios"""
    )


def test_a_scenario_is_told() -> None:
    variants = (WIRE, expectation(raises="OSError", python="<3.11", stack=None, attrs=None))
    one = scenario(attempts=(attempt("smtplib", *variants),))
    assert text_of(render_scenario(one)) == (
        """\
refused-port  Nothing listens on the port
layer tcp, tags core, scenarios/tcp/refused-port.yaml

The host is up, but no process listens on the port.

  client ├─ dns closed.lab A answered ─────────────────▶ dns (dns.lab)
         ╰─ tcp closed.lab:2525 refused ───────────────▶ closed (closed.lab)

client smtplib
   1 │ import smtplib
   2 │ smtplib.SMTP("closed.lab", 2525, timeout=5)
  expected:
    raises ConnectionRefusedError
      errno ECONNREFUSED
    the stack
      smtplib:SMTP.__init__
      smtplib:SMTP.connect
      smtplib:SMTP._get_socket
      socket:create_connection
    on the wire
      dns closed.lab A answered
      tcp closed.lab:2525 refused
  expected on Python <3.11:
    raises OSError"""
    )


def test_without_wire_the_picture_is_drawn_from_the_target() -> None:
    assert draw_topology(scenario()) == [
        "  client ├─ where is closed.lab? ──────────────────────▶ dns (dns.lab)",
        "         ╰─ closed.lab:2525 ───────────────────────────▶ closed (closed.lab)",
    ]


def test_the_picture_of_a_client_that_dials_itself_names_who_is_left_out() -> None:
    book = scenario(target=Target(host="127.0.0.1", port=66000), services=(service("dns"),))
    assert draw_topology(book) == [
        "  client ── 127.0.0.1:66000 ───────────────────────────▶ itself",
        "  also in the lab: dns",
    ]


def test_the_picture_of_a_name_that_nobody_has() -> None:
    unknown = scenario(target=Target(host="nowhere.lab", port=25))
    assert draw_topology(unknown)[1].endswith("▶ no such host")
    other = scenario(target=Target(host="198.51.100.7", port=25))
    assert draw_topology(other)[0].endswith("▶ 198.51.100.7")


@pytest.mark.parametrize("line", ["arp closed.lab unanswered", "udp closed.lab:25 answered"])
def test_the_picture_knows_the_host_of_every_kind_of_flow(line: str) -> None:
    one = scenario(attempts=(attempt("socket", expectation(wire=[line])),))
    assert draw_topology(one)[0].endswith("▶ closed (closed.lab)")


def test_paragraphs_of_a_story_flow_and_indented_lines_stay() -> None:
    story = "One sentence is\nhere. " + "Words " * 15 + "\n\nAs in:\n\n    a  b\n    c\nEnd.\n"
    shown = text_of(render_scenario(scenario(story=story)))
    assert shown.split("\n\n", 1)[1].split("\n\n  client")[0] == (
        """\
One sentence is here. Words Words Words Words Words Words Words Words Words
Words Words Words Words Words Words

As in:

    a  b
    c
End."""
    )


def test_a_long_line_of_a_source_goes_on_in_the_next() -> None:
    long = replace(attempt(), source=f"\nx = '{'y' * 80}'\n")
    lines = text_of(render_scenario(scenario(attempts=(long,)))).splitlines()
    place = lines.index("client smtplib")
    assert lines[place + 1 : place + 4] == [
        "   1 │",
        f"   2 │ x = '{'y' * 68}",
        f"     │ {'y' * 12}'",
    ]


def test_a_long_source_is_cut() -> None:
    long = replace(attempt(), source="x = 1\n" * 300)
    lines = text_of(render_scenario(scenario(attempts=(long,)))).splitlines()
    place = lines.index("     │ and 100 more lines")
    assert lines[place - 1] == " 200 │ x = 1"


def test_every_part_of_an_expectation_has_its_line() -> None:
    one = expectation(
        raises=None,
        isa="OSError",
        message="no",
        cause="none",
        context={"raises": "ValueError", "message": "x"},
        group=[{"raises": "KeyError"}],
        stack=[],
        wire="nothing",
        served=["mail ehlo name=me"],
        elapsed={"min": "500ms", "max": "2s"},
        unhandled=[{"raises": "TypeError"}],
    )
    assert list(expectation_lines(one)) == [
        "raises a kind of OSError",
        "  errno ECONNREFUSED",
        "  message with 'no'",
        "  no cause",
        "  context ValueError",
        "    message with 'x'",
        "  in the group KeyError",
        "ends a thread or a task with TypeError",
        "no library function in the stack",
        "on the wire nothing at all",
        "seen by the servers",
        "  mail ehlo name=me",
        "takes at least 0.5 s",
        "takes at most 2 s",
    ]
    assert list(expectation_lines(returning())) == ["returns anything"]
    assert list(expectation_lines(returning("3", served=[]))) == [
        "returns 3",
        "nothing seen by the servers",
    ]


def test_the_json_forms_hold_what_is_shown_and_more() -> None:
    one = scenario(attempts=(attempt("smtplib", WIRE, returning("3", python="<3.11")),))
    (entry,) = scenarios_json([one])
    assert entry == {
        "name": "refused-port",
        "title": "Nothing listens on the port",
        "layer": "tcp",
        "tags": ["core"],
        "path": "scenarios/tcp/refused-port.yaml",
        "clients": ["smtplib"],
        "expects": {
            "smtplib": [
                {
                    "raises": "ConnectionRefusedError",
                    "attrs": {"errno": "ECONNREFUSED"},
                    "stack": [
                        "smtplib:SMTP.__init__",
                        "smtplib:SMTP.connect",
                        "smtplib:SMTP._get_socket",
                        "socket:create_connection",
                    ],
                    "wire": ["dns closed.lab A answered", "tcp closed.lab:2525 refused"],
                },
                {"python": "<3.11", "returns": "3"},
            ]
        },
    }
    full = scenario_json(one)
    assert json.loads(json.dumps(full)) == full
    assert {key: full[key] for key in entry} == entry
    assert full["target"] == {"host": "closed.lab", "port": 2525}
    assert full["services"][1] == {
        "name": "closed",
        "image": "labctl/lab",
        "aliases": ["closed.lab"],
    }
    assert full["sources"]["smtplib"]["source"].startswith("import smtplib\n")
