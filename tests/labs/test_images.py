"""The images as they are on the engine, and their making."""

from __future__ import annotations

import json
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from labctl.engine.access import open_engine
from labctl.engine.docker.connect import connect
from labctl.engine.images.backend import ImageBackend
from labctl.engine.images.docker import DockerImages
from labctl.engine.images.host import Host
from labctl.engine.images.names import LAB, client_image, parse_name
from labctl.engine.images.origins import base_key
from labctl.engine.images.status import ImageState
from labctl.engine.images.store import ImageStore
from labctl.engine.labels import Labels
from labctl.engine.local.images import LocalImages
from labctl.engine.local.store import LocalStore
from labctl.engine.run_once import run_once
from labctl.engine.runtime import ContainerSpec, ResourceKind
from labctl.engines import EngineName
from labctl.errors import EngineError
from labctl.pythons import SERIES
from tests.labs.footprints import unfinished

pytestmark = pytest.mark.both

OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
TRIAL = f"labctl-test/client:{OWN}"
TRIAL_LAB = "labctl-test/lab:latest"

# Look-ups are tried against a name server of our own in the same container.
LOOK_UP = """
import json, platform, socket, ssl, threading

def answer(server):
    while True:
        query, peer = server.recvfrom(512)
        found = b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\1\\0\\4\\xc6\\x12\\0\\7"
        counts = b"\\0\\1\\0\\1\\0\\0\\0\\0"
        server.sendto(query[:2] + b"\\x81\\x80" + counts + query[12:] + found, peer)

def handshake():
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    for context in (server, client):
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers("AECDH:@SECLEVEL=0")
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(down, up), server.wrap_bio(up, down, server_side=True)]
    for end in ends * 4:
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            pass
    ends[0].write(b"secret")
    return ends[1].read().decode()

with open("/etc/resolv.conf", "w") as file:
    file.write("nameserver 127.0.0.1\\n")
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
threading.Thread(target=answer, args=(server,), daemon=True).start()
print(json.dumps({
    "version": platform.python_version(),
    "dns": socket.getaddrinfo("some.lab", "smtp", socket.AF_INET)[0][4],
    "files": socket.getaddrinfo("localhost", 25, socket.AF_INET)[0][4],
    "tls": handshake(),
    "authorities": len(ssl.create_default_context().get_ca_certs()) > 50,
}))
"""

SURROUNDINGS = """
import json, os, pwd, smtplib, sys
sys.path.insert(0, "/labctl/probe")
print(json.dumps({
    "uid": os.getuid(), "name": pwd.getpwuid(os.getuid()).pw_name, "cwd": os.getcwd(),
    "environment": sorted(os.environ), "shells": [p for p in ("/bin/sh",) if os.path.exists(p)],
    "compiled": os.path.exists(smtplib.__cached__),
    "probe": sorted(os.listdir("/labctl/probe/__pycache__")),
    "labctl": sorted(os.listdir("/labctl")),
}))
"""

PROGRAMS = """
import json, os, subprocess
import aiosmtpd.smtp, attr, dns.message, public, yaml
print(json.dumps({
    "nft": subprocess.run(["nft", "--version"], capture_output=True, text=True).stdout,
    "from": [module.__file__.split("/")[:3] for module in (aiosmtpd.smtp, attr, dns, public, yaml)],
    "compiled": os.path.exists(dns.message.__cached__),
}))
"""

# Tells each step; the test sends its signal at the one it waits for.
MAKE = """
import sys

def tell(event):
    print(event.text, flush=True)
    if event.text.startswith(sys.argv[2]):
        sys.stdin.readline()

from labctl.engine.access import open_engine
from labctl.errors import Terminated
from labctl.run.signals import terminable

try:
    with terminable():
        open_engine().images().ensure(
            [sys.argv[1]], origin="host", force=True, progress=tell,
        )
except (KeyboardInterrupt, Terminated) as error:
    sys.exit(type(error).__name__)
"""


def python(image: str, source: str, **settings: Any) -> Any:
    """What a program says, as JSON, that an image's Python runs without a network."""
    spec = ContainerSpec(
        name=f"labctl-images-{secrets.token_hex(4)}",
        image=image,
        labels=Labels(run="images").of(()),
        entrypoint=("/labctl/python", "-B"),
        command=("-c", source),
        **settings,
    )
    said = run_once(open_engine().runtime, spec)
    assert said.exit_code == 0, said
    return json.loads(said.stdout)


def label(image: str, name: str) -> str:
    found = open_engine().runtime.image_labels(image)
    assert found is not None
    return found[name]


def reference(name: str) -> str:
    """What the engine calls an image of labctl's."""
    found = open_engine().images().find(name)
    assert found is not None
    return found


def looks_up_and_encrypts(image: str) -> None:
    found = python(image, LOOK_UP, user="0", capabilities=("NET_BIND_SERVICE",))
    assert found == {
        "version": label(image, "labctl.python"),
        "dns": ["198.18.0.7", 25],
        "files": ["127.0.0.1", 25],
        "tls": "secret",
        "authorities": True,
    }


@pytest.mark.parametrize("image", [LAB, *map(client_image, SERIES)])
def test_names_are_looked_up_and_tls_works(image: str) -> None:
    looks_up_and_encrypts(reference(image))


