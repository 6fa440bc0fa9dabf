"""What to do where a lab can't be started."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from labctl.engine.local import obstacles
from labctl.engine.local.obstacles import hint_for, in_container, restricts_by_apparmor

DENIED = "Operation not permitted"


class Machine:
    """A machine's settings and its user, as far as hints look at them."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._folder, self._patch = folder, patch
        for name in ("_APPARMOR", "_MOST", "_DEBIAN"):
            patch.setattr(obstacles, name, folder / name)
        patch.setattr(obstacles, "_CONTAINER_MARKS", (folder / "docker", folder / "podman"))
        self.is_user(1000)

    def is_user(self, uid: int) -> None:
        self._patch.setattr(os, "getuid", lambda: uid)

    def says(self, name: str, text: str) -> None:
        (self._folder / name).write_text(text, "ascii")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_a_machine_that_says_nothing(machine: Machine) -> None:
    del machine
    assert hint_for("unshare", DENIED) == "run labctl as root, or use Docker"
    assert hint_for("mounting proc", DENIED) == "run labctl as root, or use Docker"
    assert hint_for("mounting /", DENIED) == "run `labctl doctor --engine local`"
    assert hint_for("", "") == "run `labctl doctor --engine local`"


@pytest.mark.parametrize("what", ["unshare", "mounting tmpfs", "making a folder"])
def test_apparmor_keeps_users_from_namespaces(machine: Machine, what: str) -> None:
    machine.says("_APPARMOR", "1\n")
    assert restricts_by_apparmor()
    assert "kernel.apparmor_restrict_unprivileged_userns=0" in hint_for(what, DENIED)


def test_apparmor_has_nothing_to_do_with_other_steps(machine: Machine) -> None:
    machine.says("_APPARMOR", "1\n")
    assert hint_for("setting the host's name", DENIED) == "run `labctl doctor --engine local`"


def test_apparmor_leaves_root_alone(machine: Machine) -> None:
    machine.says("_APPARMOR", "1\n")
    machine.is_user(0)
    assert not restricts_by_apparmor()
    assert "AppArmor" not in hint_for("unshare", DENIED)
    assert hint_for("mounting tmpfs", DENIED) == "run `labctl doctor --engine local`"


@pytest.mark.parametrize("text", ["0\n", "", "nonsense\n"])
def test_without_that_setting_it_is_not_apparmor(machine: Machine, text: str) -> None:
    machine.says("_APPARMOR", text)
    assert not restricts_by_apparmor()
    assert "AppArmor" not in hint_for("unshare", DENIED)


@pytest.mark.parametrize("uid", [0, 1000])
def test_no_namespaces_are_allowed(machine: Machine, uid: int) -> None:
    machine.is_user(uid)
    machine.says("_MOST", "0\n")
    assert "user.max_user_namespaces" in hint_for("unshare", DENIED)
    machine.says("_MOST", "10000\n")
    assert "user.max_user_namespaces" not in hint_for("unshare", DENIED)


def test_debian_keeps_users_from_namespaces(machine: Machine) -> None:
    machine.says("_DEBIAN", "0\n")
    assert "kernel.unprivileged_userns_clone=1" in hint_for("unshare", DENIED)
    machine.is_user(0)
    assert "unprivileged_userns_clone" not in hint_for("unshare", DENIED)
    machine.is_user(1000)
    machine.says("_DEBIAN", "1\n")
    assert "unprivileged_userns_clone" not in hint_for("unshare", DENIED)


@pytest.mark.parametrize("mark", ["docker", "podman"])
@pytest.mark.parametrize("what", ["unshare", "mounting proc on /x"])
def test_a_container_keeps_labs_from_starting(machine: Machine, mark: str, what: str) -> None:
    assert not in_container()
    machine.says(mark, "")
    assert in_container()
    assert hint_for(what, DENIED).startswith("this is a container")


def test_what_the_kernel_says_comes_before_the_container(machine: Machine) -> None:
    machine.says("docker", "")
    machine.says("_MOST", "0")
    assert "user.max_user_namespaces" in hint_for("unshare", DENIED)


def test_a_full_disk(machine: Machine) -> None:
    machine.says("_APPARMOR", "1")
    assert hint_for("making a folder", "No space left on device").startswith("make room")


def test_the_programs_for_ranges_of_ids(machine: Machine) -> None:
    machine.says("_APPARMOR", "1")
    for program in ("newuidmap", "newuidmap 1 2 3"):
        assert "/etc/subuid" in hint_for(program, DENIED)
