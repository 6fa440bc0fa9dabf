"""What an attempt left behind -> its result. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from labctl.errors import EngineError
from labctl.judge import judge, observe
from labctl.judge.observe import start_of
from labctl.judge.policy import judge_policy
from labctl.judge.verdict import Judgement
from labctl.model.evidence import Capture, Evidence
from labctl.model.packet import Wire
from labctl.model.plan import PlannedAttempt
from labctl.model.result import AttemptResult, Observation, Outcome
from labctl.results.attempt import attempt_result, lab_error_result
from labctl.wire.decode import decode_all
from labctl.wire.explanation import explain
from labctl.wire.flows import analyse
from labctl.wire.ladder import make_ladder


@dataclass(frozen=True, kw_only=True)
class Ended:
    """An attempt that has ended: its result, and what that was made of (None if the lab broke)."""

    attempt: PlannedAttempt
    result: AttemptResult
    capture: Capture | None = None
    wire: Wire | None = None

    @property
    def leaves_traces(self) -> bool:
        """Whether packets of this attempt may still turn up in its tap: the kernel goes on with a
        connection that was not closed, after the client has gone. Where packets were lost, nobody
        knows: tens of thousands of connections leave their ports in use for a minute.
        """
        seen = self.result.observed
        done = seen is not None and seen.outcome in (Outcome.RAISED, Outcome.RETURNED)
        flows = self.wire.flows if self.wire else ()
        lost = seen is not None and bool(seen.lost_packets)
        return not done or lost or any(flow.outcome == "open" for flow in flows)

    def slim(self) -> Ended:
        """Without what takes most room of its result: of thousands, nobody reads every packet."""
        seen = self.result.observed
        if seen is None:
            return self
        bulk = {"packets": (), "calls": (), "stdout": "", "stderr": ""}
        result = self.result.model_copy(update={"observed": seen.model_copy(update=bulk)})
        return replace(self, result=result)


def examine(attempt: PlannedAttempt, evidence: Evidence) -> Ended:
    """An attempt that was made, observed and judged."""
    capture = evidence.capture
    wire = look_at(capture) if capture else None
    observation = observe(evidence, wire)
    result = attempt_result(attempt, observation, _judged(attempt, observation))
    told = {**(story(wire, observation) if wire else {}), "took_s": evidence.elapsed_s}
    return Ended(attempt=attempt, result=result.model_copy(update=told), capture=capture, wire=wire)


def _judged(attempt: PlannedAttempt, observation: Observation) -> Judgement:
    if attempt.rule is not None:
        return judge_policy(attempt.rule, observation)
    return judge(attempt.expectation, observation)


def story(wire: Wire, observation: Observation) -> dict[str, object]:
    """What people are told of the packets: the fields of a result for that."""
    ladder = make_ladder(wire, observation, start_ns=start_of(wire, observation))
    return {"ladder": ladder, "because": explain(wire, observation)}


def lab_broke(attempt: PlannedAttempt, error: EngineError) -> Ended:
    """An attempt that could not be made."""
    return Ended(attempt=attempt, result=lab_error_result(attempt, error))


def look_at(capture: Capture) -> Wire:
    """What a capture shows."""
    packets = decode_all(capture.packets)
    return analyse(packets, names=capture.names, resolvers=capture.resolvers)
