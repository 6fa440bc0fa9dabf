"""Claims that can't be true. Each passes where the check that doubts it is taken away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from labctl.judge import forgery, judge
from labctl.model.expectation import Expectation
from labctl.model.result import Call, Flow, Observation, Origin, Verdict
from tests.unit.judge.samples import STACK, exception, expectation, frames, raised

WIRE = ["dns closed.lab A answered", "tcp closed.lab:2525 refused"]
LINE = 849
LIBRARY = Origin(client=False, how="call", under=STACK[-1], line=LINE)


def connect(
    *stack: str, to: tuple[Any, ...] = ("198.18.0.11", 2525), line: int | None = LINE
) -> Call:
    return Call(at_s=0.1, event="socket.connect", args=to, stack=stack, line=line)


def seen(**changes: Any) -> Observation:
    """An honest client of a refused port, with its wire, changed."""
    stack = frames(*STACK)
    given = {
        "exception": exception(origin=LIBRARY),
        "stack": (*stack[:-1], stack[-1].model_copy(update={"line": LINE})),
        "calls": (connect(*STACK),),
        "flows": (
            _flow("dns", "closed.lab", 53, "answered"),
            _flow("tcp", "closed.lab", 2525, "refused"),
        ),
    }
    return raised(**{**given, **changes})


def _flow(protocol: str, host: str, port: int, outcome: str) -> Flow:
    detail = {"dns": {"name": host, "type": "A"}} if protocol == "dns" else None
    return Flow.model_validate(
        {"protocol": protocol, "host": host, "address": "198.18.0.11", "port": port,
         "outcome": outcome, "detail": detail}
    )  # fmt: skip


def by_client(how: str, under: str = "", line: int = 3) -> Origin:
    return Origin.model_validate({"client": True, "how": how, "under": under, "line": line})


PLAIN: dict[str, Any] = {"stack": [], "wire": WIRE}
THROUGH: dict[str, Any] = {"wire": WIRE}


@dataclass(frozen=True)
class Doubted:
    """`check` is the function of the judge that must notice."""

    check: str
    what: str
    says: str
    expected: Expectation
    observed: Observation


def plain(**changes: Any) -> Observation:
    """The same by a client that calls `connect` itself."""
    honest = {
        "stack": (),
        "exception": exception(origin=by_client("call")),
        "calls": (connect(to=("closed.lab", 2525), line=3),),
    }
    return seen(**{**honest, **changes})


WRAPPED: dict[str, Any] = {
    "raises": "urllib.error.URLError", "attrs": None, "wire": WIRE, "stack": None,
    "context": {"raises": "ConnectionRefusedError"},
}  # fmt: skip

DOUBTED = {
    "raised by hand": Doubted(
        "_origins", "origin",
        "ConnectionRefusedError was raised by the client's own code (line 3), so it says nothing",
        expectation(**PLAIN), plain(exception=exception(origin=by_client("raise"))),
    ),
    "thrown by hand": Doubted(
        "_origins", "origin", "was raised by the client's own code",
        expectation(**PLAIN), plain(exception=exception(origin=by_client("throw"))),
    ),
    "any kind of it": Doubted(
        "_origins", "origin", "was raised by the client's own code",
        expectation(**PLAIN, raises=None, isa="OSError"),
        plain(exception=exception(origin=by_client("raise"))),
    ),
    "a library's, by hand": Doubted(
        "_origins", "origin", "smtplib.SMTPConnectError was raised by the client's own code",
        expectation(raises="smtplib.SMTPConnectError", attrs=None, stack=list(STACK[:2])),
        seen(
            exception=exception("smtplib.SMTPConnectError", origin=by_client("raise")),
            stack=frames(*STACK[:2]),
        ),
    ),
    "in the place of what the library calls": Doubted(
        "_origins", "origin",
        "came out of the client's own code (line 3), which stood in for what "
        "socket:create_connection calls",
        expectation(**THROUGH),
        seen(exception=exception(origin=by_client("call", "socket:create_connection"))),
    ),
    "a context made by hand": Doubted(
        "_origins", "origin", "ConnectionRefusedError (context) was raised by the client's own",
        expectation(**WRAPPED),
        seen(exception=exception(
            "urllib.error.URLError", context=exception(origin=by_client("raise")))),
    ),
    "made-up frames": Doubted(
        "_frames", "stack", "smtplib:SMTP.connect claims to be a frame of smtplib",
        expectation(**THROUGH),
        seen(stack=tuple(
            f.model_copy(update={"genuine": f.qualname != "SMTP.connect"})
            for f in seen().stack)),
    ),
    "the stack of another run": Doubted(
        "_calls", "calls", "ends in socket:create_connection, but no connection was tried from",
        expectation(**THROUGH), seen(calls=(connect(),)),
    ),
    "half of another stack": Doubted(
        "_calls", "calls", "no connection was tried from there",
        expectation(**THROUGH), seen(calls=(connect(STACK[-1]),)),
    ),
    "another line": Doubted(
        "_calls", "calls", "no connection was tried from there",
        expectation(**THROUGH), seen(calls=(connect(*STACK, line=12),)),
    ),
    "a connection that left no packet": Doubted(
        "_calls", "calls", "no connection was tried from there",
        expectation(**THROUGH), seen(calls=(connect(*STACK, to=("198.18.0.11", 9)),)),
    ),
    "no look-up": Doubted(
        "_calls", "calls", "ends in socket:getaddrinfo, but no name was looked up from there",
        expectation(raises="socket.gaierror", attrs=None, stack=["socket:getaddrinfo"],
                    wire=["dns closed.lab A answered"]),
        seen(exception=exception("socket.gaierror"), stack=frames("socket:getaddrinfo"),
             flows=(_flow("dns", "closed.lab", 53, "answered"),)),
    ),
    "refused by a Unix socket": Doubted(
        "_calls", "calls", "came out of a connection to /tmp/nobody, which is not on the wire",
        expectation(**PLAIN), plain(calls=(connect(to=("/tmp/nobody",), line=3),)),
    ),
    "tampering": Doubted(
        "_tampering", "tampered", "the client wrote to the probe's own descriptor",
        expectation(**THROUGH), seen(tampered=("wrote to the probe's own descriptor",)),
    ),
}  # fmt: skip


def test_a_group_of_what_connections_met_is_raised_after_them() -> None:
    group = exception("ExceptionGroup", attrs={}, group=(exception(), exception()))
    wanted = expectation(raises="ExceptionGroup", attrs=None, wire=WIRE, stack=list(STACK))
    calls = (connect(*STACK, line=LINE - 8),)
    assert judge(wanted, seen(exception=group, calls=calls)).verdict is Verdict.PASS
    assert judge(wanted, seen(exception=group, calls=())).verdict is Verdict.FAIL


@pytest.mark.parametrize("name", DOUBTED)
def test_a_claim_that_cannot_be_true_fails(name: str) -> None:
    doubted = DOUBTED[name]
    judgement = judge(doubted.expected, doubted.observed)
    assert judgement.verdict is Verdict.FAIL
    assert [one.what for one in judgement.differences] == [doubted.what]
    assert doubted.says in judgement.reasons[0]


@pytest.mark.parametrize("name", DOUBTED)
def test_without_the_check_it_would_pass(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    doubted = DOUBTED[name]
    monkeypatch.setattr(forgery, doubted.check, lambda *_: ())
    assert judge(doubted.expected, doubted.observed).verdict is Verdict.PASS


@pytest.mark.parametrize("name", DOUBTED)
def test_lost_packets_excuse_only_what_is_compared_with_packets(name: str) -> None:
    doubted = DOUBTED[name]
    flooded = doubted.observed.model_copy(update={"lost_packets": 3})
    verdict = judge(doubted.expected, flooded).verdict
    is_about_packets = doubted.check == "_calls"
    assert verdict is (Verdict.INCONCLUSIVE if is_about_packets else Verdict.FAIL)


def test_a_flood_buys_no_pass_where_no_packets_are_expected() -> None:
    flooded = plain(exception=exception(origin=by_client("raise")), lost_packets=3)
    assert judge(expectation(stack=[], wire=None), flooded).verdict is Verdict.FAIL


HONEST = {
    "smtplib": (expectation(**THROUGH), seen()),
    "plain sockets": (expectation(**PLAIN), plain()),
    "after others failed": (
        expectation(**THROUGH), seen(calls=(connect(to=("/dev/log",), line=1), connect(*STACK))),
    ),
    "in a pool of threads": (
        expectation(stack=["concurrent.futures._base:Future.result", *STACK], wire=WIRE),
        seen(
            stack=(*frames("concurrent.futures._base:Future.result"), *seen().stack),
            calls=(connect("threading:Thread.run", "concurrent.futures.thread:_worker", *STACK),),
        ),
    ),
    "a late refusal, of a connection that doesn't block": (
        expectation(**PLAIN), plain(exception=exception(origin=by_client("call", line=9))),
    ),
    "an event loop in C": (
        expectation(**{**PLAIN, "stack": ["asyncio.runners:run"]}),
        plain(
            exception=exception(origin=by_client("throw", "asyncio.runners:run")),
            stack=frames("asyncio.runners:run"),
        ),
    ),
    "an exception of the client's own": (
        expectation(raises="SystemExit", attrs=None, stack=[], wire=WIRE),
        plain(exception=exception("SystemExit", origin=by_client("raise"))),
    ),
    "a library's, raised after a plain answer": (
        expectation(raises="smtplib.SMTPDataError", attrs=None, stack=[], wire=WIRE),
        plain(exception=exception("smtplib.SMTPDataError", origin=by_client("raise"))),
    ),
    "a name for the address": (
        expectation(**PLAIN), plain(calls=(connect(to=("localhost", 2525), line=3),)),
    ),
    "an older probe": (expectation(**PLAIN), plain(exception=exception(), calls=())),
    "nothing captured, nothing asked": (
        expectation(stack=[], wire=None), plain(flows=None),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HONEST)
def test_honest_clients_are_never_doubted(name: str) -> None:
    expected, observed = HONEST[name]
    assert (judge(expected, observed).reasons, judge(expected, observed).verdict) == (
        (), Verdict.PASS,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"calls": (), "omitted_calls": 5}, "made more calls than the probe keeps"),
        (
            {"calls": (Call(at_s=0.1, event="socket.connect"),)},
            "made more calls than the probe keeps",
        ),
        (
            {"stack": tuple(f.model_copy(update={"genuine": None}) for f in seen().stack)},
            "the library's files could not be read",
        ),
    ],
)
def test_what_nobody_can_say_is_inconclusive(changes: dict[str, Any], says: str) -> None:
    judgement = judge(expectation(**THROUGH), seen(**changes))
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert says in judgement.reasons[0]


def test_calls_that_were_too_many_do_not_matter_where_the_one_is_known() -> None:
    assert judge(expectation(**THROUGH), seen(omitted_calls=5)).verdict is Verdict.PASS


def test_a_class_that_is_called_like_another_is_not_it() -> None:
    fake = exception("__main__.ConnectionRefusedError", named="ConnectionRefusedError")
    judgement = judge(expectation(**PLAIN), plain(exception=fake))
    assert (
        "but a class that the client made and called ConnectionRefusedError was raised"
        in judgement.reasons[0]
    )
