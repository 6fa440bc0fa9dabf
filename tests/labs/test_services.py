"""Services from a Compose file of one's own: any image, health, dependencies, and deaths."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from labctl.engine import service
from labctl.engines import EngineName
from labctl.load.bundled import bundled_compose
from tests.labs.conftest import Done, labctl

SCENARIO = """
name: own
title: A service of one's own
layer: tcp
story: A scenario with its own Compose file.
compose: ./lab.yaml
services: [web]
target: {host: web.lab, port: 8080}
attempts:
  urllib.request:
    client: |
      import urllib.request
      urllib.request.urlopen("http://web.lab:8080/", timeout=5).status
    expect:
      returns: "200"
"""
WEB = """
services:
  web:
    image: labctl/client:3.13
    entrypoint: ["/labctl/python", "-m", "http.server", "-d", "/tmp", "8080"]
    environment: {GREETING: hello}
    networks: {lab: {aliases: [web.lab]}}
"""
CHECK = "import urllib.request as u; u.urlopen('http://127.0.0.1:8080')"
HEALTH = f"""
    healthcheck:
      test: ["CMD", "/labctl/python", "-c", "{CHECK}"]
      interval: 100ms
      retries: 50
"""


def run(folder: Path, compose: str, *args: str) -> Done:
    (folder / "own.yaml").write_text(SCENARIO, "utf-8")
    (folder / "lab.yaml").write_text(f"{compose}\nnetworks:\n  lab:\n", "utf-8")
    return labctl("run", folder / "own.yaml", *args)


@pytest.mark.both
def test_any_image_serves_when_it_is_healthy(tmp_path: Path) -> None:
    done = run(tmp_path, WEB + HEALTH)
    assert done.code == 0, done.out + done.err


def test_a_service_starts_after_those_it_depends_on_are_healthy(tmp_path: Path) -> None:
    base = (WEB + HEALTH).replace("  web:", "  base:", 1).replace("web.lab", "base.lab")
    greedy = """
  web:
    image: labctl/client:3.13
    entrypoint: ["/labctl/python", "-c"]
    command:
      - |
        import http.server, urllib.request
        urllib.request.urlopen("http://base.lab:8080")
        http.server.test(port=8080, HandlerClass=http.server.SimpleHTTPRequestHandler)
    working_dir: /tmp
    depends_on: {base: {condition: service_healthy}}
    networks: {lab: {aliases: [web.lab]}}
"""
    compose = base + greedy + HEALTH
    done = run(tmp_path, compose)
    assert done.code == 0, done.out + done.err


def test_a_service_that_dies_at_the_start_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    dying = """
services:
  web:
    image: labctl/client:3.13
    entrypoint: ["/labctl/python", "-c", "raise SystemExit('the disk is on fire')"]
    healthcheck: {test: ["CMD", "true"], interval: 1s}
"""
    done = run(tmp_path, dying)
    assert done.code == 4, done.out + done.err
    assert "service web died (exit code 1)" in done.out
    assert "the disk is on fire" in done.out


def test_a_service_that_never_gets_healthy_is_an_error(tmp_path: Path) -> None:
    sick = """
services:
  web:
    image: labctl/client:3.13
    entrypoint:
      - /labctl/python
      - -c
      - import time; print('still thinking', flush=True); time.sleep(60)
    healthcheck:
      test: ["CMD", "/labctl/python", "-c", "raise SystemExit('it does not answer')"]
      interval: 50ms
      retries: 2
"""
    done = run(tmp_path, sick)
    assert done.code == 4, done.out + done.err
    assert "service web did not get healthy" in done.out
    assert "its health check ended with exit code 1 and said:" in " ".join(done.out.split())
    assert "it does not answer" in done.out
    assert "still thinking" in done.out


def test_a_service_that_never_says_it_is_ready_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from labctl.cli import app  # noqa: PLC0415

    mute = """
services:
  web:
    image: labctl/lab
    entrypoint: ["/labctl/python", "-c", "import time; print('hm', flush=True); time.sleep(60)"]
"""
    monkeypatch.setattr(service, "READY_S", 10.0)
    (tmp_path / "own.yaml").write_text(SCENARIO, "utf-8")
    (tmp_path / "lab.yaml").write_text(mute, "utf-8")
    with pytest.raises(SystemExit) as ended:
        app(["run", str(tmp_path / "own.yaml")])
    assert ended.value.code == 4
    assert "service web did not get ready within 10 s" in capsys.readouterr().out


HINTS = {EngineName.DOCKER: "pull no/such-image", EngineName.LOCAL: "labctl images load"}
"""What to do about an image that an engine lacks."""


def test_an_image_that_is_missing_is_an_error_before_anything_starts(
    tmp_path: Path, engine_name: EngineName
) -> None:
    done = run(tmp_path, "services:\n  web:\n    image: no/such-image\n")
    assert done.code == 4
    told = " ".join(done.out.split())
    assert "engine has no image no/such-image, which service web needs" in told
    assert HINTS[engine_name] in told


def test_a_service_that_dies_later_is_nobodys_fail(tmp_path: Path) -> None:
    fragile = """