@pytest.mark.parametrize("series", SERIES)
def test_what_a_client_finds_around_it(series: str) -> None:
    image = reference(client_image(series))
    found = python(image, SURROUNDINGS)
    tag = f".cpython-{series.replace('.', '')}.pyc"
    probe = found.pop("probe")
    assert f"__main__{tag}" in probe
    assert all(name.endswith(tag) for name in probe)
    shells = found.pop("shells")
    assert not shells or label(image, "labctl.origin") == "registry"
    assert found == {
        "uid": 65534, "name": "nobody", "cwd": "/tmp", "compiled": True,
        "environment": ["HOME", "HOSTNAME", "LANG", "PATH"],
        "labctl": ["authority.pem", "probe", "python", "revoked.pem"],
    }  # fmt: skip


def has_what_services_need(image: str) -> None:
    found = python(image, PROGRAMS)
    assert found["nft"].startswith("nftables v")
    assert found["from"] == [["", "labctl", "lib"]] * 5
    assert found["compiled"] is True
    assert label(image, "labctl.events") == "1"


def test_what_services_find_around_them() -> None:
    has_what_services_need(reference(LAB))


@pytest.fixture(scope="module")
def trials(engine_name: EngineName) -> Iterator[ImageStore]:
    """Images of other names, made from this machine's own Pythons; gone in the end."""
    store = open_engine().images()
    store.ensure([TRIAL, TRIAL_LAB], origin="host")
    yield store
    store.remove([TRIAL, TRIAL_LAB])
    assert ours(engine_name) == set()


def backend(engine_name: EngineName) -> ImageBackend:
    """What stores the images of this engine."""
    return LocalImages(LocalStore()) if engine_name is EngineName.LOCAL else DockerImages(connect())


def ours(engine_name: EngineName) -> set[str]:
    """Every image and step that was made for the trial names."""
    labels = [f"labctl.image={name}" for name in (TRIAL, TRIAL_LAB)]
    return {one.id for label in labels for one in backend(engine_name).find_labelled(label)}


@pytest.mark.usefixtures("trials")
def test_images_from_this_machine_do_the_same() -> None:
    for image in map(reference, (TRIAL, TRIAL_LAB)):
        assert label(image, "labctl.origin") == "host"
        looks_up_and_encrypts(image)
    has_what_services_need(reference(TRIAL_LAB))


def test_a_ready_image_is_not_made_again(trials: ImageStore) -> None:
    before = trials.status([TRIAL])
    assert before[0].state is ImageState.READY
    events: list[object] = []
    assert trials.ensure([TRIAL], progress=events.append)[TRIAL] == before[0]
    assert events == []


IN_USE = {EngineName.DOCKER: "conflict", EngineName.LOCAL: "something uses it"}
"""How each engine says that an image is used."""


def test_an_image_in_use_is_not_removed(engine_name: EngineName, trials: ImageStore) -> None:
    runtime = open_engine().runtime
    image = reference(TRIAL)
    container = runtime.create(
        ContainerSpec(name="labctl-images-use", image=image, labels=Labels(run="images").of(()))
    )
    try:
        with pytest.raises(EngineError) as caught:
            trials.remove([TRIAL])
    finally:
        runtime.remove(ResourceKind.CONTAINER, container)
    assert str(caught.value).startswith(f"removing {image}: {IN_USE[engine_name]}")
    assert trials.status([TRIAL])[0].state is ImageState.READY


def images_and_builders(engine_name: EngineName, name: str) -> set[str]:
    """Every image, base and step of this name, and whatever makes one; as text, so that a failing
    test says what they are. Of other images from this machine's interpreter, too.
    """
    base = base_key(Host(), parse_name(name))
    labels = [f"labctl.image={name}", f"labctl.base={base}"]
    images = [one for label in labels for one in backend(engine_name).find_labelled(label)]
    found = {f"image {one.id} with parent {one.has_parent}: {one.labels}" for one in images}
    if engine_name is EngineName.LOCAL:
        return found | set(unfinished())
    containers = [
        one for label in labels for one in connect().containers(all=True, filters={"label": label})
    ]
    return found | {
        f"container {one['Id']} of {one['ImageID']}: {one['Command']}"
        for one in containers
        if one["Labels"].get("labctl.run", "images") == "images"
    }


@pytest.mark.parametrize(
    ("step", "number", "word"),
    [
        # So far, nothing is asked of an engine.
        pytest.param("host: packing", signal.SIGINT, "KeyboardInterrupt", marks=pytest.mark.local),
        ("host: importing", signal.SIGTERM, "Terminated"),
        # Docker counts all that a layer has, and the local engine commands alone.
        pytest.param("step 1 of", signal.SIGINT, "KeyboardInterrupt", marks=pytest.mark.local),
        pytest.param("step 1 of", signal.SIGTERM, "Terminated", marks=pytest.mark.local),
        pytest.param("step 2 of", signal.SIGINT, "KeyboardInterrupt", marks=pytest.mark.docker),
        pytest.param(
            "step 5 of", signal.SIGTERM, "Terminated", marks=[pytest.mark.docker, pytest.mark.whole]
        ),
    ],
)
def test_an_interrupted_build_leaves_nothing(
    engine_name: EngineName, step: str, number: signal.Signals, word: str
) -> None:
    name = f"labctl-interrupted/client:{OWN}"
    before = images_and_builders(engine_name, name)
    with subprocess.Popen(
        [sys.executable, "-c", MAKE, name, step],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert any(line.startswith(step) for line in process.stdout)
        # Only then does it go on: on a busy machine, it could be done before.
        process.send_signal(number)
        _, said = process.communicate("go on\n", timeout=60)
    assert said.strip() == word
    assert images_and_builders(engine_name, name) - before == set()
