"""nftables' part of the lab image, with a program in the place of `nft` that notes what it gets."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from labctl.services import features, nft, script

NFT = """\
#!/bin/sh
table=$(cat)
printf '%s %s\\n' "$*" "$table" >> "$NFT_LOG"
case $table in
  *quota*) exit 1 ;;
esac
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What `nft` was told; a rule with a quota it refuses."""
    program = tmp_path / "bin" / "nft"
    program.parent.mkdir()
    program.write_text(NFT)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setenv("NFT_LOG", str(tmp_path / "log"))
    return tmp_path / "log"


def test_a_chain_goes_into_a_table_of_our_own(log: Path) -> None:
    nft.apply("chain input { policy drop; }")
    assert log.read_text("utf-8") == "-f - table inet labctl {\nchain input { policy drop; }\n}\n"


def test_a_refusal_is_an_error(log: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        nft.apply("chain a { quota over 1 bytes drop; }")
    assert log.exists()


def test_every_feature_is_tried_and_told(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    features.main()
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events] == ["feature"] * len(features.RULES) + ["ready"]
    told = {e["detail"]["name"]: e["detail"]["works"] for e in events[:-1]}
    assert told == {name: name != "nftables quota" for name in features.RULES}
    (why,) = [e["detail"]["why"] for e in events[:-1] if not e["detail"]["works"]]
    assert "non-zero exit status 1" in why
    tried = log.read_text("utf-8")
    assert all(f"input priority 0; {rule}; }}" in tried for rule in features.RULES.values())
    assert "flush" not in tried


def test_without_the_program_nothing_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    features.main()
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [e["detail"]["works"] for e in events[:-1]] == [False] * len(features.RULES)
    assert all("has no nft" in e["detail"]["why"] for e in events[:-1])
    assert events[-1]["event"] == "ready"


def test_a_service_with_rules_says_in_a_line_that_the_program_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("LAB_RULES", "chain input { policy drop; }")
    with pytest.raises(SystemExit, match=r"^the image of the lab has no nft"):
        script.main()
