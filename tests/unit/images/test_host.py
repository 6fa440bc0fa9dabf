from __future__ import annotations

import io
import os
import sys
import tarfile
from pathlib import Path

import pytest

from labctl.engine.images import host
from labctl.engine.images.host import Host, pack
from labctl.engine.images.interpreters import Interpreter
from labctl.engine.images.interruption import Interrupted, Interruption
from labctl.engine.images.names import parse_name
from labctl.engine.images.origins import Unavailable
from labctl.engine.images.shared_libraries import NoLibraries, loaded_by, parse
from tests.unit.images.fakes import FakeClient, builder

LDD = """\
/home/me/bin/python3.12:
\tlinux-vdso.so.1 (0x00007fff0b1)
\tlibpython3.12.so.1.0 => /home/me/lib/libpython3.12.so.1.0 (0x00007f00)
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f00)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f00)
/home/me/lib/_json.so:
\tstatically linked
/home/me/lib/_dbm.so:
\tlibdb-5.3.so => not found
\tlibc.so.6 => /elsewhere/libc.so.6 (0x00007f00)
\t/home/me/lib/../lib/libown.so (0x00007f00)
"""


def test_the_libraries_that_ldd_lists() -> None:
    assert parse(LDD) == {
        "libpython3.12.so.1.0": Path("/home/me/lib/libpython3.12.so.1.0"),
        "libc.so.6": Path("/lib/x86_64-linux-gnu/libc.so.6"),
        "ld-linux-x86-64.so.2": Path("/lib64/ld-linux-x86-64.so.2"),
        "libown.so": Path("/home/me/lib/../lib/libown.so"),
    }


def test_what_the_c_library_opens_by_itself_comes_along() -> None:
    found = loaded_by([Path(sys.executable).resolve()])
    assert "libc.so.6" in found
    assert "libnss_dns.so.2" in found


def test_without_ldd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoLibraries, match=r"^ldd does not run "):
        loaded_by([Path(sys.executable)])


def test_no_libraries() -> None:
    with pytest.raises(NoLibraries, match=r"^ldd found no libraries: .*not a dynamic executable"):
        loaded_by([Path(__file__)])


@pytest.fixture
def interpreter(tmp_path: Path) -> Interpreter:
    """One of this machine's programs in the place of a Python, with a small standard library."""
    executable = tmp_path / "bin" / "python3.12"
    executable.parent.mkdir()
    executable.write_bytes(Path("/bin/ls").read_bytes())
    executable.chmod(0o700)
    library = tmp_path / "lib" / "python3.12"
    for file in (
        "os.py", "__pycache__/os.cpython-312.pyc", "__pycache__/os.cpython-312.opt-1.pyc",
        "test/test_os.py", "unittest/test/test_it.py", "site-packages/pip.py", "idlelib/run.py",
        "tkinter/__init__.py", "ensurepip/__init__.py", "lib2to3/main.py", "turtledemo/x.py",
        "config-3.12-x86_64-linux-gnu/libpython3.12.a", "lib-dynload/xxlimited.py",
        "email/mime/text.py", "unittest/case.py",
    ):  # fmt: skip
        (library / file).parent.mkdir(parents=True, exist_ok=True)
        (library / file).write_text(file)
        (library / file).chmod(0o600)
    os.utime(library / "os.py", (1000, 1000))
    (library / "dangling.py").symlink_to("/no/such/file")
    (library / "site.py").symlink_to(library / "os.py")
    return Interpreter(version="3.12.7", executable=executable, library=(library,))


def packed(interpreter: Interpreter, programs: list[Path]) -> dict[str, tarfile.TarInfo]:
    out = io.BytesIO()
    pack(interpreter, programs, out, Interruption())
    out.seek(0)
    with tarfile.open(fileobj=out) as tar:
        return {member.name: member for member in tar}


def test_what_is_packed_of_a_standard_library(interpreter: Interpreter) -> None:
    found = packed(interpreter, [])
    prefix = "usr/local/lib/python3.12/"
    files = [name for name, entry in found.items() if entry.isreg()]
    assert {name.removeprefix(prefix) for name in files if name.startswith(prefix)} == {
        "os.py", "site.py", "__pycache__/os.cpython-312.pyc", "email/mime/text.py",
        "unittest/case.py",
    }  # fmt: skip
    assert found[f"{prefix}os.py"].mtime == 1000


def test_everything_is_roots_and_readable_by_all(interpreter: Interpreter) -> None:
    found = packed(interpreter, [])
    assert {(entry.uid, entry.gid) for entry in found.values()} == {(0, 0)}
    assert found["usr/local/bin/python3.12"].mode == 0o755
    assert found["usr/local/lib/python3.12/os.py"].mode == 0o644
    assert found["tmp"].mode == 0o1777


def test_libraries_are_where_every_loader_looks(interpreter: Interpreter) -> None:
    found = packed(interpreter, [])
    assert found["usr/lib/libc.so.6"].isreg()
    links = {name: entry.linkname for name, entry in found.items() if entry.issym()}
    assert links == {
        "bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib",
        "usr/lib64": "lib", "usr/local/lib64": "lib",
    }  # fmt: skip


def test_folders_come_before_what_is_in_them(interpreter: Interpreter) -> None:
    names = list(packed(interpreter, []))
    for place, name in enumerate(names):
        parent = name.rpartition("/")[0]
        assert not parent or parent in names[:place], name


def test_programs_come_with_their_libraries(interpreter: Interpreter) -> None:
    program = Path(sys.executable).resolve()
    found = packed(interpreter, [program])
    assert found[f"usr/sbin/{program.name}"].mode == 0o755
    assert {f"usr/lib/{name}" for name in loaded_by([program])} <= set(found)


def test_packing_can_be_called_off(interpreter: Interpreter) -> None:
    interruption = Interruption()
    interruption.set()
    with pytest.raises(Interrupted):
        pack(interpreter, [], io.BytesIO(), interruption)


def test_without_an_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labctl.engine.images.origins.platform.machine", lambda: "x86_64")
    client = FakeClient()
    target = parse_name("labctl/client:3.14")
    environment = {"HOME": str(tmp_path)}
    with pytest.raises(Unavailable, match=r"^no Python 3.14 in pyenv, uv, /usr/local/bin or"):
        Host(environment).supply(target, builder(client))
    assert client.asked("import") == []


def test_without_nft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labctl.engine.images.origins.platform.machine", lambda: "x86_64")
    monkeypatch.setattr(host, "_NFT_PLACES", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match=r"^nft is not installed \(apt-get install nftables\)$"):
        Host().supply(parse_name("labctl/lab"), builder(FakeClient()))


def test_a_base_of_the_host(interpreter: Interpreter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labctl.engine.images.origins.platform.machine", lambda: "x86_64")
    monkeypatch.setattr(host, "find", lambda *_: interpreter)
    base = Host().supply(parse_name("labctl/client:3.12"), builder(FakeClient()))
    assert (base.id, base.interpreter) == ("sha256:base", "/usr/local/bin/python3.12")
