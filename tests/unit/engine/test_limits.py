"""Which limits a client's container has, by programs that go beyond them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from labctl.engine.limits import FILES, MEMORY, PROCESSES, lacking_limits
from labctl.engine.runtime import ContainerSpec
from labctl.errors import EngineError
from tests.unit.engine.fake_runtime import FakeRuntime, Program, Write


class Limited(FakeRuntime):
    """Stops programs that go beyond its limits; the others come to their end."""

    def __init__(self, *limits: str, wrote: str = "begun") -> None:
        super().__init__()
        self.limits = limits
        self.wrote = wrote

    def program(self, spec: ContainerSpec) -> Program:
        stopped = any(spec.name.endswith(limit.partition(" ")[0]) for limit in self.limits)

        def program(_: Iterator[str], write: Write) -> int:
            write(self.wrote)
            if not stopped:
                write("done")
            return 137 if stopped else 0

        return program


@pytest.mark.parametrize(
    ("limits", "lacking"),
    [
        ((MEMORY, PROCESSES, FILES), []),
        ((MEMORY, PROCESSES), [FILES]),
        ((FILES,), [MEMORY, PROCESSES]),
    ],
)
def test_a_limit_is_there_if_it_stops_a_program(
    limits: tuple[str, ...], lacking: list[str]
) -> None:
    runtime = Limited(*limits)
    assert lacking_limits(runtime, "client", "beef") == lacking
    assert runtime.is_empty


def test_the_containers_are_like_those_of_clients_and_have_no_network() -> None:
    runtime = Limited()
    lacking_limits(runtime, "client", "beef")
    for spec in runtime.made:
        assert spec.place is None
        assert (spec.image, spec.user, spec.has_swap) == ("client", "65534:65534", False)
        assert spec.labels["labctl.run"] == "beef"


def test_a_program_that_never_began_tells_nothing() -> None:
    with pytest.raises(EngineError, match=r"^trying the limit of memory: it said this on stderr"):
        lacking_limits(Limited(wrote="cannot"), "client", "beef")
