"""One run of the whole catalogue in every format, each read back by its own reader or schema."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from junitparser import xunit2

from labctl.load.schema import result_schema
from labctl.report.documents import FORMATS
from tests.labs.conftest import Done, labctl
from tests.unit.report.documents.test_ctrf import SCHEMA as CTRF_SCHEMA
from tests.unit.report.page.reading import data_of

CONNECTS = """\
import os, socket

target = os.environ["LAB_HOST"], int(os.environ["LAB_PORT"])
with socket.create_connection(target, 3) as connected:
    pass
"""
READS = f"""{CONNECTS[:-9]}
    connected.settimeout(None)
    {{b"": 1}}[connected.recv(100)]
"""
"""Hangs where a server is silent, and raises what nobody documents where one speaks."""

Counts = Counter[tuple[str, str]]
"""How many attempts of each scenario have which verdict."""


def of_json(text: str) -> Counts:
    document = json.loads(text)
    Draft202012Validator(result_schema()).validate(document)
    counts = Counter((one["scenario"], one["verdict"]) for one in document["attempts"])
    assert document["summary"] == {
        verdict: sum(number for (_, each), number in counts.items() if each == verdict)
        for verdict in ("pass", "fail", "inconclusive", "error")
    }
    return counts


def of_junit(text: str) -> Counts:
    found = xunit2.JUnitXml.fromstring(text)
    counts: Counts = Counter()
    for suite in found:
        case: Any
        for case in suite:
            [verdict] = [p.value for p in case.properties() if p.name == "labctl.verdict"]
            assert case.is_passed == (verdict == "pass")
            counts[case.classname.rpartition(".")[2], verdict] += 1
    assert found.tests == counts.total()
    assert found.failures + found.errors == sum(n for (_, v), n in counts.items() if v != "pass")
    return counts


def of_ctrf(text: str) -> Counts:
    document = json.loads(text)
    Draft202012Validator(CTRF_SCHEMA).validate(document)
    tests = document["results"]["tests"]
    counts = Counter((one["suite"][-1], one["rawStatus"]) for one in tests)
    summary = document["results"]["summary"]
    assert summary["tests"] == counts.total()
    assert summary["passed"] == sum(one["status"] == "passed" for one in tests)
    return counts


def of_page(text: str) -> Counts:
    data: Any = data_of(text)
    counts: Counts = Counter()
    for one in data["attempts"]:
        [command] = [data["texts"][one["again"]]]
        counts[command.split()[2], data["verdicts"][one["verdict"]]] += 1
    return counts


READERS: dict[str, Callable[[str], Counts]] = {
    "json": of_json,
    "junit": of_junit,
    "ctrf": of_ctrf,
    "html": of_page,
}


def test_every_format_has_a_reader() -> None:
    assert list(READERS) == [one.name for one in FORMATS]


@pytest.mark.parametrize("name", READERS)
def test_each_tells_of_every_attempt(everything: Done, documents: Path, name: str) -> None:
    expected = Counter((a["scenario"], a["verdict"]) for a in everything.document["attempts"])
    assert READERS[name]((documents / name).read_text("utf-8")) == expected


def test_where_not_all_pass_the_counts_agree_too(tmp_path: Path) -> None:
    client = tmp_path / "my.py"
    client.write_text(CONNECTS, "utf-8")
    policy = tmp_path / "policy.yaml"
    policy.write_text("scenarios:\n  refused-port: {raises: []}\n", "utf-8")
    files = [part for one in FORMATS for part in (f"--{one.name}", tmp_path / one.name)]
    done = labctl(
        "run", "refused-port", "working-smtp", "--client", client, "--policy", policy, *files
    )
    assert done.code == 1, done.out + done.err
    expected = of_json((tmp_path / "json").read_text("utf-8"))
    assert expected == {("refused-port", "fail"): 1, ("working-smtp", "pass"): 1}
    for name, read in READERS.items():
        assert read((tmp_path / name).read_text("utf-8")) == expected, name


def test_a_result_made_again_gives_the_same_verdicts(tmp_path: Path) -> None:
    chosen = ("refused-port", "early-fin", "smtp-rcpt-partial", "tls-lax-ca")
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    attempts = ("--attempt", "smtplib", "--attempt", "socket", "--python", "3.12,3.13")
    labctl("run", *chosen, *attempts, "--json", old)
    done = labctl("rerun", old, "--json", new)
    assert done.code == 0, done.out + done.err
    # How long attempts take is the machine's affair: those that took longer may be listed.
    assert "fails now" not in done.out
    assert verdicts(new) == verdicts(old)
    assert len(verdicts(old)) >= 2 * len(chosen)


def verdicts(path: Path) -> dict[tuple[Any, ...], str]:
    keys = ("scenario", "attempt", "python", "client", "repeat")
    attempts = json.loads(path.read_text("utf-8"))["attempts"]
    return {tuple(one[key] for key in keys): one["verdict"] for one in attempts}


def test_what_a_python_changed_stands_at_the_top(tmp_path: Path) -> None:
    """Python 3.13 refuses certificates that were accepted before."""
    for series in ("3.12", "3.13"):
        chosen = ("refused-port", "tls-lax-ca", "--attempt", "socket", "--python", series)
        assert labctl("run", *chosen, "--json", tmp_path / series).code == 0
    done = labctl("diff", tmp_path / "3.12", tmp_path / "3.13")
    assert done.code == 0, done.out + done.err
    assert done.out.startswith("fails now  tls-lax-ca/socket")
    assert "before: nothing was raised: the client returned 'hello'" in done.out
    assert "ssl.SSLCertVerificationError was raised" in done.out


def test_a_lock_refuses_what_it_does_not_have(tmp_path: Path) -> None:
    assert labctl("lock", "--python", "3.13", cwd=tmp_path).code == 0
    run = ("run", "refused-port", "--attempt", "smtplib", "--locked")
    done = labctl(*run, cwd=tmp_path)
    assert done.code == 0, done.out + done.err
    lock = tmp_path / "labctl.lock"
    text = lock.read_text("utf-8")
    digest = re.search("id: (?:sha256:)?([0-9a-f]{64})$", text, re.M)
    assert digest
    changed = text.replace(digest[1], "f" * 64, 1)
    lock.write_text(changed, "utf-8")
    done = labctl(*run, "--python", "3.13,3.9", cwd=tmp_path)
    assert (done.code, done.out) == (4, "")
    assert "this is not what the lock says" in done.err
    assert "ffffffffffff" in done.err
    assert "labctl/client:3.9 is not in the lock" in done.err


def test_a_client_of_ones_own_against_some_failures(tmp_path: Path) -> None:
    (tmp_path / "my.py").write_text(READS, "utf-8")
    done = labctl(
        "run", "refused-port", "silent-server", "early-fin", "unresolvable-host", "working-smtp",
        "--client", "my.py", "--policy", "default", "--timeout", "4", cwd=tmp_path,
    )  # fmt: skip
    assert done.code == 1, done.out + done.err
    assert "your client survived 3 of 5 failures on Python 3.13" in done.out
    hang, wrong = (done.out.index(word) for word in ("it hangs", "it raises KeyError"))
    assert hang < wrong
    assert "labctl run silent-server --client my.py --policy default" in done.out
