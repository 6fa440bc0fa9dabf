"""From what an attempt left behind to its result. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from labctl.errors import EngineError
from labctl.judge import judge, observe
from labctl.judge.observe import start_of
from labctl.judge.policy import judge_policy
from labctl.judge.starvation import busy_sentence, may_be_starved
from labctl.judge.verdict import Judgement
from labctl.model.evidence import Capture, Evidence
from labctl.model.packet import Wire
from labctl.model.plan import PlannedAttempt
from labctl.model.result import AttemptResult, Observation, Outcome, Verdict
from labctl.results.attempt import attempt_result, lab_error_result
from labctl.wire.decode import decode_all
from labctl.wire.explanation import explain
from labctl.wire.flows import analyse
from labctl.wire.ladder import make_ladder


@dataclass(frozen=True, kw_only=True)
class EndedAttempt:
    """An attempt that has ended: its result, and the packets that the result was made of.

    `capture` and `wire` are None if the lab broke. `may_be_starved` says of one that failed that
    nobody knows whether it would have passed on a machine with less to do.
    """

    attempt: PlannedAttempt
    result: AttemptResult
    capture: Capture | None = None
    wire: Wire | None = None
    may_be_starved: bool = False

    @property
    def is_dirty(self) -> bool:
        """Whether packets of this attempt may still turn up in its tap.

        The kernel goes on with a connection that was not closed, after the client has gone. Where
        packets were lost, nobody knows: tens of thousands of connections leave their ports in use
        for a minute.
        """
        observed = self.result.observed
        if observed is None or observed.outcome not in (Outcome.RAISED, Outcome.RETURNED):
            return True
        flows = self.wire.flows if self.wire else ()
        return bool(observed.lost_packets) or any(flow.outcome == "open" for flow in flows)

    def made_again(self) -> EndedAttempt:
        """Return a copy that says that it was made again, because the first was starved. One that
        was starved again is inconclusive.
        """
        again: dict[str, object] = {"made_again": True}
        if self.may_be_starved and self.result.observed is not None:
            again["verdict"] = Verdict.INCONCLUSIVE
            again["reasons"] = (busy_sentence(self.result.observed), *self.result.reasons)
        return replace(self, result=self.result.model_copy(update=again))

    def without_bulk(self) -> EndedAttempt:
        """Return a copy without what takes most room in its result: packets, calls and output."""
        observed = self.result.observed
        if observed is None:
            return self
        bulk = {"packets": (), "calls": (), "stdout": "", "stderr": ""}
        result = self.result.model_copy(update={"observed": observed.model_copy(update=bulk)})
        return replace(self, result=result)


def examine(attempt: PlannedAttempt, evidence: Evidence) -> EndedAttempt:
    """Compute an attempt's observation from its evidence, judge it, and return the attempt with its
    result.
    """
    capture = evidence.capture
    wire = read_capture(capture) if capture else None
    observation = observe(evidence, wire)
    judgement = _judgement(attempt, observation)
    result = attempt_result(attempt, observation, judgement)
    more = {**(wire_fields(wire, observation) if wire else {}), "took_s": evidence.elapsed_s}
    return EndedAttempt(
        attempt=attempt,
        result=result.model_copy(update=more),
        capture=capture,
        wire=wire,
        may_be_starved=may_be_starved(
            attempt.rule or attempt.expectation, observation, judgement.differences
        ),
    )


def _judgement(attempt: PlannedAttempt, observation: Observation) -> Judgement:
    """Judge an observation by the attempt's policy, or else by its expectation."""
    if attempt.rule is not None:
        return judge_policy(attempt.rule, observation)
    return judge(attempt.expectation, observation)


def wire_fields(wire: Wire, observation: Observation) -> dict[str, object]:
    """Return the fields of a result that show the packets to people: `ladder` and `because`."""
    ladder = make_ladder(wire, observation, start_ns=start_of(wire, observation))
    return {"ladder": ladder, "because": explain(wire, observation)}


def lab_error(attempt: PlannedAttempt, error: EngineError) -> EndedAttempt:
    """Return an attempt that the lab could not make, with the error as its reason."""
    return EndedAttempt(attempt=attempt, result=lab_error_result(attempt, error))


def read_capture(capture: Capture) -> Wire:
    """Decode the packets of a capture, and sort them into flows."""
    packets = decode_all(capture.packets)
    return analyse(packets, names=capture.names, resolvers=capture.resolvers)
