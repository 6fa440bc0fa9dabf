"""Which libraries a client imports."""

from __future__ import annotations

import pytest

from labctl.load.imports import libraries_in


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
