"""Which scenarios `labctl list` shows, what it says where there are none, and how much it reads."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from labctl.load.scenario import load_scenario
from labctl.model.scenario import Scenario
from labctl.run.selection import select
from tests.unit.cli.conftest import Labctl
from tests.unit.load.texts import changed, write

PLAIN = """\
name: plain
title: A server that says nothing
layer: tls
tags: [own]
story: |
  It takes the connection, and then it waits
  for ever.
services: [closed]
target: {host: closed.lab, port: 2525}
attempts:
  quick:
    client: |
      def call():
          import urllib.request
      from http import client
    expect:
      - python: ">=3.10"
        raises: TimeoutError
        context: {isa: ssl.SSLError}
      - raises: socket.timeout
        cause: {raises: ExceptionGroup, group: [{raises: ValueError}]}
        unhandled: [{raises: EOFError}]
"""
RETURNS = """\
name: returns
title: Nothing is wrong
layer: other
story: All is well.
target: {host: closed.lab, port: 2525}
attempts:
  broken: {client: "import (", expect: {returns: "None"}}
"""


@pytest.fixture(autouse=True)
def _two_scenarios() -> None:
    write("mine/plain.yaml", PLAIN)
    write("mine/returns.yaml", RETURNS)


def names(labctl: Labctl, *args: str) -> set[str]:
    """The names that are listed with these options, of the scenarios in the folder."""
    done = labctl("list", "--json", "--scenarios", "mine", *args)
    assert done.code == 0
    return {one["name"] for one in json.loads(done.out)} & {"plain", "returns"}


@pytest.mark.parametrize(
    "given",
    [
        "--layer tls",
        "--layer udp --layer tls",
        "--raises TimeoutError",
        "--raises socket.timeout",
        "--raises timeout",
        "--raises ssl.SSLError",
        "--raises SSLError",
        "--raises ValueError",
        "--raises EOFError",
        "--client quick",
        "--client urllib",
        "--client urllib.request",
        "--client http",
        "--search SERVER",
        "--search own",
        "--search 'waits for'",
        "--search pLain",
        "--layer tls --raises TimeoutError --client quick --search nothing --tag own",
    ],
)
def test_a_scenario_that_fits(labctl: Labctl, given: str) -> None:
    assert names(labctl, *shlex.split(given)) == {"plain"}


@pytest.mark.parametrize(
    "given",
    [
        "--raises Timeout",
        "--raises OSError",
        "--raises asyncio.TimeoutError",
        "--client http.server",
        "--search 2525",
        "--layer tls --raises ValueError --search returns",
    ],
)
def test_a_scenario_that_does_not_fit(labctl: Labctl, given: str) -> None:
    assert names(labctl, *shlex.split(given)) == set()


def test_all_without_options(labctl: Labctl) -> None:
    assert names(labctl) == {"plain", "returns"}


def test_nothing_fits(labctl: Labctl) -> None:
    done = labctl("list", "--layer", "udp", "--raises", "TimeoutEror", "--search", "zebra")
    assert (done.code, done.out) == (0, "")
    assert done.err == (
        "labctl: no scenario fits --layer udp and --raises TimeoutEror and --search zebra;"
        ' did you mean "TimeoutError"?\n'
    )
    done = labctl("list", "--json", "--raises", "ZeroDivisionError")
    assert (done.code, done.out) == (0, "[]\n")
    assert done.err == "labctl: no scenario fits --raises ZeroDivisionError\n"


def test_an_unknown_layer(labctl: Labctl) -> None:
    done = labctl("list", "--layer", "tsl")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        'labctl: there is no layer tsl; did you mean "tls"?\n'
        "  hint: there are dns, tcp, udp, tls, smtp, http, ftp, imap, pop3, other\n"
    )


def test_one_that_is_asked_for_by_name_is_read_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of one scenario stays as quick as it is, however many there are."""
    read: list[Path] = []

    def noted(path: Path, **others: Any) -> Scenario:
        read.append(path)
        return load_scenario(path, **others)

    monkeypatch.setattr("labctl.load.catalogue.load_scenario", noted)
    write("mine/broken.yaml", changed(PLAIN, "name: plain", "name: ["))
    select(names=["plain"], everything=False, tags=(), folders=[Path("mine")])
    assert [path.name for path in read] == ["plain.yaml"]
