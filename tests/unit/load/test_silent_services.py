"""A line of `served:` must be about a service that the scenario has."""

from __future__ import annotations

from pathlib import Path

import pytest

from labctl.errors import InputError
from labctl.load.scenario import load_scenario
from labctl.shared_files import share

SCENARIO = """name: own
title: t
layer: smtp
story: s
services: [mail]
target: {host: mail.lab, port: 25}
attempts:
  socket:
    client: pass
    expect:
      returns: ...
      served:
        - mail connect
        - SERVICE query
"""


def load(tmp_path: Path, service: str) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(SCENARIO.replace("SERVICE", service), "utf-8")
    load_scenario(file, builtin_compose=share("compose") / "lab.yaml")


def test_a_service_that_the_scenario_does_not_have_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, "mial")
    assert str(caught.value) == (
        f"{tmp_path}/own.yaml:14: attempts.socket.expect.served[1]: "
        'no service of the scenario is called "mial"; did you mean "mail"?'
    )
    assert caught.value.hint == "it has: dns, mail"


def test_the_name_server_is_always_there(tmp_path: Path) -> None:
    load(tmp_path, "dns")
