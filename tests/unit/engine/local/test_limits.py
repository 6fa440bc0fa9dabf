"""What is said of limits, by which cgroups this machine has."""

from __future__ import annotations

import pytest

from labctl.engine.local import limits
from labctl.warden import cgroups
from labctl.warden.cgroups import Hierarchy

NONE: list[Hierarchy] = []
FIRST = [Hierarchy("/memory/a", frozenset({"memory"}), is_unified=False)]
SECOND = [Hierarchy("/a", frozenset({"memory", "pids", "cpu"}), is_unified=True)]


@pytest.mark.parametrize(("made", "version"), [(NONE, 0), (FIRST, 1), (SECOND, 2)])
def test_without_cgroups_memory_has_no_sure_limit(
    monkeypatch: pytest.MonkeyPatch, made: list[Hierarchy], version: int
) -> None:
    ended: list[object] = []
    monkeypatch.setattr(cgroups, "begin", lambda _: made)
    monkeypatch.setattr(cgroups, "end", ended.append)
    assert limits.try_cgroups() == version
    weakness = limits.weakness()
    assert (weakness is None) == bool(version)
    assert ended == [made, made]
    assert weakness is None or "systemd-run --user" in weakness.hint
