"""Whether a policy admits an exception that came out of a client. Pure."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from labctl.judge.exceptions import clip
from labctl.model.policy import DOCUMENTED, Rule
from labctl.model.result import Difference, ExceptionInfo, Observation


def left_by_exit(observation: Observation) -> bool:
    """Tell whether the client ended by sys.exit. Then its exit code is judged, not its
    exception.
    """
    return observation.exception is not None and "SystemExit" in _names(observation.exception)


def _names(exception: ExceptionInfo) -> tuple[str, ...]:
    """Return the names of an exception's type and its bases."""
    return (exception.type, *exception.bases)


def raised(rule: Rule, observation: Observation) -> Iterator[Difference]:
    """Yield a difference if the exception that came out is not one that the rule admits."""
    exception = observation.exception
    if exception is None or left_by_exit(observation) or _admits(rule.admitted, exception):
        return
    said = f" ({clip(exception.message)})" if exception.message else ""
    yield Difference(
        what="exception",
        expected=", ".join(rule.raises) or "none",
        actual=exception.type,
        message=f"{exception.type} came out{_place(exception)}{said}, "
        f"{_not_admitted(rule, exception)}",
    )


def _place(exception: ExceptionInfo) -> str:
    """Return where the exception was raised, as a phrase for a message; empty if unknown."""
    origin = exception.origin
    if origin is not None and origin.client and origin.line is not None:
        return f" of line {origin.line}"
    return f" of {clip(origin.under)}" if origin is not None and origin.under else ""


def _not_admitted(rule: Rule, exception: ExceptionInfo) -> str:
    """Return why the policy does not admit an exception, as a clause."""
    if "KeyboardInterrupt" in _names(exception):
        return "which nothing but a person at the keyboard may cause"
    if exception.type == "ModuleNotFoundError":
        return "so it could not even begin: its image lacks what it imports"
    if not rule.raises:
        return "where nothing may: catch it, or name it in `raises`"
    if rule.raises == (DOCUMENTED,):
        return "which is not documented for network code: catch it, or name it in `raises`"
    return f"which is none of {', '.join(rule.raises)}: catch it, or name it in `raises`"


def _admits(admitted: Sequence[str], exception: ExceptionInfo) -> bool:
    """Tell whether an exception is admitted: by itself, by a base, or, for a group, by all its
    members.
    """
    names = _names(exception)
    if "KeyboardInterrupt" in names:
        return False
    if any(_is_called(name, wanted) for name in names for wanted in admitted):
        return True
    return bool(exception.group) and all(_admits(admitted, one) for one in exception.group or ())


def _is_called(name: str, wanted: str) -> bool:
    """Tell whether a type has this name. Packages offer classes under shorter names: mylib.MyError
    may be mylib.errors.MyError.
    """
    if name == wanted:
        return True
    package, _, last = wanted.rpartition(".")
    if not package or package.partition(".")[0] in sys.stdlib_module_names:
        return False
    return name.startswith(f"{package}.") and name.rpartition(".")[2] == last
