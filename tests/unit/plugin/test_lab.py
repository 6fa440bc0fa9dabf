"""The fixture `lab`, on an engine that is made of locks."""

from __future__ import annotations

import textwrap

import pytest

from labctl import plugin
from labctl.errors import EngineError
from labctl.load.bundled import bundled_compose, bundled_folder
from labctl.load.scenario import load_scenario
from labctl.model.libraries import third_party_libraries
from labctl.model.plan import PlannedAttempt
from labctl.plugin.lab_fixture import Lab
from labctl.plugin.lab_result import Seen
from tests.unit.fake_engine import FakeEngine
from tests.unit.judge.samples import evidence, report
from tests.unit.plugin.inner import Inner, Ran

FETCH = """\
import pytest
import smtplib


def fetch(host, port):
    smtplib.SMTP(host, port)


"""


@pytest.fixture
def made(inner: Inner) -> list[PlannedAttempt]:
    """What was run, in its order."""
    found: list[PlannedAttempt] = []

    def client(_engine: FakeEngine, attempt: PlannedAttempt) -> None:
        found.append(attempt)

    inner.engine.client = client
    return found


def run(inner: Inner, test: str, *args: str, head: str = FETCH) -> Ran:
    """Run a module of tests that begins with `fetch`."""
    inner.write("test_it.py", head + textwrap.dedent(test))
    return inner.run(*args)


def error_of(ran: Ran) -> list[str]:
    """What pytest shows of the exception, without its marks."""
    lines = [line for line in ran.out.splitlines() if line.startswith("E  ")]
    return [line[1:].strip() for line in lines]


def test_a_function_is_run_and_seen(inner: Inner, made: list[PlannedAttempt]) -> None:
    ran = run(
        inner,
        """\
        def test_it(lab):
            seen = lab.run("refused-port", fetch)
            assert seen.raised("ConnectionRefusedError")
            assert seen.elapsed_s < 5
        """,
    )
    assert ran.outcomes() == {"test_it": "passed"}
    [attempt] = made
    assert (attempt.scenario, attempt.attempt, attempt.client) == (
        "refused-port", "fetch", "test_it.py"
    )  # fmt: skip
    assert attempt.interpreter.version == "3.13.5"
    assert attempt.source.endswith(
        "import smtplib\n\n\ndef fetch(host, port):\n    smtplib.SMTP(host, port)\n"
        "fetch(host='closed.lab', port=2525)\n"
    )
    assert attempt.expectation is None
    assert inner.engine.limit_s == 30.0
    assert inner.engine.said == ["lab refused-port up", "tap", "lab refused-port down", "unguarded"]


def test_a_failed_assertion_shows_what_was_seen(inner: Inner) -> None:
    ran = run(
        inner,
        """\
        def test_it(lab):
            seen = lab.run("refused-port", fetch)
            assert seen.raised("TimeoutError")
        """,
    )
    assert ran.outcomes() == {"test_it": "call"}
    assert (
        "E        +    where raised = <refused-port, fetch on Python 3.13: "
        "ConnectionRefusedError: refused>.raised\n"
    ) in ran.out
    assert (
        "------------------- lab: refused-port, fetch on Python 3.13 --------------------\n"
        "  fetch on Python 3.13\n"
        "  ├─ transport ─────────────────────────\n"
        "  │    socket:create_connection\n"
        "  ╰▶ ConnectionRefusedError: refused\n" in ran.out
    )


def test_what_passes_shows_nothing(inner: Inner) -> None:
    ran = run(inner, 'def test_it(lab): lab.run("refused-port", fetch)\n')
    assert ran.report("test_it").sections == []


def test_only_the_last_ones_are_drawn(inner: Inner) -> None:
    ran = run(
        inner,
        """\
        def test_it(lab):
            for _ in range(7):
                lab.run("refused-port", fetch)
            assert 0
        """,
    )
    assert len(ran.report("test_it").sections) == 5


