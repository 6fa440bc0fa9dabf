"""What labctl asks of a warden, and what comes out at the other side."""

from __future__ import annotations

import json
from typing import Any

import pytest

from labctl.warden.specs import CommandSpec, HostSpec, LabSpec, ProgramSpec, made_from

LAB = LabSpec("/mount", "cgroup", users=((0, 1000, 1), (1, 100000, 65535)), groups=((0, 1, 1),))
HOST = HostSpec(
    "h", ("10.0.0.2", "10.0.0.3"), 24, "10.0.0.1", {"net.x": "1"}, {"/etc/hosts": "127.0.0.1 a\n"}
)
PROGRAM = ProgramSpec(
    host="h", root="/images/1", command=("sh", "-c", "echo ü"), environment={"A": "b"},
    working_dir="/", user=1, group=2, groups=(3, 4), hostname="n", is_root_writable=True,
    tmpfs={"/tmp": "size=1m"}, capabilities=("NET_RAW",), memory_bytes=1 << 40, cpus=0.5,
)  # fmt: skip


def carried(spec: Any) -> Any:
    return made_from(type(spec), json.loads(json.dumps(spec._asdict())))


@pytest.mark.parametrize(
    "spec",
    [LAB, LabSpec("/mount", ""), HOST, PROGRAM, CommandSpec(("true",)), CommandSpec(())],
    ids=lambda spec: type(spec).__name__,
)
def test_json_carries_specs(spec: Any) -> None:
    made = carried(spec)
    assert made == spec
    assert type(made) is type(spec)


def test_lists_are_tuples_again() -> None:
    """They are compared and hashed, and go to calls that take tuples."""
    assert hash(carried(LAB)) == hash(LAB)
    assert isinstance(carried(PROGRAM).command, tuple)


@pytest.mark.parametrize("told", [{"command": [], "more": 1}, {}])
def test_what_does_not_belong_there_is_an_error(told: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        made_from(CommandSpec, told)


@pytest.mark.parametrize(
    ("users", "has_namespace", "has_one"),
    [
        ((), False, False),
        (((0, 1000, 1),), True, True),
        (((0, 1000, 2),), True, False),
        (((0, 1000, 1), (1, 100000, 65535)), True, False),
    ],
)
def test_users(users: tuple[tuple[int, int, int], ...], has_namespace: bool, has_one: bool) -> None:
    spec = LabSpec("/mount", "", users=users, groups=users)
    assert (spec.has_user_namespace, spec.has_one_user) == (has_namespace, has_one)