services:
  web:
    image: labctl/lab
    entrypoint:
      - /labctl/python
      - -c
      - |
        import socket, sys
        sys.stdin.readline()
        server = socket.create_server(("", 8080))
        print('{"event": "ready"}', flush=True)
        server.accept()
        raise SystemExit("out of coffee")
    networks: {lab: {aliases: [web.lab]}}
"""
    done = run(tmp_path, fragile.replace('{"event"', '{"event"'), "--json", "-")
    verdicts = [one["verdict"] for one in done.document["attempts"]]
    assert verdicts == ["error"], done.out
    assert "out of coffee" in done.document["attempts"][0]["reasons"][0]
    assert done.code == 4


def test_a_broken_service_costs_only_the_attempts_that_need_it(tmp_path: Path) -> None:
    """One dies at its start, one can't be started, and one has no image."""
    broken = """
  dying:
    image: labctl/client:3.13
    entrypoint: ["/labctl/python", "-c", "raise SystemExit('the disk is on fire')"]
    healthcheck: {test: ["CMD", "true"], interval: 1s}
  wrong:
    image: labctl/client:3.13
    entrypoint: ["/no/such/program"]
  absent:
    image: no/such-image
"""
    others = [tmp_path / f"{name}.yaml" for name in ("dying", "wrong", "absent")]
    for file in others:
        name = file.stem
        other = SCENARIO.replace("name: own", f"name: {name}").replace("[web]", f"[web, {name}]")
        file.write_text(other, "utf-8")
    done = run(tmp_path, WEB + HEALTH + broken, *map(str, others), "--json", "-")
    verdicts = {one["scenario"]: one["verdict"] for one in done.document["attempts"]}
    expected = {"own": "pass", "dying": "error", "wrong": "error", "absent": "error"}
    assert verdicts == expected, done.out + done.err
    reasons = {one["scenario"]: one["reasons"] for one in done.document["attempts"]}
    assert "service dying died (exit code 1)" in reasons["dying"][0]
    assert "the disk is on fire" in reasons["dying"][0]
    assert "service wrong" in reasons["wrong"][0]
    assert "engine has no image no/such-image, which service absent" in reasons["absent"][0]
    assert done.code == 4


def test_certificates_are_for_names_of_ones_own(tmp_path: Path) -> None:
    """One port for each certificate, and an attempt for each port: what it gets, and its code."""
    certificates = {"good": 0, "chain": 0, "no-san": 0, "wrong-host": 62, "expired": 10,
                    "self-signed": 18, "sha1-signature": 68}  # fmt: skip
    compose = {
        "services": {
            "shop": {
                "image": "labctl/lab",
                "command": ["script"],
                "environment": {
                    "LAB_PORTS": yaml.safe_dump(
                        {
                            4400 + number: [{"tls": {"cert": name}}, {"send": "hello"}, "close"]
                            for number, name in enumerate(certificates)
                        }
                    )
                },
                "cap_drop": ["ALL"],
                "read_only": True,
                "networks": {"lab": {"aliases": ["shop.lab"]}},
            }
        },
        "networks": {"lab": None},
    }
    client = """
import socket, ssl
try:
    with socket.create_connection(("shop.lab", {port}), timeout=5) as sock:
        context = ssl.create_default_context()
        with context.wrap_socket(sock, server_hostname="shop.lab") as inside:
            inside.recv(5)
    code = 0
except ssl.SSLCertVerificationError as error:
    code = error.verify_code
code
"""
    scenario = {
        **yaml.safe_load(SCENARIO),
        "services": ["shop"],
        "target": {"host": "shop.lab", "port": 4400},
        "attempts": {
            name: {
                "client": client.format(port=4400 + number),
                "expect": {"returns": str(code)},
            }
            for number, (name, code) in enumerate(certificates.items())
        },
    }
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(scenario), "utf-8")
    (tmp_path / "lab.yaml").write_text(yaml.safe_dump(compose), "utf-8")
    done = labctl("run", tmp_path / "own.yaml", "--json", "-")
    verdicts = {one["attempt"]: one["verdict"] for one in done.document["attempts"]}
    assert verdicts == dict.fromkeys(certificates, "pass"), done.out + done.err


@pytest.mark.docker
def test_docker_compose_accepts_the_bundled_file() -> None:
    subprocess.run(
        ["docker-compose", "-f", bundled_compose(), "config", "--quiet"],
        check=True,
    )
