"""Results for pages: every kind of attempt once, and whole runs of any size."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice, product
from typing import Any

from labctl.errors import EngineError
from labctl.model.flow_detail import DnsDetail, FlowDetail
from labctl.model.result import (
    AttemptResult,
    Call,
    EngineInfo,
    Frame,
    ImageInfo,
    Ladder,
    LadderRow,
    Observation,
    Outcome,
    PacketInfo,
    Result,
    ScenarioInfo,
    Unhandled,
)
from labctl.results.attempt import lab_error_result
from tests.unit.judge.samples import (
    CONNECT,
    STACK,
    event,
    exception,
    expectation,
    flow,
    frames,
    interpreter,
    planned,
    raised,
    result,
    returned,
    returning,
)
from tests.unit.report.rendered import result_of

PYTHONS = ("3.9.25", "3.10.20", "3.11.2", "3.12.13", "3.13.5", "3.14.4")
LAYERS = ("tcp", "dns", "tls", "smtp", "http", "udp")
HOSTILE = (
    "<script>document.title='ran'</script>",
    "</script><script>document.title='ran'</script>",
    "</title></style></details></bdi><h1 id=broke>x</h1>",
    '"><img src=x onerror="document.title=\'ran\'">',
    "<!--<script>",
    "\x1b[31mred\x1b[0m\x1b]0;title\x07",
    "\u202eevil\u202c\u2066x",
    "\x00\x7f\u2028\u2029\ufeff",
    "\ud800",
    "&lt;b&gt;&amp;",
    "${alert(1)} {{x}} `y`",
    "العربية",
    "w" * 5000,
    "",
)

DNS = flow(
    "answered",
    protocol="dns",
    address="198.18.0.2",
    port=53,
    detail=FlowDetail(source="198.18.0.130", dns=DnsDetail(name="closed.lab", type="A")),
)
LADDER = Ladder(
    hosts=("dns", "closed.lab"),
    rows=(
        LadderRow(source=0, target=0, text='getaddrinfo("closed.lab", 2525)', at_s=0.0003),
        LadderRow(source=0, target=1, text="closed.lab A?", at_s=0.0011),
        LadderRow(source=1, target=0, text="198.18.0.11", at_s=0.0019),
        LadderRow(source=0, target=0, text="connect(198.18.0.11, 2525)", at_s=0.0042),
        LadderRow(source=0, target=2, text="SYN to port 2525", at_s=0.0044),
        LadderRow(source=2, target=0, text="RST: nobody listens here", at_s=0.0045),
        LadderRow(
            source=0,
            target=0,
            text="ConnectionRefusedError: [Errno 111] Connection refused",
            at_s=0.04,
            mark="✘",
        ),
    ),
)
BECAUSE = (
    "The host closed.lab answered the SYN to port 2525 with a RST: nothing listens there. So "
    "connect failed with ECONNREFUSED."
)
WIRE = ["dns closed.lab A answered", "tcp closed.lab:2525 refused"]
SEEN: dict[str, Any] = {"flows": (DNS, flow())}
AS_IT_SHOULD: dict[str, Any] = {"wire": WIRE, "served": []}


def passing(**changes: Any) -> AttemptResult:
    """A refused port, as expected."""
    expected = expectation(**AS_IT_SHOULD)
    return drawn(result(raised(**SEEN), **{"expectation": expected, **changes}))


def drawn(one: AttemptResult, **changes: Any) -> AttemptResult:
    """The attempt with what is drawn of it."""
    more = {"ladder": LADDER, "because": BECAUSE, "took_s": one.elapsed_s + 0.1, **changes}
    return one.model_copy(update=more)


def failing(**changes: Any) -> AttemptResult:
    """Another exception, another stack, another end on the wire, and output."""
    seen = raised(
        exception=exception(
            "TimeoutError",
            message="timed out",
            attrs={"errno": None},
            symbols={},
            context=exception("OSError", message="[Errno 113] No route to host"),
        ),
        stack=(
            *frames(*STACK[:2], layer="application"),
            *frames("ssl:SSLSocket.read", layer="tls"),
        ),
        flows=(DNS, flow("unanswered")),
        stdout="".join(f"trying, the {n}. time\n" for n in range(1, 9)),
        stderr="\x1b[31mTraceback (most recent call last):\x1b[0m\n  no luck\n",
        elapsed_s=5.004,
    )
    rows = (
        *LADDER.rows[:5],
        LadderRow(source=0, target=2, text="SYN again, 3 times, nobody answers", at_s=1.03),
        LadderRow(source=0, target=0, text="TimeoutError: timed out", at_s=5.004, mark="✘"),
    )
    expected = expectation(**AS_IT_SHOULD)
    one = result(seen, **{"expectation": expected, **changes})
    story = Ladder(hosts=LADDER.hosts, rows=rows, notes=("Not drawn: 1 packet.",))
    because = "Nobody answered the SYN to port 2525 of closed.lab."
    return drawn(one, ladder=story, because=because)


def wrong_attribute(**changes: Any) -> AttemptResult:
    expected = expectation(attrs={"errno": "ECONNRESET"}, message="reset", **AS_IT_SHOULD)
    return drawn(result(raised(**SEEN), **{"expectation": expected, **changes}))


def unproven(**changes: Any) -> AttemptResult:
    """The capture has lost packets."""
    seen = raised(**SEEN, lost_packets=3)
    return drawn(result(seen, **{"expectation": expectation(**AS_IT_SHOULD), **changes}))


def broken(**changes: Any) -> AttemptResult:
    """The lab could not be run."""
    error = EngineError("service dns died:\n  no such file", hint="run labctl doctor")
    return lab_error_result(planned(**changes), error)


def shown(**changes: Any) -> AttemptResult:
    """A client of one's own, of which nothing is expected."""
    given = {"attempt": "my", "client": "my.py", "expectation": None, **changes}
    return result(returned("{'status': 200}", stdout="hello\n", **SEEN), **given)


