"""What a run found: observations, verdicts and the one document that holds them.

The JSON of `Result` is the format `labctl-result/1`: its names hold from the first version on.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from labctl.model.base import Record
from labctl.model.flow_detail import FlowDetail


class Verdict(StrEnum):
    """`inconclusive`: evidence is missing. `error`: the lab broke; never the client's fault."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"


class Outcome(StrEnum):
    """How a client ended. The last five left no complete report of the probe."""

    RAISED = "raised"
    RETURNED = "returned"
    EXITED = "exited"
    """Left by `os._exit` or the like."""
    KILLED = "killed"
    """Ended by a signal."""
    OUT_OF_MEMORY = "out-of-memory"
    TIMED_OUT = "timed-out"
    """Was still running when labctl's own limit was up."""
    GARBLED = "garbled"
    """What came out of the container was not a report."""


class Frame(Record):
    """One library function in a stack; `line` is for people, and is never compared.

    One that is not `genuine` has the name of a module's function, and other code or other
    globals; None if the module's file could not be read to compare.
    """

    module: str
    qualname: str
    line: int | None = None
    layer: str = ""
    genuine: bool | None = True


class Origin(Record):
    """Where an exception was raised: `client` if in the client's own code, at that `line`.

    `how` is `raise` for a statement, `throw` for what was thrown into a generator, and `call` for
    what came out of anything else, mostly a function in C. `under` is the innermost library
    function above (`socket:create_connection`), or empty.
    """

    client: bool
    how: Literal["raise", "throw", "call"]
    under: str = ""
    line: int | None = None


class ExceptionInfo(Record):
    """One exception as the probe saw it.

    `bases` are the qualified names of its MRO, its own first. `attrs` holds JSON scalars, or the
    `repr` of anything else; `symbols` the symbolic names of numbers among them
    (`{"errno": "ECONNREFUSED"}`). `message` is None if `__str__` gave no text in time.
    `named` is what a class called itself that can't be found under that name; its `type` is in
    `__main__` then. `origin` is None if there was no traceback.
    """

    type: str
    message: str | None = None
    attrs: dict[str, int | float | bool | str | None] = Field(default_factory=dict)
    symbols: dict[str, str] = Field(default_factory=dict)
    bases: tuple[str, ...] = ()
    cause: ExceptionInfo | None = None
    context: ExceptionInfo | None = None
    group: tuple[ExceptionInfo, ...] | None = None
    omitted: int = 0
    """Chained or grouped exceptions that were too many to report."""
    named: str = ""
    origin: Origin | None = None


class Unhandled(Record):
    """An exception that ended a thread or a task and never reached the client's own code."""

    where: str
    exception: ExceptionInfo
    stack: tuple[Frame, ...] = ()


class Call(Record):
    """One audit event (PEP 578) of the client: `at_s` seconds after its start.

    `stack` are the library functions that led to it (`socket:create_connection`), outermost
    first, and `line` is where the innermost function of all stood, be it the client's.
    """

    at_s: float
    event: str
    args: tuple[int | float | bool | str | None, ...] = ()
    stack: tuple[str, ...] | None = None
    line: int | None = None


class ServerEvent(Record):
    """What a service said of one client. `at_s` is on the service's monotonic clock."""

    service: str
    at_s: float
    event: str
    peer: str = ""
    detail: dict[str, Any] = Field(default_factory=dict)


class Flow(Record):
    """One conversation on the wire, and how it ended.

    `host` is the name that was looked up for the address, else the address. Of a DNS query it is
    the name asked for, and `address` and `port` are the server's.
    """

    protocol: str
    host: str
    address: str
    port: int
    outcome: str
    detail: FlowDetail | None = None


class PacketInfo(Record):
    """A packet as a result document lists it. `at_s` counts from the client's start; `flow` is
    an index into the observation's flows, or None.
    """

    at_s: float
    interface: str
    source: str
    destination: str
    protocol: str
    length: int
    info: str
    flow: int | None = None


class Observation(Record):
    """Everything seen of one attempt. `flows` is None if nothing was captured; `packets` are
    the first of them, and `lost_packets` and `lost_events` count what was too much to keep.

    `stdout` and `stderr` are head and tail, with a line between that counts what was dropped;
    `returned` is the `repr` of the client's last expression. `tampered` says what the client did
    to the probe, each as the rest of a sentence about it. `sockets` are those that were still
    open when the client's code had ended, as `tcp 198.18.0.3:2525`; None if the probe could
    not tell.
    """

    outcome: Outcome
    exception: ExceptionInfo | None = None
    stack: tuple[Frame, ...] = ()
    omitted_frames: int = 0
    returned: str | None = None
    unhandled: tuple[Unhandled, ...] = ()
    calls: tuple[Call, ...] = ()
    omitted_calls: int = 0
    tampered: tuple[str, ...] = ()
    sockets: tuple[str, ...] | None = None
    flows: tuple[Flow, ...] | None = None
    packets: tuple[PacketInfo, ...] = ()
    lost_packets: int = 0
    lost_events: int = 0
    served: tuple[ServerEvent, ...] = ()
    stdout: str = ""
    stderr: str = ""
    exit: int | None = None
    signal: str | None = None
    elapsed_s: float = 0.0
    process_s: float = 0.0
    """How long the client's process ran, in seconds, as the probe saw it from outside."""
    cut_short: bool = False
    """Whether it was ended before it had as much time of its own as its limit: it was starved for
    longer than anybody waits.
    """
    cpu_s: float = 0.0
    """How long the client's threads and processes had a processor, in seconds."""
    starved_s: float = 0.0
    """How long the client and the services waited for a processor meanwhile, in seconds."""
    started_ns: int | None = None
    """When the client's code began, in nanoseconds of CLOCK_REALTIME."""


