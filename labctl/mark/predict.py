"""Marks of a prediction: what the student said x what was observed just now."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import SequenceMatcher

from labctl.judge.diff import stack_names
from labctl.load.yaml_reader import Value
from labctl.mark.client import NO_HINT
from labctl.model.exercise import Ask, QuestionFile
from labctl.model.grade import Mark, Part
from labctl.model.result import Observation

NOTHING = "none"
_SAME_AS_NOTHING = frozenset({"-", "nothing", "none", "null", "returns", "no exception"})


def mark_answer(
    name: str, question: QuestionFile, answer: Value, observation: Observation, *, tell: bool = True
) -> Part:
    """The part of one question. No answer has no points, even where `none` is right. Unless it is
    to `tell` what is right, nobody who still tries reads it here.
    """
    truth = _TRUTHS[question.ask](observation)
    given = _listed(answer) if question.ask == "modules" else [_text(answer)]
    answered = answer not in (None, (), "")
    share = _share(question.ask, given, truth) if answered else 0.0
    right, said = ", ".join(truth), ", ".join(given) if answered else "no answer"
    mark = Mark(
        title=question.text,
        points=round(question.points * share, 3),
        max_points=question.points,
        expected=right if tell else "",
        actual=said,
        hint="" if question.hint == NO_HINT else question.hint,
    )
    return Part(
        name=f"predict/{name}",
        kind="predict",
        title=question.text,
        hidden=question.hidden,
        bonus=question.bonus,
        marks=(mark,),
    )


def _share(ask: Ask, given: Sequence[str], truth: Sequence[str]) -> float:
    """How much of the points an answer is worth: of a list, what is right and in order."""
    if ask != "modules" or list(truth) == [NOTHING]:
        return float(len(given) == 1 and _alike(ask, given[0], truth[0]))
    same = SequenceMatcher(None, list(given), list(truth), autojunk=False)
    matching = sum(block.size for block in same.get_matching_blocks())
    return matching / max(len(given), len(truth), 1)


def _alike(ask: Ask, given: str, right: str) -> bool:
    if right == NOTHING:
        return given.casefold() in _SAME_AS_NOTHING
    if ask == "exception":
        return given in (right, right.rpartition(".")[2])
    if ask == "errno":
        return given.upper().removeprefix("ERRNO.") in (right, *right.split(" = "))
    if ask == "innermost":
        return _function(given) == _function(right)
    return given.casefold() == right.casefold()


def _function(text: str) -> str:
    """`socket:create_connection` of that, of `socket.create_connection` and of either with ()."""
    return text.removesuffix("()").replace(":", ".")


def _text(answer: Value) -> str:
    return "" if answer is None else str(answer).strip()


def _listed(answer: Value) -> list[str]:
    """A list, or the names in a text: `smtplib, socket`, `smtplib > socket`."""
    if isinstance(answer, tuple):
        return [_text(one) for one in answer]
    return [one for one in re.split(r"[\s,;>→]+", _text(answer)) if one]


# --- what was observed ----------------------------------------------------------------------------


def _exception(observation: Observation) -> list[str]:
    return [observation.exception.type if observation.exception else NOTHING]


def _errno(observation: Observation) -> list[str]:
    """`ECONNREFUSED = 111`."""
    exception = observation.exception
    number = exception.attrs.get("errno") if exception else None
    if exception is None or number is None:
        return [NOTHING]
    symbol = exception.symbols.get("errno")
    return [f"{symbol} = {number}" if symbol else str(number)]


def _innermost(observation: Observation) -> list[str]:
    return [next(reversed(stack_names(observation)), NOTHING)]


def _modules(observation: Observation) -> list[str]:
    """The modules that the exception came through, the outermost first, each once."""
    return list(dict.fromkeys(frame.module for frame in observation.stack)) or [NOTHING]


def _wire(observation: Observation) -> list[str]:
    """How the last connection ended; where there is none, how the look-up did."""
    flows = [f for f in observation.flows or () if not (f.detail and f.detail.incoming)]
    made = [flow for flow in flows if flow.protocol in ("tcp", "udp")] or flows
    return [made[-1].outcome if made else NOTHING]


_TRUTHS: Mapping[Ask, Callable[[Observation], list[str]]] = {
    "exception": _exception,
    "errno": _errno,
    "innermost": _innermost,
    "modules": _modules,
    "wire": _wire,
}
