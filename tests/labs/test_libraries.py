"""Third-party libraries in client images: their versions, and what they trust."""

from __future__ import annotations

from pathlib import Path

import pytest

from labctl.engine.images.libraries import pinned
from labctl.engine.images.names import libraries_image
from labctl.pythons import SERIES
from tests.labs.conftest import labctl
from tests.labs.test_images import python, reference

VERSIONS = """
import json, os, sys
from importlib.metadata import distributions
folder = "/labctl/libs"
sys.path.append(folder)
import aiohttp, aiosmtplib, httpx, requests, urllib3
found = distributions(path=[folder])
session = requests.Session()
print(json.dumps({
    "versions": {d.metadata["Name"].lower().replace("_", "-"): d.version for d in found},
    "compiled": os.path.exists(httpx.__cached__),
    "in C": aiohttp.http_parser.HttpRequestParser.__module__,
    "requests": session.merge_environment_settings("https://a.lab", {}, None, None, None)["verify"],
    "httpx": os.environ["SSL_CERT_FILE"],
}))
"""
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
SCENARIO = """\
name: mine
title: Who has what
layer: other
story: A client has the libraries that it requires, and another has none.
target: {host: dns.lab, port: 53}
attempts:
  with:
    requires: [httpx]
    client: |
      import httpx
      httpx.__version__
    expect: {returns: "'0.28.1'"}
  without:
    client: import httpx
    expect: {raises: ModuleNotFoundError}
"""


@pytest.mark.parametrize("series", SERIES)
def test_an_image_has_the_pinned_versions_and_trusts_what_the_system_trusts(series: str) -> None:
    assert python(reference(libraries_image(series)), VERSIONS) == {
        "versions": pinned(series), "compiled": True, "in C": "aiohttp._http_parser",
        "requests": BUNDLE, "httpx": BUNDLE,
    }  # fmt: skip


def test_only_who_requires_a_library_has_it(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(SCENARIO)
    done = labctl("run", file, "--json", "-")
    assert done.code == 0, done.out + done.err
    found = {one["attempt"]: one["libraries"] for one in done.document["attempts"]}
    assert found == {"with": {"httpx": "0.28.1"}, "without": {}}


def test_a_comparison() -> None:
    done = labctl("compare", "refused-port", "--json", "-")
    assert done.code == 0, done.out + done.err
    found = {one["attempt"]: one for one in done.document["clients"]}
    assert {one["retry"]["kind"] for one in found.values()} == {"refused"}
    assert found["requests"]["caught_by"]["requests.ConnectionError"]
    assert not found["requests"]["caught_by"]["ConnectionError"]
    assert not found["httpx"]["caught_by"]["OSError"]
    assert found["smtplib"]["caught_by"]["ConnectionError"]
