"""Images that Docker has built and saved, as services of labs on the local engine."""

from __future__ import annotations

import gzip
import io
import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from labctl.engine.access import open_named
from labctl.engine.images.names import client_image
from labctl.engines import EngineName
from tests.labs.conftest import labctl
from tests.labs.test_services import SCENARIO

pytestmark = pytest.mark.local

LOCAL = ("--engine", "local")
SCRIPT = """
import http.server, os
os.chdir("/srv")
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(os.environ["PORT"]), bind="0.0.0.0")
"""
DOCKERFILE = """
FROM {base}
USER root
RUN ["/labctl/python", "-c", "open('/old', 'w'); import os; os.makedirs('/srv')"]
RUN ["/labctl/python", "-c", "import os; os.remove('/old'); open('/srv/listed', 'w').write('x')"]
ENV PORT=8080
USER 1000
ENTRYPOINT ["/labctl/python", "-c"]
CMD [{script}]
"""
COMPOSE = """
services:
  web:
    image: {image}
    networks: {{lab: {{aliases: [web.lab]}}}}
    healthcheck:
      test: ["CMD", "/labctl/python", "-c", "{check}"]
      interval: 100ms
      retries: 100

networks:
  lab:
"""
CHECK = (
    "import os, urllib.request as u; assert not os.path.exists('/old');"
    " u.urlopen('http://127.0.0.1:8080')"
)
"""It serves, and what one of its layers hides is not there."""
CLIENT = """
import urllib.request
page = urllib.request.urlopen("http://web.lab:8080/listed", timeout=5).read()
page
"""


@pytest.fixture(scope="module")
def image(engine: docker.APIClient) -> Iterator[str]:
    """An image that Docker has built on one of labctl's, by a name that no other test has."""
    store = open_named(EngineName.DOCKER).images()
    store.ensure([client_image("3.13")], progress=lambda _: None)
    name = f"own-{secrets.token_hex(4)}/web:1"
    text = DOCKERFILE.format(base=store.find(client_image("3.13")), script=json.dumps(SCRIPT))
    said = list(
        engine.build(
            fileobj=io.BytesIO(text.encode()), tag=name, rm=True, forcerm=True, decode=True
        )
    )
    assert not [one for one in said if "error" in one]
    yield name
    engine.remove_image(name, force=True)


def saved(engine: docker.APIClient, image: str) -> bytes:
    """What `docker save` writes."""
    return b"".join(engine.get_image(image))


def scenario(folder: Path, image: str) -> Path:
    """A scenario whose service is an image, as the image itself says."""
    (folder / "lab.yaml").write_text(COMPOSE.format(image=image, check=CHECK), "utf-8")
    client = "".join(f"      {line}\n" for line in CLIENT.strip().splitlines())
    head, _, _ = SCENARIO.partition("    client: |")
    expected = "    expect:\n      returns: \"b'x'\"\n"
    (folder / "own.yaml").write_text(f"{head}    client: |\n{client}{expected}", "utf-8")
    return folder / "own.yaml"


@pytest.fixture
def _removed(image: str) -> Iterator[None]:
    """What the test has loaded is removed."""
    yield
    labctl("images", "remove", image, *LOCAL)


@pytest.mark.usefixtures("_removed")
def test_an_image_that_docker_saved_is_a_service(
    engine: docker.APIClient, image: str, tmp_path: Path
) -> None:
    run = ("run", scenario(tmp_path, image), *LOCAL)
    before = labctl(*run)
    assert before.code == 4, before.out + before.err
    assert f"the local engine has no image {image}, which service web needs" in before.out
    assert f"docker save {image} -o web.tar" in " ".join(before.out.split())
    (tmp_path / "web.tar").write_bytes(saved(engine, image))
    done = labctl("images", "load", tmp_path / "web.tar", *LOCAL)
    assert (done.code, done.out) == (0, f"loaded {image}\n"), done.err
    after = labctl(*run)
    assert after.code == 0, after.out + after.err


@pytest.mark.usefixtures("_removed")
def test_one_that_was_saved_by_its_id_and_compressed_gets_a_name(
    engine: docker.APIClient, image: str, tmp_path: Path
) -> None:
    id_ = engine.inspect_image(image)["Id"]  # type: ignore[no-untyped-call]
    (tmp_path / "web.tar.gz").write_bytes(gzip.compress(saved(engine, id_), 1))
    nameless = labctl("images", "load", tmp_path / "web.tar.gz", *LOCAL)
    assert (nameless.code, "has an image without a name" in nameless.err) == (2, True)
    done = labctl("images", "load", tmp_path / "web.tar.gz", "--as", image, *LOCAL)
    assert (done.code, done.out) == (0, f"loaded {image}\n"), done.err
    [listed] = [
        one for one in json.loads(labctl("images", "--json", *LOCAL).out) if one["name"] == image
    ]
    assert (listed["origin"], listed["id"]) == ("file", id_.removeprefix("sha256:"))
    after = labctl("run", scenario(tmp_path, image), *LOCAL)
    assert after.code == 0, after.out + after.err
