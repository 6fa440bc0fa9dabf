"""What a policy makes of what came out of a client."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.judge.observe import observe
from labctl.judge.policy import WORST_FIRST, judge_policy, policy_json
from labctl.model.expectation import Expectation
from labctl.model.policy import AtMost, Rule
from labctl.model.result import ExceptionInfo, Observation, Origin, Outcome, Unhandled, Verdict
from tests.unit.judge.samples import CONNECT, evidence, exception, flow, raised, report, returned
from tests.unit.judge.test_observe import JSON, KEYS

SURVIVED: dict[str, Any] = {"sockets": (), "exit": 1}
DEFAULT = Rule()


def ended(type_: str = "ConnectionRefusedError", *bases: str, **changes: Any) -> Observation:
    """What raised that, and was well otherwise."""
    info = exception(type_, bases=(type_, *(bases or ("OSError",)), "Exception", "BaseException"))
    given = {"exception": info, **SURVIVED, **changes}
    return raised(**given)


def came_back(value: str | None = None, **changes: Any) -> Observation:
    return returned(value, **{"sockets": (), "exit": 0, "calls": (CONNECT,), **changes})


def broke(rule: Rule, seen: Observation) -> list[tuple[str, str, str]]:
    """What, expected and actual of each difference; the reasons are their messages."""
    judgement = judge_policy(rule, seen)
    assert judgement.reasons == tuple(one.message for one in judgement.differences)
    assert (judgement.verdict is Verdict.FAIL) is bool(judgement.differences)
    order = [WORST_FIRST.index(one.what) for one in judgement.differences]
    assert order == sorted(order)
    return [(one.what, one.expected, one.actual) for one in judgement.differences]


def reason(rule: Rule, seen: Observation) -> str:
    (only,) = judge_policy(rule, seen).reasons
    return only


# --- what survives --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "seen",
    [
        ended(),
        ended("socket.gaierror"),
        ended("smtplib.SMTPServerDisconnected", "smtplib.SMTPException", "OSError"),
        ended("asyncio.exceptions.IncompleteReadError", "EOFError"),
        ended("asyncio.exceptions.TimeoutError", "Exception"),
        ended("http.client.BadStatusLine", "http.client.HTTPException"),
        ended("poplib.error_proto", "Exception"),
        ended("httpx.ConnectError", "httpx.TransportError", "httpx.HTTPError"),
        ended("SystemExit", "BaseException", exit=3),
        ended("SystemExit", "BaseException", exit=0),
        ended(elapsed_s=15.0),
        came_back(),
        came_back("3"),
    ],
    ids=lambda seen: seen.exception.type if seen.exception else "returned",
)
def test_survives(seen: Observation) -> None:
    judgement = judge_policy(DEFAULT, seen)
    assert (judgement.verdict, judgement.reasons, judgement.not_judged) == (Verdict.PASS, (), ())


# --- what does not end ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "changes", "what", "message"),
    [
        (
            Outcome.TIMED_OUT,
            {"elapsed_s": 30.04},
            "hang",
            (
                "the client was still running when its 30.0 s were up: give all that waits a "
                "timeout, and the whole a deadline"
            ),
        ),
        (
            Outcome.OUT_OF_MEMORY,
            {},
            "out-of-memory",
            "the client used up its memory and was killed: bound what you read of a peer",
        ),
        (
            Outcome.KILLED,
            {"signal": "SIGSEGV"},
            "killed",
            (
                "the client was killed (SIGSEGV): nothing but a crash, or a signal of its own, "
                "does that"
            ),
        ),
        (
            Outcome.GARBLED,
            {},
            "garbled",
            (
                "what came out of the client's container was not a report: leave all descriptors "
                "alone that are not yours"
            ),
        ),
        (
            Outcome.EXITED,
            {"exit": 3},
            "exit",
            (
                "the client ended its process before it raised or returned anything (exit status "
                "3): nobody can catch what os._exit does, so raise, or call sys.exit"
            ),
        ),
    ],
)
def test_without_an_end(outcome: Outcome, changes: dict[str, Any], what: str, message: str) -> None:
    seen = Observation(outcome=outcome, **changes)
    assert broke(DEFAULT, seen) == [(what, "an end", outcome.value)]
    assert reason(DEFAULT, seen) == message


def test_code_that_ends_in_a_process_that_does_not() -> None:
    for seen in (ended(exit=None, elapsed_s=0.25), came_back(exit=None, elapsed_s=0.25)):
        assert broke(DEFAULT, seen) == [("hang", "an end", "still running")]
        assert reason(DEFAULT, seen) == (
            "the client's code had ended after 0.25 s, but its process never did: a thread, an "
            "atexit function or a __str__ waits without a timeout"
        )


def test_a_process_that_is_killed_after_its_code_has_ended() -> None:
    seen = ended(exit=None, signal="SIGSEGV")
    assert broke(DEFAULT, seen) == [("killed", "an end", "SIGSEGV")]
    assert reason(DEFAULT, seen) == (
        "the client's code had ended when its process was killed (SIGSEGV)"
    )


# --- exceptions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "type_",
    ["AttributeError", "KeyError", "UnicodeDecodeError", "Exception", "__main__.MyError"],
)
def test_what_is_not_documented(type_: str) -> None:
    seen = ended(type_, "Exception")
    assert broke(DEFAULT, seen) == [("exception", "documented", type_)]


@pytest.mark.parametrize(
    ("raises", "admitted"),
    [
        (("OSError",), True),
        (("ConnectionRefusedError",), True),
        (("TimeoutError", "OSError"), True),
        (("Exception",), True),
        (("BaseException",), True),
        (("TimeoutError",), False),
        (("documented",), True),
        ((), False),
    ],
)
def test_a_base_admits_what_is_derived_from_it(raises: tuple[str, ...], admitted: bool) -> None:
    seen = ended("ConnectionRefusedError", "ConnectionError", "OSError")
    found = broke(Rule(raises=raises), seen)
    expected = ", ".join(raises) or "none"
    assert found == ([] if admitted else [("exception", expected, "ConnectionRefusedError")])


@pytest.mark.parametrize(
    ("wanted", "type_", "admitted"),
    [
        ("mylib.MyError", "mylib.errors.MyError", True),
        ("mylib.MyError", "mylib.MyError", True),
        ("mylib.errors.MyError", "mylib.MyError", False),
        ("mylib.MyError", "mylibs.errors.MyError", False),
        ("mylib.MyError", "mylib.errors.NotMyError", False),
        ("mylib.aio.MyError", "mylib.errors.MyError", False),
        ("imaplib.IMAP4.error", "imaplib.IMAP4.other.error", False),
    ],
)
def test_a_package_may_offer_it_under_a_shorter_name(
    wanted: str, type_: str, admitted: bool
) -> None:
    assert (broke(Rule(raises=(wanted,)), ended(type_, "Exception")) == []) is admitted


def test_nothing_admits_keyboard_interrupt() -> None:
    seen = ended("KeyboardInterrupt", "BaseException", exit=130)
    for rule in (DEFAULT, Rule(raises=("BaseException",))):
        assert broke(rule, seen) == [("exception", rule.raises[0], "KeyboardInterrupt")]
        assert reason(rule, seen).endswith("which nothing but a person at the keyboard may cause")


def group(*members: str) -> Observation:
    inner = tuple(exception(name, bases=(name, "Exception")) for name in members)
    info = exception("ExceptionGroup", bases=("ExceptionGroup", "Exception"), group=inner)
    return raised(exception=info, **SURVIVED)


def test_a_group_is_what_is_in_it() -> None:
    rule = Rule(raises=("TimeoutError", "ConnectionResetError"))
    assert broke(rule, group("TimeoutError", "ConnectionResetError")) == []
    assert broke(rule, group("TimeoutError", "KeyError")) != []
    assert broke(rule, group()) != []
    assert broke(Rule(raises=("ExceptionGroup",)), group("KeyError")) == []


ORIGINS: list[tuple[Origin | None, str]] = [
    (Origin(client=True, how="raise", line=12), " of line 12"),
    (Origin(client=True, how="raise"), ""),
    (Origin(client=False, how="call", under="imaplib:IMAP4._get_line", line=9),
     " of imaplib:IMAP4._get_line"),
    (Origin(client=False, how="call"), ""),
    (None, ""),
]  # fmt: skip


@pytest.mark.parametrize(("origin", "place"), ORIGINS)
def test_a_reason_says_where_it_came_from(origin: Origin | None, place: str) -> None:
    info = ExceptionInfo(type="KeyError", message="'to'", bases=("KeyError",), origin=origin)
    assert reason(DEFAULT, raised(exception=info, **SURVIVED)) == (
        f"KeyError came out{place} ('to'), which is not documented for network code: catch it, "
        "or name it in `raises`"
    )


@pytest.mark.parametrize(
    ("raises", "type_", "said"),
    [
        ((), "OSError", "where nothing may: catch it, or name it in `raises`"),
        (("TimeoutError", "EOFError"), "OSError",
         "which is none of TimeoutError, EOFError: catch it, or name it in `raises`"),
        (("documented",), "ModuleNotFoundError",
         "so it could not even begin: its image lacks what it imports"),
    ],
)  # fmt: skip
def test_a_reason_names_the_remedy(raises: tuple[str, ...], type_: str, said: str) -> None:
    info = ExceptionInfo(type=type_, bases=(type_,))
    seen = raised(exception=info, **SURVIVED)
    assert reason(Rule(raises=raises), seen) == f"{type_} came out, {said}"


def test_a_long_message_is_cut() -> None:
    info = ExceptionInfo(type="KeyError", message="x" * 5000)
    assert len(reason(DEFAULT, raised(exception=info, **SURVIVED))) < 400


# --- returning and exiting ------------------------------------------------------------------------


def test_who_must_not_return() -> None:
    rule = Rule(returns=False)
    assert broke(rule, ended()) == []
    assert broke(rule, ended("SystemExit", "BaseException", exit=2)) == []
    expected = "an exception, or an exit code"
    assert broke(rule, came_back()) == [("returned", expected, "returned")]
    assert reason(rule, came_back()) == (
        "the client returned as if all were well, but this failure must come out of it"
    )
    exits = ended("SystemExit", "BaseException", exit=0)
    assert broke(rule, exits) == [("returned", expected, "exited with 0")]
    assert reason(rule, exits).startswith("the client exited with 0 as if all were well")


def test_who_must_return_a_literal() -> None:
    rule = Rule(returns="'down'")
    assert broke(rule, came_back("'down'")) == []
    assert broke(rule, came_back('"down"')) == []
    assert broke(rule, ended()) == []
    assert broke(rule, came_back("'up'")) == [("returned", "'down'", "'up'")]
    assert reason(rule, came_back("'up'")) == (
        "expected the client to return 'down', but it returned 'up'"
    )
    exits = ended("SystemExit", "BaseException", exit=0)
    assert broke(rule, exits) == [("returned", "'down'", "None")]
    assert broke(Rule(returns="..."), exits) == []


def test_exit_codes() -> None:
    rule = Rule(exits=(0, 1, 75))
    for code in (0, 1, 75):
        assert broke(rule, ended("SystemExit", "BaseException", exit=code)) == []
    seen = ended("SystemExit", "BaseException", exit=2)
    assert broke(rule, seen) == [("exit", "0, 1 or 75", "2")]
    assert reason(rule, seen) == "the client exited with 2, where `exits` admits 0, 1 or 75"
    assert reason(Rule(exits=()), seen) == (
        "the client exited with 2, where `exits` admits no code at all"
    )
    assert reason(Rule(exits=(1,)), seen).endswith("admits 1")
    assert broke(rule, ended(exit=1)) == []


def test_who_returns_and_then_exits_with_something_else() -> None:
    assert broke(DEFAULT, came_back(exit=3)) == [("exit", "0", "3")]
    said = "the client's code returned, but its process exited with"
    assert reason(DEFAULT, came_back(exit=3)) == f"{said} 3"
    assert reason(DEFAULT, came_back(exit=120)) == f"{said} 120: its output could not be written"


# --- threads, time, sockets -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("thread worker", ("ended thread worker, and the client's code was not told: catch it in "
         "the thread, and hand it to whoever waits for that")),
        ("task Task-1", ("ended task Task-1, and the client's code was not told: await the task, "
         "or put it in a task group")),
        ("future", "ended future, and the client's code was not told: await the future"),
        ("event loop", ("ended event loop, and the client's code was not told: catch it in the "
         "callback")),
        ("elsewhere", "ended elsewhere, and the client's code was not told: catch it"),
        ("unraisable", "came out of a destructor or a callback, where nobody can catch it"),
    ],
)  # fmt: skip
def test_what_ends_unnoticed(where: str, said: str) -> None:
    one = Unhandled(where=where, exception=exception("TimeoutError"))
    seen = came_back(unhandled=(one,))
    assert broke(DEFAULT, seen) == [("unhandled", "none", "TimeoutError")]
    assert reason(DEFAULT, seen) == f"TimeoutError {said}"
    assert broke(Rule(unhandled="any"), seen) == []


def test_a_reason_is_no_longer_than_people_read_and_has_its_end() -> None:
    long = "E" * 5000
    seen = ended(exception=ExceptionInfo(type=long, bases=(long, "Exception")))
    said = reason(DEFAULT, seen)
    assert said.startswith("EEE")
    assert said.endswith(
        "E came out, which is not documented for network code: catch it, or name it in `raises`"
    )
    assert len(said) == 800


def test_too_slow() -> None:
    assert broke(DEFAULT, ended(elapsed_s=15.01)) == [("elapsed", "at most 15 s", "15.01 s")]
    assert broke(DEFAULT, ended(elapsed_s=15.0004)) == [("elapsed", "at most 15 s", "15.0004 s")]
    rule = Rule(elapsed=AtMost(max=2.5))
    assert broke(rule, ended(elapsed_s=2.5)) == []
    seen = came_back(elapsed_s=3.14159)
    assert broke(rule, seen) == [("elapsed", "at most 2.5 s", "3.14 s")]
    assert reason(rule, seen) == (
        "the client took 3.14 s, where 2.5 s are the most: give each step a shorter timeout, and "
        "the whole a deadline"
    )


@pytest.mark.parametrize(
    ("sockets", "said"),
    [
        (["tcp 198.18.0.3:25"], ("1 socket was still open when the client's code had ended, "
         "tcp 198.18.0.3:25: close it, by `with` or in `finally`")),
        (["tcp a:1", "tcp b:1", "tcp a:1"], ("3 sockets were still open when the client's code "
         "had ended, 2 times tcp a:1, tcp b:1: close them, by `with` or in `finally`")),
        ([f"tcp a:{n}" for n in range(16)], ("16 or more sockets were still open when the "
         "client's code had ended, tcp a:0, tcp a:1, tcp a:2, tcp a:3, ...: close them, by `with` "
         "or in `finally`")),
    ],
)  # fmt: skip
def test_sockets_left_open(sockets: list[str], said: str) -> None:
    seen = ended(sockets=tuple(sockets))
    assert [what for what, *_ in broke(DEFAULT, seen)] == ["sockets"]
    assert reason(DEFAULT, seen) == said
    assert broke(Rule(sockets="any"), seen) == []


def test_a_connection_that_is_open_on_the_wire_says_nothing() -> None:
    assert judge_policy(DEFAULT, ended(flows=(flow("open"),))).verdict is Verdict.PASS


def test_all_that_broke_is_told_the_worst_first() -> None:
    one = Unhandled(where="thread t", exception=exception("KeyError"))
    seen = ended("KeyError", "Exception", exit=None, elapsed_s=20, unhandled=(one,), sockets=("x",))
    found = [what for what, *_ in broke(DEFAULT, seen)]
    assert found == ["hang", "exception", "unhandled", "elapsed", "sockets"]


# --- what nobody can tell -------------------------------------------------------------------------


def test_a_probe_that_could_not_tell() -> None:
    judgement = judge_policy(DEFAULT, ended(sockets=None))
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.reasons == ("the probe could not tell which sockets were still open",)
    assert judge_policy(Rule(sockets="any"), ended(sockets=None)).verdict is Verdict.PASS
    assert judge_policy(DEFAULT, ended(sockets=None, exit=None)).verdict is Verdict.FAIL


@pytest.mark.parametrize("flows", [None, ()])
def test_a_client_that_went_nowhere_met_no_failure(flows: Any) -> None:
    seen = came_back(calls=(), flows=flows)
    judgement = judge_policy(DEFAULT, seen)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.reasons == (
        (
            "the client neither asked for a name nor for a connection, so no failure met it: its "
            "target is in LAB_HOST and LAB_PORT"
        ),
    )
    for sign in ({"calls": (CONNECT,)}, {"flows": (flow(),)}, {"lost_packets": 1},
                 {"omitted_calls": 1}):  # fmt: skip
        assert judge_policy(DEFAULT, seen.model_copy(update=sign)).verdict is Verdict.PASS


# --- whatever comes -------------------------------------------------------------------------------


@given(st.dictionaries(KEYS, JSON, max_size=2))
def test_any_report_can_be_judged(changes: dict[str, Any]) -> None:
    seen = observe(evidence(report(**changes)))
    for rule in (DEFAULT, Rule(returns=False, exits=()), Rule(returns="[1]", raises=())):
        judgement = judge_policy(rule, seen)
        assert bool(judgement.reasons) is (judgement.verdict is not Verdict.PASS)


def test_a_result_has_the_rule_apart_from_what_a_scenario_expects() -> None:
    rule = Rule(raises=("documented", "mylib.MyError"), returns=False)
    assert policy_json(rule) == {
        "policy": {
            "raises": ["documented", "mylib.MyError"],
            "returns": False,
            "elapsed": {"max": 15.0},
            "sockets": "closed",
            "exits": "any",
            "unhandled": "none",
        }
    }
    assert not policy_json(rule).keys() & Expectation.model_fields.keys()