class Difference(Record):
    """One way in which an observation is not what was expected.

    `what` names the part: `exception`, `attrs.errno`, `cause.exception`, `stack`, `elapsed`, ...
    """

    what: str
    expected: str
    actual: str
    message: str


HOSTS_LIMIT = 5
"""Columns of a ladder beside the client's."""


class LadderRow(Record):
    """One line of a ladder: what went from one column to another, or took place in one of them.

    `source` and `target` are columns; 0 is the client's, host number n of the ladder has n + 1.
    A row with both the same is a note at that column, with `mark` before it. `both` marks an
    exchange in both directions. `at_s` counts from the client's start; None for a row that has no
    time of its own.
    """

    source: int
    target: int
    text: str
    at_s: float | None = None
    mark: str = "●"
    both: bool = False


class Ladder(Record):
    """The story of one attempt on the wire, in the order of time; long ones lack their middle."""

    hosts: Annotated[tuple[str, ...], Field(max_length=HOSTS_LIMIT)]
    rows: tuple[LadderRow, ...]
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _columns_are_there(self) -> Self:
        """Raise ValueError if a row is in a column that does not exist."""
        last = len(self.hosts)
        if any(not 0 <= column <= last for row in self.rows for column in (row.source, row.target)):
            raise ValueError("a row of the ladder is in a column that is not there")
        return self


REPEATS = 10_000
"""How often an attempt can be made in one run."""
Took = Annotated[float, Field(ge=0, le=1e7)]
"""Seconds that something took."""
Moment = Annotated[float, Field(ge=0, le=1e11)]
"""Seconds since 1970, UTC."""

Key = tuple[str, str, str, str, int]
"""Scenario, attempt, Python, client and repeat."""


class AttemptResult(Record):
    """One attempt and its verdict; `verdict` is None if nothing was expected of the client."""

    scenario: str
    attempt: str
    python: str
    client: str = ""
    """The file of a client given with --client; empty for the scenario's own."""
    libraries: dict[str, str] = Field(default_factory=dict)
    """What the attempt requires, with the versions that were there."""
    repeat: Annotated[int, Field(ge=1, le=REPEATS)] = 1
    verdict: Verdict | None
    reasons: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    not_judged: tuple[str, ...] = ()
    elapsed_s: Took = 0.0
    took_s: Took = 0.0
    """How long its container ran, in seconds: the client can't make that shorter."""
    made_again: bool = False
    """Whether it was made before, and failed when the machine was too busy to tell."""
    expected: dict[str, Any] | None = None
    observed: Observation | None = None
    because: str = ""
    """Why it ended as it did, as a sentence."""
    ladder: Ladder | None = None
    capture: str = ""
    """The file with its packets, as --pcap wrote it."""

    @property
    def key(self) -> Key:
        """What tells the result from all others of its run."""
        return (self.scenario, self.attempt, self.python, self.client, self.repeat)


class EngineInfo(Record):
    """The engine that a run used."""

    name: str
    version: str
    kernel: str = ""
    architecture: str = ""


class ImageInfo(Record):
    """An image that a run used: `origin` is where its base comes from, such as registry. `packages`
    are the third-party ones that its clients have, with their versions.
    """

    id: str
    origin: str
    python: str = ""
    packages: dict[str, str] = Field(default_factory=dict)


class ScenarioInfo(Record):
    """A scenario of a run: `path` is its file, `lines` where each attempt begins in it.

    `files` has the text of that file and of those that it names, by their paths from its folder.
    A `bundled` one came with labctl, and every labctl knows it by its name.
    """

    title: str
    layer: str
    tags: tuple[str, ...] = ()
    path: str = ""
    bundled: bool = False
    lines: dict[str, int] = Field(default_factory=dict)
    files: dict[str, str] = Field(default_factory=dict)


class Request(Record):
    """What a run was asked for, beside its attempts: what it takes to make them again.

    `attempts` are the names given with --attempt. `client` is the path of a client given with
    --client, and `source` its text; `policy_file` and `policy` are what was given with --policy,
    and the text of that, None if there was none. `shard` is `2/5`, or empty for all.
    """

    jobs: int = 4
    timeout_s: Annotated[float, Field(ge=0.1, le=3600)] = 30.0
    attempts: tuple[str, ...] = ()
    client: str = ""
    source: str = ""
    policy_file: str = ""
    policy: str | None = None
    shard: Annotated[str, Field(pattern=r"^([1-9]\d{0,3}/[1-9]\d{0,3})?$")] = ""
    fail_fast: bool = False


class Result(Record):
    """All of one run, as `--json` writes it. `started` is seconds since 1970, UTC."""

    schema_: Literal["labctl-result/1"] = Field(default="labctl-result/1", alias="schema")
    labctl: str
    engine: EngineInfo
    images: dict[str, ImageInfo]
    summary: dict[Verdict, int]
    interrupted: bool = False
    started: Moment = 0.0
    took_s: Took = 0.0
    request: Request = Field(default_factory=Request)
    scenarios: dict[str, ScenarioInfo] = Field(default_factory=dict)
    attempts: tuple[AttemptResult, ...]
