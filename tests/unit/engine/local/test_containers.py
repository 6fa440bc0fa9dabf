"""What a program is, put together as Docker does from a container's spec and its image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labctl.engine.local.containers import find_user, program_of
from labctl.engine.local.store import LocalImage
from labctl.engine.runtime import ContainerSpec, Refusal
from labctl.warden.specs import ProgramSpec

PASSWD = """\
root:x:0:0:root:/root:/bin/sh
broken
mail:x:8:8::/var/mail:/usr/sbin/nologin
app:x:1000:1001:The app:/home/app:/bin/sh
homeless:x:1002:1002:::/bin/sh
"""
GROUP = """\
root:x:0:
mail:x:8:app
tty:x:5:root,app
nonsense:x:none:app
app:x:1001:
users:x:100:apple
"""
IMAGE = LocalImage(id="1")
SPEC = ContainerSpec(name="one", image="1", labels={}, command=("run",))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text(PASSWD, "utf-8")
    (tmp_path / "etc/group").write_text(GROUP, "utf-8")
    return tmp_path


def program(root: Path, spec: ContainerSpec = SPEC, image: LocalImage = IMAGE) -> ProgramSpec:
    return program_of(spec, image, root=root, host="host", hostname="hostname", keeps_output=False)


E_I, C_I, E_S, C_S = ("image-entrypoint",), ("image-command",), ("entrypoint",), ("command",)


@pytest.mark.parametrize(
    ("entrypoint", "command", "run"),
    [
        ((), (), E_I + C_I),
        ((), C_S, E_I + C_S),
        (E_S, (), E_S),
        (E_S, C_S, E_S + C_S),
    ],
)
def test_entrypoint_and_command(
    root: Path, entrypoint: tuple[str, ...], command: tuple[str, ...], run: tuple[str, ...]
) -> None:
    """An entrypoint of one's own makes nothing of the image's command."""
    spec = replace(SPEC, entrypoint=entrypoint, command=command)
    image = replace(IMAGE, entrypoint=E_I, command=C_I)
    assert program(root, spec, image).command == run


def test_an_image_has_an_entrypoint_or_a_command_alone(root: Path) -> None:
    spec = replace(SPEC, command=())
    assert program(root, spec, replace(IMAGE, entrypoint=E_I)).command == E_I
    assert program(root, spec, replace(IMAGE, command=C_I)).command == C_I


def test_nothing_to_run_is_refused(root: Path) -> None:
    with pytest.raises(Refusal, match="the image says no command"):
        program(root, replace(SPEC, command=()))


def test_the_environment_is_that_of_the_spec_before_that_of_the_image(root: Path) -> None:
    plain = program(root).environment
    assert plain == {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOSTNAME": "hostname",
        "HOME": "/root",
    }
    image = replace(IMAGE, environment={"PATH": "/opt", "HOME": "/image", "A": "image", "B": "b"})
    spec = replace(SPEC, environment={"A": "spec", "HOSTNAME": "spec"})
    assert program(root, spec, image).environment == {
        "PATH": "/opt", "HOME": "/image", "A": "spec", "B": "b", "HOSTNAME": "spec",
    }  # fmt: skip


def test_home_is_the_users_own(root: Path) -> None:
    assert program(root, replace(SPEC, user="app")).environment["HOME"] == "/home/app"
    assert program(root, replace(SPEC, user="homeless")).environment["HOME"] == "/"


@pytest.mark.parametrize(
    ("spec", "image", "found"),
    [("", "", "/"), ("", "/image", "/image"), ("/spec", "/image", "/spec"), ("/spec", "", "/spec")],
)
def test_where_it_works(root: Path, spec: str, image: str, found: str) -> None:
    made = program(root, replace(SPEC, working_dir=spec), replace(IMAGE, working_dir=image))
    assert made.working_dir == found


@pytest.mark.parametrize(
    ("spec", "image", "ids"), [("", "", (0, 0)), ("", "app", (1000, 1001)), ("8", "app", (8, 8))]
)
def test_who_it_is(root: Path, spec: str, image: str, ids: tuple[int, int]) -> None:
    made = program(root, replace(SPEC, user=spec), replace(IMAGE, user=image))
    assert (made.user, made.group) == ids


@pytest.mark.parametrize(
    ("user", "groups"),
    [("root", (5,)), ("app", (8, 5)), ("1000", (8, 5)), ("mail", ()), ("4711", ())],
)
def test_it_is_in_the_groups_that_name_its_user(
    root: Path, user: str, groups: tuple[int, ...]
) -> None:
    assert program(root, replace(SPEC, user=user)).groups == groups


def test_with_a_group_of_its_own_it_is_in_no_other(root: Path) -> None:
    """As in runc: more groups only make sense if the first one is the user's."""
    assert program(root, replace(SPEC, user="app:app")).groups == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0", (0, 0, "/root")),
        ("root", (0, 0, "/root")),
        ("app", (1000, 1001, "/home/app")),
        ("1000", (1000, 1001, "/home/app")),
        ("app:mail", (1000, 8, "/home/app")),
        ("app:8", (1000, 8, "/home/app")),
        ("1000:4712", (1000, 4712, "/home/app")),
        ("4711", (4711, 0, "/")),
        ("4711:mail", (4711, 8, "/")),
        ("4711:4712", (4711, 4712, "/")),
        ("homeless", (1002, 1002, "/")),
    ],
)
def test_users_and_groups(root: Path, text: str, found: tuple[int, int, str]) -> None:
    assert find_user(root, text) == found


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nobody", "the image has no user nobody"),
        ("broken", "the image has no user broken"),
        ("-1", "the image has no user -1"),
        ("app:nobody", "the image has no group nobody"),
        ("0:-1", "the image has no group -1"),
        ("app:nonsense", "the image has no group nonsense"),
    ],
)
def test_users_and_groups_that_the_image_does_not_know(root: Path, text: str, reason: str) -> None:
    with pytest.raises(Refusal) as caught:
        find_user(root, text)
    assert caught.value.message == reason


