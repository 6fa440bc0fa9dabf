"""Expected x observed -> verdict. Pure: no clock, no Docker, no printing."""

from labctl.judge.observe import observe
from labctl.judge.verdict import Judgement, judge

__all__ = ["Judgement", "judge", "observe"]
