"""Parts of runs, runs made again, runs compared, and what they may use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labctl.model.evidence import Evidence
from labctl.model.plan import PlannedAttempt
from labctl.model.result import Result
from tests.unit.cli.bench import Bench
from tests.unit.cli.conftest import Labctl
from tests.unit.judge.samples import evidence, report
from tests.unit.load.texts import SCENARIO, changed, write

EXPECT = "expect: {raises: ConnectionRefusedError}"
MANY = SCENARIO + "".join(f"  a{n}:\n    client: import ssl\n    {EXPECT}\n" for n in range(1, 7))
TWO = f"{SCENARIO}  wrong:\n    client: import ssl\n    expect: {{raises: TimeoutError}}\n"


@pytest.fixture
def bench(labctl: Labctl, monkeypatch: pytest.MonkeyPatch) -> Bench:
    write("mine.yaml", MANY)
    return Bench(labctl, monkeypatch)


def read(name: str) -> Result:
    return Result.model_validate_json(Path(name).read_bytes())


def timed_out(_attempt: PlannedAttempt) -> Evidence:
    return evidence(report(exception={"type": "TimeoutError", "message": "timed out"}))


def test_the_shards_of_a_run_are_the_run(bench: Bench) -> None:
    bench.run("mine.yaml", "--python", "3.9,3.13", "--repeat", "2", "--json", "whole.json")
    for n in (1, 2, 3):
        done = bench.run(
            "mine.yaml", "--python", "3.9,3.13", "--repeat", "2", "--shard", f"{n}/3",
            "--json", f"{n}.json",
        )  # fmt: skip
        assert done.code == 0
    done = bench.labctl("merge", "3.json", "1.json", "2.json", "--json", "merged.json")
    assert done.code == 0
    whole, merged = read("whole.json"), read("merged.json")
    assert [one.key for one in merged.attempts] == sorted(
        (one.key for one in whole.attempts),
        key=lambda key: (key[2] != "3.9.5", ["socket"].count(key[1]) == 0, key[1], key[4]),
    )
    assert merged.summary == whole.summary
    assert [len(read(f"{n}.json").attempts) for n in (1, 2, 3)] != [28, 0, 0]
    assert read("2.json").request.shard == "2/3"


def test_a_shard_with_nothing_to_do_is_all_well(bench: Bench) -> None:
    write("mine.yaml", SCENARIO)
    done = bench.run("mine.yaml", "--shard", "2/2", "--json", "none.json")
    assert (done.code, read("none.json").attempts) == (0, ())
    assert "no attempts were made" in done.out
    assert bench.engine.said == ["unguarded"]


def test_a_shard_that_is_none(bench: Bench) -> None:
    done = bench.run("mine.yaml", "--shard", "3/2")
    assert done.err == (
        "labctl: there is no shard 3/2\n  hint: give it as NUMBER/COUNT, such as 2/5\n"
    )
    assert done.code == 2


def test_after_the_first_failure_no_more_are_made(bench: Bench) -> None:
    bench.engine.leaves = timed_out
    done = bench.run("mine.yaml", "--fail-fast", "--jobs", "1", "--json", "result.json")
    found = read("result.json")
    assert done.code == 1
    assert [one.attempt for one in found.attempts] == ["socket"]
    assert found.interrupted
    assert "The run ended with its first failure: these are not all of its attempts." in done.out


def test_where_nothing_fails_all_are_made(bench: Bench) -> None:
    done = bench.run("mine.yaml", "--fail-fast", "--json", "result.json")
    assert (done.code, len(read("result.json").attempts)) == (0, 7)
    assert not read("result.json").interrupted


def test_a_result_is_made_again_without_its_files(bench: Bench) -> None:
    write("mine.yaml", TWO)
    assert bench.run("mine.yaml", "--json", "old.json", "--repeat", "2").code == 1
    Path("mine.yaml").unlink()
    done = bench.labctl("rerun", "old.json", "--json", "new.json")
    assert (done.code, done.err) == (0, "")
    assert "4 attempts compared: nothing changed" in done.out
    old, new = read("old.json"), read("new.json")
    assert [(one.key, one.verdict) for one in new.attempts] == [
        (one.key, one.verdict) for one in old.attempts
    ]
    assert new.scenarios == old.scenarios


def test_just_its_attempts_are_made_again(bench: Bench) -> None:
    bench.run("mine.yaml", "--shard", "1/3", "--python", "3.9,3.13", "--json", "old.json")
    bench.labctl("rerun", "old.json", "--json", "new.json")
    assert [one.key for one in read("new.json").attempts] == [
        one.key for one in read("old.json").attempts
    ]


@pytest.mark.parametrize("attempt", [(), ("--attempt", "a1")])
def test_so_is_a_client_of_ones_own(bench: Bench, attempt: tuple[str, ...]) -> None:
    write("my.py", "import this\n")
    bench.run("mine.yaml", "--client", "my.py", *attempt, "--json", "old.json")
    Path("my.py").unlink()
    assert bench.labctl("rerun", "old.json", "--json", "new.json").code == 0
    old, new = read("old.json"), read("new.json")
    assert [(one.key, one.verdict) for one in new.attempts] == [
        (one.key, one.verdict) for one in old.attempts
    ]
    assert "my.py" in {one.client for one in new.attempts}


def test_a_verdict_that_is_another_now(bench: Bench) -> None:
    bench.run("mine.yaml", "--json", "old.json")
    bench.engine.leaves = timed_out
    done = bench.labctl("rerun", "old.json")
    assert done.code == 1
    assert "worse  mine/a1, a2, a3, a4 and 3 more  Python 3.13" in done.out
    assert "before: pass: ConnectionRefusedError was raised" in done.out


def test_another_version_of_a_python_is_the_same_python(bench: Bench) -> None:
    bench.run("mine.yaml", "--json", "old.json")
    text = Path("old.json").read_text("utf-8")
    write("old.json", text.replace("3.13.5", "3.13.4"))
    assert bench.labctl("rerun", "old.json").code == 0


def test_what_was_cut_short_is_made_again_as_far_as_it_came(bench: Bench) -> None:
    bench.engine.leaves = timed_out
    args = ("--attempt", "socket", "--attempt", "a1", "--fail-fast", "--jobs", "1")
    bench.run("mine.yaml", *args, "--repeat", "3", "--json", "old.json")
    assert len(read("old.json").attempts) == 1
    done = bench.labctl("rerun", "old.json")
    assert (done.code, done.err) == (0, "")


def test_a_policy_may_name_what_another_shard_has(bench: Bench) -> None:
    write("other.yaml", changed(SCENARIO, "name: mine", "name: other"))
    write("my.py", "import this\n")
    write("policy.yaml", "skip: [other]\n")
    bench.run(
        "mine.yaml", "other.yaml", "--client", "my.py", "--policy", "policy.yaml", "--json",
        "old.json",
    )  # fmt: skip
    Path("policy.yaml").unlink()
    assert bench.labctl("rerun", "old.json").code == 0


def test_where_the_lab_breaks_nothing_was_found_out(bench: Bench) -> None:
    bench.run("mine.yaml", "--json", "old.json")
    bench.engine.broken_labs = frozenset({"mine"})
    assert bench.labctl("rerun", "old.json").code == 4


def test_a_result_that_lacks_its_scenarios(bench: Bench) -> None:
    bench.run("mine.yaml", "--json", "old.json")
    document = json.loads(Path("old.json").read_text("utf-8"))
    write("old.json", json.dumps({**document, "scenarios": {}}))
    done = bench.labctl("rerun", "old.json")
    assert done.code == 3
    assert done.err == (
        "labctl: old.json: does not have the text of the scenario mine\n"
        "  hint: it is of an older labctl; make the run anew\n"
    )


def test_runs_are_compared(bench: Bench) -> None:
    bench.run("mine.yaml", "--python", "3.12", "--json", "old.json")
    bench.engine.leaves = timed_out
    bench.run("mine.yaml", "--python", "3.13", "--json", "new.json")
    assert bench.labctl("diff", "old.json", "old.json").code == 0
    assert bench.labctl("diff", "new.json", "old.json").code == 0
    done = bench.labctl("diff", "old.json", "new.json", "--json")
    assert done.code == 1
    document = json.loads(done.out)
    assert (document["schema"], document["worse"], document["compared"]) == (
        "labctl-changes/1",
        True,
        7,
    )
    assert document["attempts"][0]["kind"] == "worse"
    assert document["attempts"][0]["python"] == {"before": "3.12.5", "now": "3.13.5"}


def locked(bench: Bench, *args: str) -> None:
    done = bench.labctl("lock", *args)
    assert (done.code, done.err) == (0, "")


def test_a_lock_admits_what_it_was_made_with(bench: Bench) -> None:
    locked(bench)
    assert bench.run("mine.yaml", "--locked", "--python", "all").code == 0


def test_a_lock_is_for_one_engine(bench: Bench) -> None:
    locked(bench)
    text = Path("labctl.lock").read_text("utf-8")
    assert "\nengine: docker\n" in text
    write("labctl.lock", changed(text, "engine: docker", "engine: local"))
    done = bench.run("mine.yaml", "--locked")
    assert (done.code, done.out) == (4, "")
    assert done.err == (
        "labctl: the lock is for the local engine, and this is the docker engine: they have"
        " different images\n"
        "  hint: give --engine local, or make a new lock with `labctl lock`\n"
    )
    assert bench.engine.said == []


def test_a_lock_of_an_earlier_labctl_names_no_engine(bench: Bench) -> None:
    locked(bench)
    text = Path("labctl.lock").read_text("utf-8")
    write("labctl.lock", changed(text, "engine: docker\n", ""))
    assert bench.run("mine.yaml", "--locked").code == 0


def test_a_lock_refuses_anything_else_and_says_what_differs(bench: Bench) -> None:
    locked(bench, "--python", "3.13")
    text = Path("labctl.lock").read_text("utf-8")
    write("labctl.lock", changed(text, "sha256:labctl/client:3.13\n", "sha256:0123456789abcdef\n"))
    done = bench.run("mine.yaml", "--locked", "--python", "3.13,3.9")
    assert done.code == 4
    assert done.err == (
        "labctl: this is not what the lock says:\n"
        "  labctl/client:3.13 is labctl/clien, and not 0123456789ab\n"
        "  labctl/client:3.9 is not in the lock\n"
        "  hint: take the images that the lock was made with (docker save, docker load), or make a"
        " new one with `labctl lock`\n"
    )
    assert bench.engine.said == []


def test_what_is_in_an_image_tells_why_it_is_another(bench: Bench) -> None:
    write("my.py", "import httpx\n")
    locked(bench, "--python", "3.13")
    text = Path("labctl.lock").read_text("utf-8")
    text = changed(text, "sha256:labctl/client:3.13-libs\n", "sha256:0\n")
    write("labctl.lock", changed(text, "httpx: 0.28.1", "h2: 4.0.0"))
    done = bench.run("mine.yaml", "--locked", "--client", "my.py")
    assert "\n  labctl/client:3.13-libs has h2 not at all, and not 4.0.0\n" in done.err
    assert "\n  labctl/client:3.13-libs has httpx 0.28.1, and not at all\n" in done.err


def test_without_a_lock(bench: Bench) -> None:
    done = bench.run("mine.yaml", "--locked")
    assert (done.code, done.err) == (
        3,
        "labctl: there is no labctl.lock\n  hint: `labctl lock` writes one\n",
    )


def test_a_wrong_lock(bench: Bench) -> None:
    write("labctl.lock", "labctl: 0.1.0\nimages:\n  labctl/lab:latest:\n    idd: x\n")
    done = bench.run("mine.yaml", "--locked")
    assert done.code == 3
    assert "labctl.lock:4: " in done.err
    assert '"idd" is no key' in done.err or "idd" in done.err


def test_a_lock_that_cannot_be_written(bench: Bench) -> None:
    done = bench.labctl("lock", "--out", "none/labctl.lock")
    assert done.code == 2
    assert done.err == (
        "labctl: cannot write none/labctl.lock: No such file or directory\n"
        "  hint: give --out another file\n"
    )


def test_a_policy_judges_the_client_alone(bench: Bench) -> None:
    write("my.py", "import this\n")
    bench.engine.leaves = lambda _: evidence(report(exception={"type": "KeyError"}))
    done = bench.run(
        "mine.yaml", "--client", "my.py", "--policy", "default", "--json", "result.json"
    )
    (one,) = read("result.json").attempts
    assert (one.attempt, one.client, str(one.verdict)) == ("my", "my.py", "fail")
    assert done.code == 1
    assert "your client survived 0 of 1 failure" in done.out
    assert "it raises KeyError" in done.out
    assert "labctl run mine.yaml --client my.py --policy default" in done.out


def test_a_policy_that_skips_all(bench: Bench) -> None:
    write("my.py", "import this\n")
    write("policy.yaml", "skip: [refused-port]\n")
    done = bench.run(
        "refused-port", "--client", "my.py", "--policy", "policy.yaml", "--json", "result.json"
    )
    assert (done.code, read("result.json").attempts) == (0, ())
    assert read("result.json").request.policy == "skip: [refused-port]\n"


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (
            ("--policy", "default"),
            "a policy judges a client of your own",
            "give --client, the file with your client",
        ),
        (
            ("--policy", "default", "--client", "my.py", "--attempt", "a1"),
            "--attempt has the client judged by what that attempt expects, and not by a policy",
            "leave out --attempt, or --policy",
        ),
    ],
)
def test_a_policy_with_nothing_to_judge(
    bench: Bench, args: tuple[str, ...], message: str, hint: str
) -> None:
    write("my.py", "import this\n")
    done = bench.run("mine.yaml", *args)
    assert (done.code, done.err) == (2, f"labctl: {message}\n  hint: {hint}\n")


def test_a_client_has_the_libraries_that_it_imports(bench: Bench) -> None:
    write("my.py", "def go():\n    from httpx import get\n    get('http://x')\ngo()\n")
    bench.run("mine.yaml", "--client", "my.py", "--json", "result.json")
    found = {one.client: one.libraries for one in read("result.json").attempts}
    assert found == {"": {}, "my.py": {"httpx": "0.28.1"}}