def test_an_image_without_users_has_numbers(tmp_path: Path) -> None:
    assert find_user(tmp_path, "0") == (0, 0, "/")
    assert find_user(tmp_path, "7:8") == (7, 8, "/")
    with pytest.raises(Refusal, match="no user root"):
        find_user(tmp_path, "root")


def test_users_are_those_of_the_image_wherever_its_links_lead(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "passwd"
    outside.write_text("app:x:1:1::/:\n", "utf-8")
    (root / "etc/passwd").unlink()
    (root / "etc/passwd").symlink_to(outside)
    with pytest.raises(Refusal, match="no user app"):
        find_user(root, "app")
    inside = root / str(outside)[1:]
    inside.parent.mkdir(parents=True)
    inside.write_text("app:x:2:3::/:\n", "utf-8")
    assert find_user(root, "app") == (2, 3, "/")


@pytest.mark.parametrize(
    "given",
    [
        {"capabilities": ("NET_RAW",)},
        {"can_gain_privileges": True},
        {"has_init": True},
        {"shared_memory_bytes": 1000},
        {"memory_bytes": 2000},
        {"has_swap": False},
        {"process_limit": 10},
        {"cpus": 0.5},
        {"is_root_writable": False},
        {"tmpfs": {"/tmp": "size=1m"}},
    ],
    ids=lambda given: str(*given),
)
def test_what_the_spec_says_goes_to_the_warden(root: Path, given: dict[str, Any]) -> None:
    [(name, value)] = given.items()
    plain, made = program(root), program(root, replace(SPEC, **given))
    assert getattr(made, name) == value != getattr(plain, name)
    assert made._replace(**{name: getattr(plain, name)}) == plain


def test_shared_memory_is_for_those_with_ipc(root: Path) -> None:
    assert program(root, replace(SPEC, has_ipc=True)).has_shared_memory
    assert not program(root).has_shared_memory


def test_where_it_is(root: Path) -> None:
    made = program_of(SPEC, IMAGE, root=root, host="h", hostname="n", keeps_output=True)
    assert (made.host, made.hostname, made.root, made.keeps_output) == ("h", "n", str(root), True)
    assert not made.writes_image


@pytest.mark.parametrize(
    "user", ["9" * 5000, str((1 << 32) - 1), "-1", "web:" + "9" * 5000, "\u0663"]
)
def test_a_user_without_a_possible_number_is_refused(root: Path, user: str) -> None:
    with pytest.raises(Refusal, match="the image has no "):
        find_user(root, user)


def test_a_passwd_file_without_numbers_is_refused(root: Path) -> None:
    (root / "etc/passwd").write_text("web:x:abc:def::/:/bin/sh\n", "utf-8")
    with pytest.raises(Refusal, match="no numbers for the user web"):
        find_user(root, "web")