def test_a_lab_that_breaks_makes_an_error_and_no_failure(inner: Inner) -> None:
    inner.engine.broken_labs = frozenset({"refused-port"})
    ran = run(
        inner,
        """\
        def test_it(lab):
            lab.run("refused-port", fetch)

        @pytest.mark.xfail
        def test_expected_to_fail(lab):
            lab.run("refused-port", fetch)
        """,
    )
    assert ran.outcomes() == {"test_it": "setup", "test_expected_to_fail": "setup"}
    assert "2 errors in " in ran.out
    assert error_of(ran) == [
        "labctl.errors.EngineError: lab refused-port can't start", "hint: look at its log",
    ] * 2  # fmt: skip
    assert "handle.py" not in ran.out
    assert "session.py" not in ran.out


def test_nor_does_a_mark_make_it_less(inner: Inner) -> None:
    inner.refusal = EngineError("no engine")
    test = """\
        @pytest.mark.xfail
        def test_expected_to_fail(lab):
            lab.run("refused-port", fetch)
        """
    assert run(inner, test).code == pytest.ExitCode.TESTS_FAILED


def test_what_a_service_logged_steers_no_terminal(inner: Inner) -> None:
    inner.scenario("quiet")
    inner.refusal = EngineError("it died:\n\x1b[2Jgone", hint="see\x07")
    ran = run(inner, 'def test_it(lab): lab.run("refused-port", fetch)\n')
    assert ran.outcomes() == {"smtplib[3.13]": "setup", "test_it": "setup"}
    assert "\nit died:\n\\x1b[2Jgone\n  hint: see\\x07\n" in ran.out
    assert error_of(ran) == [
        "labctl.errors.EngineError: it died:",
        "\\x1b[2Jgone",
        "hint: see\\x07",
    ]
    assert "\x1b" not in ran.out


def test_every_mistake_of_a_scenario_is_told(inner: Inner) -> None:
    wrong = inner.scenario("quiet", layer="tpc", target="{host: closed.lab}")
    wrong.rename("own.yaml.txt")
    inner.write("own/quiet.yaml", (inner.folder / "own.yaml.txt").read_text())
    ran = run(inner, 'def test_it(lab): lab.run("own/quiet.yaml", fetch)\n', "test_it.py")
    said = error_of(ran)
    assert len(said) == 2
    assert said[0].startswith("labctl.errors.InputError: ")
    assert "own/quiet.yaml:3: layer: must be " in said[0]
    assert said[1].endswith('own/quiet.yaml:7: target: the key "port" is missing')


def test_one_that_a_test_takes_for_a_failure_is_none_either(inner: Inner) -> None:
    """Only what is raised through the test is an error: what it catches is its own affair."""
    inner.refusal = EngineError("no engine")
    ran = run(
        inner,
        """\
        def test_it(lab):
            with pytest.raises(Exception, match="no engine"):
                lab.run("refused-port", fetch)
        """,
    )
    assert ran.outcomes() == {"test_it": "passed"}


ATTEMPTS = ", ".join(
    attempt.name
    for attempt in load_scenario(
        bundled_folder("scenarios") / "tcp" / "refused-port.yaml", builtin_compose=bundled_compose()
    ).attempts
)
WRONG = {
    '"refused-prot", fetch': """\
labctl.errors.UsageError: no scenario is called "refused-prot"; did you mean "refused-port"?
hint: `labctl list` shows them all; a file is given as a path, like ./mine.yaml
""",
    '"refused-port", fetch, attempt="smptlib"': f"""\
labctl.errors.UsageError: refused-port has no attempt called smptlib; did you mean "smtplib"?
hint: it has {ATTEMPTS}
""",
    '"refused-port", fetch, requires=["request"]': f"""\
labctl.errors.UsageError: no client image has request; did you mean "requests"?
hint: there are {", ".join(third_party_libraries())}
""",
    '"refused-port", fetch, python="3.8"': """\
labctl.errors.UsageError: no client image has Python '3.8'
hint: there are 3.9, 3.10, 3.11, 3.12, 3.13, 3.14, and all
""",
    '"refused-port", lambda host, port: None': """\
labctl.errors.UsageError: a lambda can't be sent to a client's container
hint: write a function (def) that takes host and port, and give that
""",
    '"refused-port", "nowhere.py"': """\
labctl.errors.InputError: nowhere.py: there is no such file
""",
}


