from __future__ import annotations

import io
import tempfile
from pathlib import Path

import pytest

from labctl.engine.images import debian
from labctl.engine.images.debian import Debian, chunks, command, command_of_user
from labctl.engine.images.interruption import Interrupted, Interruption
from labctl.engine.images.names import parse_name
from labctl.engine.images.origins import Unavailable, base_key
from tests.unit.images.fakes import FakeClient, builder

CLIENT = parse_name("labctl/client:3.13")
EXPIRES = '--aptopt=Acquire::Check-Valid-Until "false"'


@pytest.fixture(autouse=True)
def _this_machine_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labctl.engine.images.origins.platform.machine", lambda: "x86_64")


@pytest.fixture
def mmdebstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty script in the place of mmdebstrap."""
    script = tmp_path / "mmdebstrap"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return script


@pytest.mark.parametrize(
    ("series", "release"),
    [("3.9", "bullseye"), ("3.11", "bookworm"), ("3.13", "trixie"), ("3.14", "forky")],
)
def test_the_release_of_a_python_and_no_mirror(series: str, release: str) -> None:
    assert command(parse_name(f"labctl/client:{series}"))[-2:] == [release, "-"]


def test_only_the_unreleased_one_may_be_past_its_date() -> None:
    late = [
        series
        for series in debian.RELEASES
        if EXPIRES in command(parse_name(f"labctl/client:{series}"))
    ]
    assert late == ["3.14"]


def test_nft_is_for_the_lab_alone() -> None:
    assert "nftables" in " ".join(command(parse_name("labctl/lab")))
    assert "nftables" not in " ".join(command(CLIENT))


def test_a_python_that_no_release_has() -> None:
    target = parse_name("labctl/client:3.12")
    with pytest.raises(Unavailable, match=r"^no Debian release has Python 3.12$"):
        Debian().supply(target, builder(FakeClient()))
    assert Debian().recipe(target) == ""


def test_without_mmdebstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match=r"mmdebstrap is not installed \(apt-get install"):
        Debian().supply(CLIENT, builder(FakeClient()))


def test_what_mmdebstrap_writes_is_imported(
    mmdebstrap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mmdebstrap.write_text("#!/bin/sh\nprintf 'files of %s' \"$3\"\n", "utf-8")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    client = FakeClient()
    base = Debian().supply(CLIENT, builder(client))
    assert (base.id, base.interpreter) == ("sha256:base", "/usr/bin/python3.13")
    key = base_key(Debian(), CLIENT)
    assert client.asked("import") == [f"b'files of trixie' ['LABEL labctl.base={key}']"]


@pytest.mark.parametrize(
    ("uid", "has_range", "mode"),
    [(0, False, []), (1000, True, []), (1000, False, ["--mode=chrootless"])],
)
def test_a_user_without_a_range_of_ids_makes_the_same_base_in_another_way(
    uid: int, has_range: bool, mode: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: uid)
    monkeypatch.setattr(debian, "has_id_range", lambda: has_range)
    run = command_of_user(CLIENT)
    assert [option for option in run if option.startswith("--mode")] == mode
    assert [one for one in run if one in command(CLIENT)] == command(CLIENT)
    assert Debian().recipe(CLIENT) == " ".join(command(CLIENT))


def test_mmdebstrap_is_run_as_the_user_has_to(
    mmdebstrap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mmdebstrap.write_text('#!/bin/sh\nprintf %s "$1"\n', "utf-8")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(debian, "has_id_range", lambda: False)
    client = FakeClient()
    Debian().supply(CLIENT, builder(client))
    assert client.asked("import")[0].startswith("b'--mode=chrootless' ")


@pytest.mark.parametrize("has_range", [True, False])
@pytest.mark.parametrize(("mode", "is_private"), [(0o700, True), (0o711, False)])
def test_with_a_range_of_ids_mmdebstrap_works_where_each_of_them_may_enter(
    mmdebstrap: Path, monkeypatch: pytest.MonkeyPatch, has_range: bool, mode: int, is_private: bool
) -> None:
    mmdebstrap.write_text('#!/bin/sh\nprintf %s "in ${TMPDIR-the usual place}"\n', "utf-8")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "own")
        folder.mkdir()
        folder.chmod(mode)
        Path(place).chmod(0o755)
        monkeypatch.setenv("TMPDIR", str(folder))
        monkeypatch.setattr("tempfile.tempdir", str(folder))
        monkeypatch.setattr("os.geteuid", lambda: 1000)
        monkeypatch.setattr(debian, "has_id_range", lambda: has_range)
        client = FakeClient()
        Debian().supply(CLIENT, builder(client))
    where = "the usual place" if has_range and is_private else folder
    assert client.asked("import")[0].startswith(f"b'in {where}' ")


def test_a_base_that_is_there_is_used_again(mmdebstrap: Path) -> None:
    mmdebstrap.write_text("#!/bin/sh\nexit 1\n", "utf-8")
    client = FakeClient()
    client.listed = [
        {"Id": "sha256:child", "ParentId": "sha256:old"},
        {"Id": "sha256:old", "ParentId": ""},
    ]
    assert Debian().supply(CLIENT, builder(client)).id == "sha256:old"
    assert base_key(Debian(), CLIENT) in client.asked("images")[0]
    with pytest.raises(Unavailable):
        Debian().supply(CLIENT, builder(client, fresh=True))


def test_the_reason_is_the_first_error_that_mmdebstrap_names(mmdebstrap: Path) -> None:
    mmdebstrap.write_text(
        "#!/bin/sh\necho 'I: starting' >&2\necho 'E: no such mirror' >&2\n"
        "echo 'E: mmdebstrap failed to run' >&2\necho half\nexit 25\n",
        encoding="utf-8",
    )
    client = FakeClient()
    with pytest.raises(Unavailable, match=r"^mmdebstrap failed: no such mirror$"):
        Debian().supply(CLIENT, builder(client))
    assert client.asked("import") == []


def test_mmdebstrap_without_a_word(mmdebstrap: Path) -> None:
    mmdebstrap.write_text("#!/bin/sh\nexit 3\n", "utf-8")
    with pytest.raises(Unavailable, match=r"^mmdebstrap failed: exit status 3$"):
        Debian().supply(CLIENT, builder(FakeClient()))


def test_mmdebstrap_that_takes_too_long(mmdebstrap: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mmdebstrap.write_text("#!/bin/sh\nexec sleep 60\n", "utf-8")
    monkeypatch.setattr(debian, "_LIMIT_S", 0)
    with pytest.raises(Unavailable, match=r"^mmdebstrap took more than 0 s$"):
        Debian().supply(CLIENT, builder(FakeClient()))


@pytest.mark.usefixtures("mmdebstrap")
def test_called_off() -> None:
    interruption = Interruption()
    interruption.set()
    client = FakeClient()
    with pytest.raises(Interrupted):
        Debian().supply(CLIENT, builder(client, interruption))
    assert client.asked("import") == []


def test_an_engine_of_another_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labctl.engine.images.origins.platform.machine", lambda: "aarch64")
    with pytest.raises(Unavailable, match=r"^this machine is arm64, and the engine amd64$"):
        Debian().supply(CLIENT, builder(FakeClient()))


def test_a_machine_without_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labctl.engine.images.origins.platform.system", lambda: "Darwin")
    with pytest.raises(Unavailable, match=r"^this machine runs Darwin, and images need Linux$"):
        Debian().supply(CLIENT, builder(FakeClient()))


def test_a_file_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "_CHUNK", 4)
    assert list(chunks(io.BytesIO(b"0123456789"))) == [b"0123", b"4567", b"89"]
