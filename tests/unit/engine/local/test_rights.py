"""What a lab's users are, by what this process may do."""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from labctl.engine import id_ranges
from labctl.engine.local import rights as rights_module
from labctl.engine.local.rights import Rights, own_rights

ALL = "000001ffffffffff"
WITHOUT_ADMIN = "00000000a80425fb"
"""What Docker gives to root in a container."""
WITHOUT_NETWORKS = f"{int(ALL, 16) & ~(1 << 12):016x}"
"""All but CAP_NET_ADMIN."""


class Machine:
    """A user's, with files of its own."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._folder, self._patch = folder, patch
        self.is_user(1000, 1001)
        self.has_programs(is_there=True)
        self.gives("")
        patch.setattr(pwd, "getpwuid", self._name)
        patch.setattr(rights_module, "_STATUS", folder / "status")
        patch.setattr(id_ranges, "_FILES", (folder / "subuid", folder / "subgid"))

    def is_user(self, uid: int, gid: int, capabilities: str = "0") -> None:
        self._patch.setattr(os, "getuid", lambda: uid)
        self._patch.setattr(os, "getgid", lambda: gid)
        text = f"Name:\tlabctl\nCapPrm:\t{ALL}\nCapEff:\t{capabilities}\nCapBnd:\t{ALL}\n"
        (self._folder / "status").write_text(text, "ascii")

    def has_programs(self, *, is_there: bool) -> None:
        self._patch.setattr(shutil, "which", lambda program: program if is_there else None)

    def gives(self, users: str, groups: str | None = None) -> None:
        """What /etc/subuid and /etc/subgid say."""
        (self._folder / "subuid").write_text(users, "ascii")
        (self._folder / "subgid").write_text(users if groups is None else groups, "ascii")

    def _name(self, uid: int) -> SimpleNamespace:
        if uid != 1000:
            raise KeyError(uid)
        return SimpleNamespace(pw_name="jane")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


ALONE = Rights(users=((0, 1000, 1),), groups=((0, 1001, 1),))


def test_roots_labs_need_no_namespace(machine: Machine) -> None:
    machine.is_user(0, 0, ALL)
    assert own_rights() == Rights()
    assert own_rights().are_roots
    assert not own_rights().has_one_user


@pytest.mark.parametrize("capabilities", [WITHOUT_ADMIN, WITHOUT_NETWORKS, "0"])
def test_root_in_a_container_has_labs_of_one_user(machine: Machine, capabilities: str) -> None:
    machine.is_user(0, 0, capabilities)
    rights = own_rights()
    assert rights == Rights(users=((0, 0, 1),), groups=((0, 0, 1),))
    assert rights.has_one_user
    assert not rights.are_roots


def test_the_capability_of_another_user_counts_for_nothing(machine: Machine) -> None:
    machine.is_user(1000, 1001, ALL)
    assert own_rights() == ALONE


def test_where_capabilities_can_not_be_read_root_has_none(machine: Machine, tmp_path: Path) -> None:
    machine.is_user(0, 0)
    for text in ("", "Name:\tlabctl\n"):
        (tmp_path / "status").write_text(text, "ascii")
        assert own_rights().has_one_user
    (tmp_path / "status").unlink()
    assert own_rights().has_one_user


def test_a_user_with_a_range_has_all_ids(machine: Machine) -> None:
    machine.gives("jane:100000:65536\n", "jane:200000:65536\n")
    rights = own_rights()
    assert rights.users == ((0, 1000, 1), (1, 100000, 65535))
    assert rights.groups == ((0, 1001, 1), (1, 200000, 65535))
    assert not rights.has_one_user
    assert not rights.are_roots


def test_a_user_without_a_name_has_the_range_of_the_number(machine: Machine) -> None:
    machine.is_user(4711, 4711)
    machine.gives("4711:100000:65535\n")
    assert own_rights().users == ((0, 4711, 1), (1, 100000, 65535))


@pytest.mark.parametrize(
    ("users", "groups"),
    [
        ("", ""),
        ("jane:100000:65534\n", "jane:100000:65536\n"),
        ("jane:100000:65536\n", "jane:100000:65534\n"),
        ("jane:100000:65536\n", ""),
        ("", "jane:100000:65536\n"),
        ("joe:100000:65536\n", "joe:100000:65536\n"),
    ],
)
def test_a_user_without_a_range_that_is_large_enough_is_alone(
    machine: Machine, users: str, groups: str
) -> None:
    machine.gives(users, groups)
    assert own_rights() == ALONE


def test_a_range_is_for_nothing_without_its_programs(machine: Machine) -> None:
    machine.gives("jane:100000:65536\n")
    machine.has_programs(is_there=False)
    assert own_rights() == ALONE
