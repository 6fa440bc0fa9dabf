"""A policy: what may come out of a client of one's own, whatever the network does to it.

`PolicyFile` is a policy as it is written, `Rule` what holds for one scenario. Keys that are left
out have defaults that suit any client: it ends in time, with an exception that is documented, and
leaves nothing behind.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field

from labctl.model.base import Input, Seconds, Text
from labctl.model.exceptions import check_exception_name
from labctl.model.expectation import ANY
from labctl.model.libraries import libraries
from labctl.model.scenario import Scenario

DOCUMENTED: Final = "documented"
"""What stands in `raises` for all of `documented_exceptions()`."""

DOCUMENTED_BY_PYTHON: Final = (
    "OSError",
    "EOFError",
    "asyncio.exceptions.LimitOverrunError",
    "asyncio.exceptions.TimeoutError",
    "concurrent.futures._base.TimeoutError",
)
"""The bases of what Python's own network code is documented to raise.

OSError is the base of most: of socket.gaierror, ssl.SSLError, smtplib.SMTPException,
urllib.error.URLError, requests.exceptions.RequestException.
"""

LONGEST_S: Final = 15.0
"""Seconds that a client may take: time for a timeout of ten, and for what it does besides."""

_ELSEWHERE: Final = {
    "KeyboardInterrupt": "KeyboardInterrupt is what a person does, never what a failure may do",
    "SystemExit": "SystemExit is what `exits` is for",
}


@cache
def documented_exceptions() -> tuple[str, ...]:
    """Return the bases of all that network code is documented to raise: Python's own, and those of
    the client libraries.
    """
    of_libraries = (name for library in libraries().values() for name in library.documented)
    return (*DOCUMENTED_BY_PYTHON, *of_libraries)


def _check_admitted(name: str) -> str:
    """Return the name. Raise ValueError if a policy can't admit an exception of this name."""
    if name == DOCUMENTED:
        return name
    if name in _ELSEWHERE:
        raise ValueError(_ELSEWHERE[name])
    try:
        return check_exception_name(name)
    except ValueError as error:
        raise ValueError(_with_alternatives(name, str(error))) from None


def _with_alternatives(name: str, said: str) -> str:
    """Return the message about a wrong name, with what only a policy may name."""
    if not name.isidentifier():
        return said
    if difflib.get_close_matches(name, [DOCUMENTED]):
        return f"no exception is called {name}; did you mean {DOCUMENTED}?"
    meant = f"{said[:-1]}, or" if said.endswith("?") else f"{said}; did you mean"
    return f"{meant} __main__.{name}, one of the client's own?"


Admitted = Annotated[str, AfterValidator(_check_admitted)]
ExitCode = Annotated[int, Field(ge=0, le=255)]


class AtMost(Input):
    """The most of the time that the client's code may take, in seconds."""

    max: Seconds


class Rule(Input):
    """What may come out of a client. An exception in `raises` admits what is derived from it."""

    raises: tuple[Admitted, ...] = (DOCUMENTED,)
    returns: Text | bool = True
    """Whether it may return, or the literal of what it must then return."""
    elapsed: AtMost = Field(default_factory=lambda: AtMost(max=LONGEST_S))
    sockets: Literal["closed", "any"] = "closed"
    exits: Literal["any"] | tuple[ExitCode, ...] = "any"
    unhandled: Literal["none", "any"] = "none"

    def given(self) -> dict[str, Any]:
        """Return the keys that the rule's file has, with their values."""
        return {key: getattr(self, key) for key in self.model_fields_set & Rule.model_fields.keys()}

    @property
    def admitted(self) -> tuple[str, ...]:
        """The names of the exceptions in `raises`, with `documented` resolved."""
        names = (documented_exceptions() if name == DOCUMENTED else (name,) for name in self.raises)
        return tuple(dict.fromkeys(name for some in names for name in some))

    @property
    def returned(self) -> str | None:
        """The value that the client may return, as in `expect: {returns: ...}`; None if it may not
        return.
        """
        if isinstance(self.returns, str):
            return self.returns
        return ANY if self.returns else None


class PolicyFile(Rule):
    """A policy as its YAML file has it: the rule for all, and rules that replace keys of it.

    `layers` are by the layer of a scenario, `scenarios` by its name; those in `skip` are left out.
    """

    skip: tuple[str, ...] = ()
    layers: dict[str, Rule] = Field(default_factory=dict)
    scenarios: dict[str, Rule] = Field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A policy ready to judge by. Without a file, `path` is None and all has its default."""

    spec: PolicyFile = field(default_factory=PolicyFile)
    path: Path | None = None
    text: str = ""

    def rule(self, scenario: Scenario) -> Rule:
        """Return the rule for a scenario: its own keys, then those of its layer, then those for
        all.
        """
        given = self.spec.given()
        for special in (
            self.spec.layers.get(scenario.layer),
            self.spec.scenarios.get(scenario.name),
        ):
            given |= special.given() if special else {}
        return Rule.model_construct(**given)

    def skips(self, scenario: str) -> bool:
        """Tell whether the policy leaves out the scenario of this name."""
        return scenario in self.spec.skip