@pytest.mark.parametrize("call", WRONG)
def test_wrong_calls_say_what_to_do_and_have_no_traceback_of_ours(
    inner: Inner, made: list[PlannedAttempt], call: str
) -> None:
    ran = run(inner, f"def test_it(lab):\n    lab.run({call})\n")
    assert ran.outcomes() == {"test_it": "call"}
    assert error_of(ran) == WRONG[call].splitlines()
    assert "handle.py" not in ran.out
    assert not made


def test_a_scenario_of_ones_own_has_a_path_from_the_tests_folder(
    inner: Inner, made: list[PlannedAttempt]
) -> None:
    inner.write("tests/own/quiet.yaml", inner.scenario("quiet").read_text())
    inner.write("tests/test_own.py", FETCH + 'def test_it(lab): lab.run("own/quiet.yaml", fetch)\n')
    assert inner.run("tests/test_own.py").outcomes() == {"test_it": "passed"}
    assert inner.run("--rootdir=tests", "tests/test_own.py").outcomes() == {"test_it": "passed"}
    assert [one.scenario for one in made] == ["quiet", "quiet"]


def test_or_a_name_if_the_ini_file_tells_its_folder(
    inner: Inner, made: list[PlannedAttempt]
) -> None:
    inner.write("own/quiet.yaml", inner.scenario("quiet").read_text())
    inner.write("pytest.ini", "[pytest]\nlabctl_scenarios = own\n")
    ran = run(inner, 'def test_it(lab): lab.run("quiet", fetch)\n', "test_it.py")
    assert ran.outcomes() == {"test_it": "passed"}
    assert made[0].scenario == "quiet"


def test_what_an_attempt_expects_judges(inner: Inner) -> None:
    ran = run(
        inner,
        """\
        def test_it(lab):
            seen = lab.run("refused-port", fetch, attempt="smtplib")
            assert seen.verdict == "fail"
            assert seen.reasons
            assert lab.run("refused-port", fetch).verdict is None
        """,
    )
    assert ran.outcomes() == {"test_it": "passed"}


def test_pythons_are_those_of_the_options_or_of_the_call(
    inner: Inner, made: list[PlannedAttempt]
) -> None:
    test = """\
        def test_it(lab):
            lab.run("refused-port", fetch)
            lab.run("refused-port", fetch, python="3.11", timeout=4)
        """
    ran = run(inner, test, "--labctl-python=3.9,3.14")
    assert ran.outcomes() == {"test_it[3.9]": "passed", "test_it[3.14]": "passed"}
    assert [one.interpreter.series for one in made] == ["3.9", "3.11", "3.14", "3.11"]
    assert inner.engine.limit_s == 4


def test_a_fixture_of_that_name_that_is_not_ours_is_left_alone(inner: Inner) -> None:
    test = """\
        @pytest.fixture
        def lab():
            return 1

        def test_it(lab):
            assert lab == 1
        """
    ran = run(inner, test, "--labctl-python=3.9,3.14", "-m", "not labctl")
    assert ran.outcomes() == {"test_it": "passed"}
    assert inner.connections == []


def test_tests_with_it_are_marked(inner: Inner) -> None:
    test = """\
        def test_it(lab): pass
        def test_other(): pass
        """
    assert list(run(inner, test, "-m", "not labctl").outcomes()) == ["test_other"]


def test_libraries_are_those_that_are_imported_and_those_that_are_named(
    inner: Inner, made: list[PlannedAttempt]
) -> None:
    head = "import requests\ndef fetch(host, port): requests.get(host)\n"
    test = """\
        def test_it(lab):
            lab.run("refused-port", fetch)
            lab.run("refused-port", plain, requires=["httpx"])
            lab.run("refused-port", plain)

        def plain(host, port): pass
        """
    assert run(inner, test, head=head).outcomes() == {"test_it": "passed"}
    assert [one.requires for one in made] == [("requests",), ("httpx",), ()]
    assert inner.images.asked == ["labctl/client:3.13-libs", "labctl/client:3.13"]


