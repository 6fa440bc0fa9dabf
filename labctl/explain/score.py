"""How alike an expected exception and one of a traceback are, and why. Numbers from 0 to 1.

What a network did shows at the root of a chain: libraries wrap it in what is theirs. So the root
counts most, then the exception that came out, then the stack, its inner end more than its outer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from labctl.explain.families import bases, canonical
from labctl.explain.numbers import agrees, symbol
from labctl.explain.raised import Frame, Raised
from labctl.model.expectation import ANY, ExpectedException

Stack = Sequence[str] | None
"""Frames as `stack:` has them; None if a scenario says nothing of them."""

ROOT, OUTER, CHAIN, STACK = 0.65, 0.1, 0.05, 0.2
"""What each part counts; together 1."""

_EXACT, _SAME, _KIND, _KIN, _QUOTED = 1.0, 0.98, 0.8, 0.3, 0.5
"""An exception is the one; by its name of another Python; is of the kind that is asked for; is
near; is in the message only.
"""
_UNTOLD, _AGREE, _CONTRADICT, _ALL_THERE_IS = 0.6, 1.0, 0.3, 0.8
"""What is left of that where the message says nothing of the attributes, fits, or doesn't; or where
none are expected of an exception that is named.
"""
_LEAST = 0.15
"""What root and outcome must come to: an exception that is only related, with no more known."""
_OF_ROOT = 0.8
"""What a stack counts that is alike to that of the root only."""
_ALIKE = 0.9
"""What a stack counts at the most that is not the same."""
_DECAY = 0.6
"""How much less each frame counts than the one inside of it."""
_SILENT = frozenset({"asyncio.exceptions.CancelledError", "StopIteration", "KeyError"})
"""Exceptions at the end of a chain that only say how the one before was made."""


@dataclass(frozen=True)
class Likeness:
    """`because` has what is alike, in words."""

    score: float
    because: tuple[str, ...]


def likeness(expected: ExpectedException, frames: Stack, raised: Raised) -> Likeness:
    """Return how well an expected exception with its stack fits, 0 to 1; 0 if no exception of the
    chain fits.
    """
    inner, root = expected_root(expected), observed_root(raised)
    at_root = _alike(inner, root, raised.message or "")
    outer = _alike(expected, raised, raised.message or "")
    if ROOT * at_root + OUTER * outer < _LEAST:
        return Likeness(0.0, ())
    shape = _shape_expected(expected) == _shape_observed(raised)
    stack = _stack(frames, raised, root)
    score = at_root * (ROOT + OUTER * outer + CHAIN * shape + STACK * stack)
    return Likeness(score, tuple(_reasons(expected, frames, raised, stack)))


def expected_root(expected: ExpectedException) -> ExpectedException:
    """Return the end of the chain of an expected exception: the one that came first."""
    for link in (expected.cause, expected.context, *(expected.group or ())):
        if isinstance(link, ExpectedException) and canonical(name_of(link)) not in _SILENT:
            return expected_root(link)
    return expected


def observed_root(raised: Raised) -> Raised:
    """Return the end of the chain of an exception: the one that came first."""
    for link in (raised.cause, raised.context, *raised.group):
        if link and canonical(link.type) not in _SILENT:
            return observed_root(link)
    return raised


def name_of(expected: ExpectedException) -> str:
    """Return the exact type of an expected exception, or the base that it must have."""
    return expected.raises or expected.isa or ""


def _alike(expected: ExpectedException, raised: Raised, outermost: str) -> float:
    """Return how much a raised exception is like an expected one, 0 to 1."""
    kind = _kind(expected, raised)
    if kind:
        return kind * _details(expected, raised.message, certain=kind >= _KIND)
    bare = name_of(expected).rpartition(".")[2]
    wanted = expected.attrs.get("errno")
    quoted = f"{bare}(" in outermost or (wanted is not None and wanted == symbol(outermost))
    return _QUOTED if quoted else 0.0


def _kind(expected: ExpectedException, raised: Raised) -> float:
    """Return how close two exceptions' types are, 0 to 1: the same, a base, or kin."""
    wanted, seen = canonical(name_of(expected)), canonical(raised.type)
    if wanted == seen:
        return _EXACT if name_of(expected) == raised.type else _SAME
    if expected.isa and wanted in bases(raised.type):
        return _KIND
    if "." not in seen and wanted.endswith(f".{seen}"):
        return _KIND
    near = wanted in bases(raised.type) or seen in bases(name_of(expected))
    return _KIN if near else 0.0


def _details(expected: ExpectedException, message: str | None, *, certain: bool) -> float:
    """Return a factor for what a message says about the expected attributes and text."""
    if message is None:
        return _UNTOLD
    told = [agrees(name, value, message) for name, value in expected.attrs.items()]
    if expected.message is not None and message:
        told.append(expected.message in message)
    if False in told:
        return _CONTRADICT
    if True in told:
        return _AGREE
    if not told and expected.raises:
        return _ALL_THERE_IS
    return _UNTOLD if certain or symbol(message) is None else _CONTRADICT


