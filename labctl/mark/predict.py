"""Marks of predictions: a student's answers, compared with what was observed."""

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

_NONE = "none"
_SPELLINGS_OF_NONE = frozenset({"-", "nothing", "none", "null", "returns", "no exception"})


def mark_answer(
    name: str,
    question: QuestionFile,
    answer: Value,
    observation: Observation,
    *,
    show_solution: bool = True,
) -> Part:
    """Return the part of one question. `observation` is of the attempt that it is about.

    A missing answer has no points, even if `none` is right. Without `show_solution`, the part does
    not contain the right answer: a student who may still try reads it.
    """
    right = _RIGHT_ANSWERS[question.ask](observation)
    given = _names(answer) if question.ask == "modules" else [_text(answer)]
    is_answered = answer not in (None, (), "")
    share = _share(question.ask, given, right) if is_answered else 0.0
    mark = Mark(
        title=question.text,
        points=round(question.points * share, 3),
        max_points=question.points,
        expected=", ".join(right) if show_solution else "",
        actual=", ".join(given) if is_answered else "no answer",
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


def _share(ask: Ask, given: Sequence[str], right: Sequence[str]) -> float:
    """Return the share of the points, 0 to 1; of a list, the names that are right and in order."""
    if ask != "modules" or list(right) == [_NONE]:
        return float(len(given) == 1 and _is_right(ask, given[0], right[0]))
    matcher = SequenceMatcher(None, list(given), list(right), autojunk=False)
    matching = sum(block.size for block in matcher.get_matching_blocks())
    return matching / max(len(given), len(right), 1)


def _is_right(ask: Ask, given: str, right: str) -> bool:
    """Tell whether an answer means the right one. Some questions accept several spellings."""
    if right == _NONE:
        return given.casefold() in _SPELLINGS_OF_NONE
    if ask == "exception":
        return given in (right, right.rpartition(".")[2])
    if ask == "errno":
        return given.upper().removeprefix("ERRNO.") in (right, *right.split(" = "))
    if ask == "innermost":
        return _function(given) == _function(right)
    return given.casefold() == right.casefold()


def _function(text: str) -> str:
    """Return a function's name in one spelling: `a.b` for `a:b` and for `a.b()`."""
    return text.removesuffix("()").replace(":", ".")


def _text(answer: Value) -> str:
    """Return an answer as text; empty if there is none."""
    return "" if answer is None else str(answer).strip()


def _names(answer: Value) -> list[str]:
    """Return the names in a list, or in a text: `smtplib, socket`, `smtplib > socket`."""
    if isinstance(answer, tuple):
        return [_text(one) for one in answer]
    return [one for one in re.split(r"[\s,;>→]+", _text(answer)) if one]


# --- right answers --------------------------------------------------------------------------------


def _exception(observation: Observation) -> list[str]:
    """Return the right answer to which exception was raised."""
    return [observation.exception.type if observation.exception else _NONE]


def _errno(observation: Observation) -> list[str]:
    """Return the errno of the exception: `ECONNREFUSED = 111`."""
    exception = observation.exception
    number = exception.attrs.get("errno") if exception else None
    if exception is None or number is None:
        return [_NONE]
    symbol = exception.symbols.get("errno")
    return [f"{symbol} = {number}" if symbol else str(number)]


def _innermost(observation: Observation) -> list[str]:
    """Return the right answer to which frame is innermost."""
    return [next(reversed(stack_names(observation)), _NONE)]


def _modules(observation: Observation) -> list[str]:
    """Return the modules that the exception came through, the outermost first, each once."""
    return list(dict.fromkeys(frame.module for frame in observation.stack)) or [_NONE]


def _wire(observation: Observation) -> list[str]:
    """Return how the last connection ended; if there is none, how the DNS lookup ended."""
    flows = [f for f in observation.flows or () if not (f.detail and f.detail.incoming)]
    connections = [flow for flow in flows if flow.protocol in ("tcp", "udp")] or flows
    return [connections[-1].outcome if connections else _NONE]


_RIGHT_ANSWERS: Mapping[Ask, Callable[[Observation], list[str]]] = {
    "exception": _exception,
    "errno": _errno,
    "innermost": _innermost,
    "modules": _modules,
    "wire": _wire,
}