def served(**changes: Any) -> AttemptResult:
    """A client that returned, a server that spoke, and a thread that ended badly."""
    seen = returned(
        "250",
        flows=(DNS, flow("closed")),
        served=(event("connect"), event("mail", text="FROM:<ada@lab.test>"), event("extra")),
        unhandled=(Unhandled(where="thread Thread-1", exception=exception("ValueError")),),
    )
    expected = returning("250", served=["mail connect", "mail mail text=FROM:<ada@lab.test>"])
    return drawn(result(seen, **{"expectation": expected, **changes}))


def killed(**changes: Any) -> AttemptResult:
    seen = Observation(outcome=Outcome.KILLED, signal="SIGKILL", elapsed_s=0.2, **SEEN)
    return drawn(result(seen, **{"expectation": expectation(**AS_IT_SHOULD), **changes}))


def undrawn(**changes: Any) -> AttemptResult:
    """As documents before there were ladders have it."""
    there, here = "198.18.0.11", "198.18.0.130"
    packets = (
        _packet(0.005, there, here, "who has 198.18.0.130?", None),
        _packet(0.01, here, there, "SYN", 0),
        _packet(0.02, there, here, "RST", 0),
    )
    calls = (CONNECT, Call(at_s=0.011, event="import", args=("x",)))
    flows = (flow(detail=FlowDetail(source=here)),)
    return result(raised(packets=packets, calls=calls, flows=flows), **changes)


def _packet(at_s: float, source: str, destination: str, info: str, flow: int | None) -> PacketInfo:
    return PacketInfo(
        at_s=at_s,
        interface="eth0",
        source=source,
        destination=destination,
        protocol="tcp",
        length=60,
        info=info,
        flow=flow,
    )


BAD = (failing, wrong_attribute, unproven, broken, served, killed)


def run(*attempts: AttemptResult, **changes: Any) -> Result:
    """A run of the attempts, of which their scenarios tell the layers."""
    names = dict.fromkeys(one.scenario for one in attempts)
    scenarios = {name: scenario(name, LAYERS[n % len(LAYERS)]) for n, name in enumerate(names)}
    more = {
        "engine": EngineInfo(
            name="docker", version="20.10.24", kernel="6.18", architecture="amd64"
        ),
        "images": {
            f"labctl/client:{python.rpartition('.')[0]}": ImageInfo(
                id="sha256:b575f059d77f64e9c701", origin="debian", python=python
            )
            for python in PYTHONS
        },
        "started": 1795812600.0,
        "took_s": 252.4,
        "scenarios": scenarios,
    }
    return result_of(*attempts).model_copy(update={**more, **changes})


def scenario(name: str, layer: str = "tcp") -> ScenarioInfo:
    return ScenarioInfo(
        title="Nothing listens on the port",
        layer=layer,
        tags=("core",),
        path=f"scenarios/{layer}/{name}.yaml",
        lines={"smtplib": 14},
    )


def many(number: int, bad: int = 24) -> Result:
    """A run of so many attempts, most of which pass."""
    kinds: list[Callable[..., AttemptResult]] = [*(BAD * number)[:bad]]
    places = product(range(number), ("smtplib", "socket", "http.client", "asyncio"), PYTHONS)
    attempts = []
    for at, (place, name, python) in enumerate(islice(places, number)):
        kind = kinds[at // 7] if at % 7 == 0 and at // 7 < bad else passing
        one = kind(scenario=f"refused-port-{place}", attempt=name, interpreter=interpreter(python))
        attempts.append(one.model_copy(update={"ladder": later(one.ladder, at)}))
    return run(*attempts)


def later(ladder: Ladder | None, number: int) -> Ladder | None:
    """The same with other times: no two attempts take as long."""
    if ladder is None:
        return None
    rows = (
        row.model_copy(update={"at_s": row.at_s and row.at_s + number / 10_000})
        for row in ladder.rows
    )
    return ladder.model_copy(update={"rows": tuple(rows)})


def hostile(text: str) -> AttemptResult:
    """One that says this wherever an attempt can say anything."""
    bad = exception(
        text, message=text, attrs={text: text}, symbols={text: text}, bases=(text, text)
    )
    seen = raised(
        exception=bad.model_copy(update={"cause": bad, "group": (bad,), "named": text}),
        stack=(Frame(module=text, qualname=text, layer=text),),
        unhandled=(Unhandled(where=text, exception=bad),),
        flows=(flow(text, host=text, protocol=text),),
        served=(event(text, service=text, text=text),),
        stdout=text,
        stderr=text,
        returned=text,
    )
    rows = (LadderRow(source=0, target=1, text=text, at_s=0.1, mark=text),)
    return result(seen, attempt=text, client=text, scenario=text).model_copy(
        update={
            "python": text,
            "libraries": {text: text},
            "reasons": (text, text),
            "not_judged": (text,),
            "because": text,
            "capture": text,
            "ladder": Ladder(hosts=(text,), rows=rows, notes=(text,)),
        }
    )