def _shape_expected(expected: ExpectedException) -> list[str]:
    """Return the types of an expected exception and of all that is in it."""
    return [canonical(name_of(one)) for one in ExpectedException.everything(expected)]


def _shape_observed(raised: Raised) -> list[str]:
    """Return the types of a raised exception and of all that is in it."""
    return [canonical(one.type) for one in raised.everything()]


def _stack(expected: Stack, raised: Raised, root: Raised) -> float:
    """Return how much an expected stack is like that of a raised exception, or of its root,
    0 to 1.
    """
    if expected is None:
        return 0.0
    alike = stack_likeness(expected, raised.frames)
    return max(alike, _OF_ROOT * stack_likeness(expected, root.frames))


def stack_likeness(expected: Sequence[str], frames: Sequence[Frame] | None) -> float:
    """Return how alike two stacks are: 1 if they are the same (`...` stands for any frames), 0 if
    one has no frames.
    """
    if frames is None:
        return 0.0
    wanted = list(_frames(expected))
    seen = [str(frame) for frame in frames]
    if _fits(wanted, seen):
        return 1.0
    named = [frame for frame in wanted if frame != ANY]
    if not named or not seen:
        return 0.0
    inner = sum(_DECAY**i for i in range(_common_end(named, seen)))
    of = sum(_DECAY**i for i in range(len(seen)))
    return _ALIKE * (inner / of + _common(named, seen) / len(seen)) / 2


def _frames(expected: Sequence[str]) -> Iterator[str]:
    """Yield an expected stack in short form, `socket:create_connection`, without repetitions in a
    row.
    """
    before = ""
    for frame in expected:
        module, _, qualname = frame.partition(":")
        short = frame if frame == ANY else f"{module}:{qualname.rpartition('.')[2]}"
        if short != before:
            yield short
        before = short


def _fits(wanted: list[str], seen: list[str]) -> bool:
    """Tell whether frames match a pattern of frames, in which `...` stands for any number
    of them.
    """
    reached = {0}
    for frame in wanted:
        if frame == ANY:
            reached = set(range(min(reached), len(seen) + 1))
        else:
            reached = {i + 1 for i in reached if i < len(seen) and seen[i] == frame}
        if not reached:
            return False
    return len(seen) in reached


def _common_end(one: list[str], other: list[str]) -> int:
    """Return how many frames two stacks share at their ends."""
    pairs = zip(reversed(one), reversed(other), strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _common(one: list[str], other: list[str]) -> int:
    """Return the length of the longest common subsequence of two stacks."""
    row = [0] * (len(other) + 1)
    for a in one:
        before = row
        row = [0]
        for i, b in enumerate(other):
            row.append(before[i] + 1 if a == b else max(before[i + 1], row[i]))
    return row[-1]


def _reasons(
    expected: ExpectedException, frames: Stack, raised: Raised, stack: float
) -> Iterator[str]:
    """Yield, as clauses, what an expectation and a raised exception have in common."""
    seen = {canonical(one.type): one for one in raised.everything()}
    for one in ExpectedException.everything(expected):
        found = seen.get(canonical(name_of(one)))
        if found:
            yield f"{name_of(one)}{''.join(_same_details(one, found.message))}"
    for kind in seen:
        yield from _kinship(kind, canonical(name_of(expected_root(expected))))
    if stack == 1 and raised.frames:
        yield "the same stack"
    elif stack:
        shared = _shared(frames or (), raised)
        if shared:
            yield f"through {', '.join(shared[-3:])} too"


def _kinship(seen: str, wanted: str) -> Iterator[str]:
    """Yield a clause if one type is a base of the other."""
    if seen != wanted and wanted in bases(seen):
        yield f"{seen} is a kind of {wanted}"
    elif seen != wanted and seen in bases(wanted):
        yield f"{wanted} is a kind of {seen}"


def _same_details(expected: ExpectedException, message: str | None) -> Iterator[str]:
    """Yield, as clauses, the attributes and the text that a message tells about."""
    if message is None:
        return
    for name, value in expected.attrs.items():
        told = agrees(name, value, message)
        if told is not None:
            yield f" {'with' if told else 'but there with'} {name} {value}"
    if expected.message is not None and expected.message in message:
        yield f" with {expected.message!r}"


def _shared(expected: Sequence[str], raised: Raised) -> list[str]:
    """Return the expected frames that are in the raised exception's stacks, too."""
    seen = {str(frame) for one in raised.everything() for frame in one.frames or ()}
    return [frame for frame in expected if next(_frames([frame])) in seen]
