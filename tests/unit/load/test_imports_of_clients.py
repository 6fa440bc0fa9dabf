"""Which libraries a client imports."""

from __future__ import annotations

import pytest

from labctl.load.imports import libraries_in, modules_to_preload


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import requests", ("requests",)),
        ("import os, httpx as h, urllib3.util", ("urllib3", "httpx")),
        ("def go():\n    from aiohttp.client import ClientSession", ("aiohttp",)),
        ("try:\n    import requests\nexcept ImportError:\n    requests = None", ("requests",)),
        ("from . import requests\nfrom .httpx import get", ()),
        ("import requests_mock\nimport myhttpx", ()),
        ("text = 'import requests'  # import httpx", ()),
        ("'\\d'\nimport urllib.request", ()),
        ("import requests\ndef (:", ()),
        ("\0", ()),
        ("(" * 5000, ()),
        ("", ()),
    ],
)
def test_they_stand_in_its_import_statements(source: str, found: tuple[str, ...]) -> None:
    assert libraries_in(source) == found


@pytest.mark.parametrize(
    ("source", "requires", "found"),
    [
        (
            "'doc'\nimport ssl, os.path, math\nfrom email.message import Message",
            (),
            "ssl email.message",
        ),
        ("from __future__ import annotations\nimport smtplib", (), "smtplib"),
        # After the first other statement, what is imported may depend on what was done.
        ("import sys\nsys.modules['ssl'] = None\nimport http.client", (), ""),
        ("import requests.adapters, my_module", (), "requests requests.adapters"),
        ("def go():\n    from redis.asyncio import Redis", (), "redis redis.asyncio"),
        ("import socket", ("httpx",), "socket httpx"),
        ("import importlib\nimportlib.import_module('httpx')", ("httpx",), "httpx"),
        # Such modules would run what they find, the client's own file, too.
        ("import unittest.__main__, asyncio.__main__, json.__main__, socket", (), "socket"),
        ("import this, antigravity, idlelib.idle, test.autotest, socket", (), "socket"),
        ("import requests.__main__, requests._internal_utils", (), "requests"),
        ("import requests\ndef (:", (), ""),
    ],
)
def test_modules_are_known_before_the_client_runs(
    source: str, requires: tuple[str, ...], found: str
) -> None:
    assert modules_to_preload(source, requires) == tuple(found.split())