def test_a_script_is_found_beside_the_test_and_gets_its_arguments(
    inner: Inner, made: list[PlannedAttempt]
) -> None:
    inner.write("tests/ask.py", "import sys\nprint(sys.argv)\n")
    inner.write(
        "tests/test_it.py",
        "def test_it(lab): lab.run('refused-port', 'ask.py', args=['-n', 3])\n",
    )
    assert inner.run().outcomes() == {"test_it": "passed"}
    [attempt] = made
    assert attempt.source == "import sys\nprint(sys.argv)\n"
    assert (attempt.attempt, attempt.client, attempt.argv) == ("ask", "ask.py", ("-n", "3"))


def test_services_of_all_that_tests_name_start_together(inner: Inner) -> None:
    test = """\
        @pytest.mark.parametrize("name", ["reset-on-read", "silent-server"])
        def test_named(lab, name):
            lab.run(name, fetch)

        def test_other(lab):
            def inside():
                return "refused-port"
            lab.run(inside(), fetch)
        """
    assert run(inner, test).code == 0
    labs = [said for said in inner.engine.said if said.startswith("lab")]
    assert labs == ["lab reset-on-read up", "lab reset-on-read down"]


def test_and_of_those_that_they_name_by_their_paths(inner: Inner) -> None:
    inner.write("own/quiet.yaml", inner.scenario("quiet", services="[mail]").read_text())
    test = """\
        def test_named(lab): lab.run("refused-port", fetch)
        def test_other(lab): lab.run("own/quiet.yaml", fetch)
        """
    assert run(inner, test, "test_it.py").code == 0
    labs = [said for said in inner.engine.said if said.startswith("lab")]
    assert labs == ["lab refused-port up", "lab refused-port down"]


def test_a_wrong_scenario_is_told_by_the_test_that_runs_it(inner: Inner) -> None:
    inner.write("own/quiet.yaml", inner.scenario("quiet", layer="tpc").read_text())
    (inner.folder / "quiet.yaml").unlink()
    inner.write("pytest.ini", "[pytest]\nlabctl_scenarios = own\n")
    test = """\
        def test_right(lab): lab.run("refused-port", fetch)
        def test_wrong(lab): lab.run("quiet", fetch)
        """
    ran = run(inner, test, "test_it.py")
    assert ran.outcomes() == {"test_right": "passed", "test_wrong": "call"}
    assert "own/quiet.yaml:3: layer: must be " in error_of(ran)[0]


def test_scenario_files_and_tests_share_a_lab(inner: Inner) -> None:
    inner.scenario("quiet")
    ran = run(inner, 'def test_it(lab): lab.run("refused-port", fetch)\n')
    assert ran.outcomes() == {"smtplib[3.13]": "passed", "test_it": "passed"}
    assert inner.engine.said == ["lab quiet up", "tap", "lab quiet down", "unguarded"]


def test_a_client_that_leaves_no_report_is_seen_too(inner: Inner) -> None:
    inner.engine.leaves = lambda _: evidence(b"", exit=137)
    ran = run(
        inner,
        """\
        def test_it(lab):
            seen = lab.run("refused-port", fetch)
            assert seen.outcome == "killed"
            assert not seen.raised("BaseException")
            with pytest.raises(ValueError, match="killed"):
                seen.value
        """,
    )
    assert ran.outcomes() == {"test_it": "passed"}


def test_there_are_types_for_annotations() -> None:
    assert (plugin.Lab, plugin.Seen) == (Lab, Seen)
    with pytest.raises(AttributeError, match=r"^module labctl\.plugin has no attribute nothing$"):
        plugin.nothing  # noqa: B018


def test_what_was_seen_can_not_be_changed(inner: Inner) -> None:
    made = report(outcome="returned", exception=None, stack=[], returned="[1]")
    inner.engine.leaves = lambda _: evidence(made)
    ran = run(
        inner,
        """\
        def test_it(lab):
            seen = lab.run("refused-port", fetch)
            assert seen.value == [1]
            with pytest.raises(AttributeError):
                seen.result = None
        """,
    )
    assert ran.outcomes() == {"test_it": "passed"}
