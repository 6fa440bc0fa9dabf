from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from labctl.engine.images.builder import NotRemoved
from labctl.engine.images.interruption import Interrupted, Interruption
from labctl.engine.images.layers import Layer, Recipe
from labctl.errors import EngineError
from tests.unit.images.fakes import FakeClient, api_error, builder, built

A, B = "aaaaaaaaaaaa", "bbbbbbbbbbbb"
BASE = "sha256:base"
LAYER = Layer(files={"file": b""}, links={}, labels={}, recipe=Recipe())


def test_an_image_is_built_without_a_network() -> None:
    client = FakeClient()
    assert builder(client).build(LAYER, base=BASE) == "sha256:made"
    [build] = client.builds
    asked = build.settings
    assert (asked["network_mode"], asked["rm"], asked["forcerm"]) == ("none", True, True)
    assert asked["custom_context"] is True
    assert (build.base, list(build.members)) == (BASE, ["root", "Dockerfile", "root/file"])


def test_a_recipe_can_have_the_network() -> None:
    client = FakeClient()
    recipe = Recipe(commands=(("true",),), has_network=True)
    builder(client).build(replace(LAYER, recipe=recipe), base=BASE)
    assert client.builds[0].settings["network_mode"] == "default"


def test_steps_are_reported() -> None:
    client = FakeClient()
    client.build_events = lambda: built("sha256:made", A, B)
    making, seen = builder(client), []
    making.report = lambda text, fraction: seen.append((text, fraction))
    making.build(LAYER, base=BASE)
    assert seen == [("step 1 of 2", 0.0), ("step 2 of 2", 0.5)]


def failing() -> list[dict[str, Any]]:
    return [*built("", A, B)[:-1], {"stream": "last words\n"}, {"error": "step failed"}]


def test_a_failed_build_leaves_nothing() -> None:
    client = FakeClient()
    client.build_events = failing
    client.refusals = {B: api_error(404), "sha256:base": api_error(409)}
    with pytest.raises(EngineError, match=r"^step failed$") as caught, builder(client) as making:
        making.build(LAYER, base=making.import_base([b""], "key"))
    assert "last words" in caught.value.hint
    assert client.asked("remove_image") == [B, A, "sha256:base"]


def test_the_base_of_others_stays() -> None:
    client = FakeClient()
    client.build_events = lambda: [{"stream": f" ---> {A}\n"}, {"error": "no"}]
    with pytest.raises(EngineError), builder(client) as making:
        making.build(LAYER, base=f"sha256:{A}0123")
    assert client.asked("remove_image") == []


def test_an_image_that_has_its_name_stays_whatever_happens_then() -> None:
    client = FakeClient()
    client.build_events = lambda: built("sha256:made", A)
    making = builder(client)
    making.give_name(making.build(LAYER, base=BASE), "x/lab:1", "1")
    making.__exit__(ZeroDivisionError, None, None)
    assert client.asked("tag") == ["sha256:made x/lab 1"]
    assert client.asked("remove_image") == []


def test_a_finished_image_without_a_name_is_removed() -> None:
    client = FakeClient()
    client.build_events = lambda: built("sha256:made", A)
    making = builder(client)
    making.build(LAYER, base=BASE)
    making.__exit__(ZeroDivisionError, None, None)
    assert client.asked("remove_image") == [A]


@pytest.mark.parametrize("name", ["x/lab:1", "localhost/x/lab:1"])
def test_an_image_that_another_labctl_has_made_meanwhile_is_taken(name: str) -> None:
    """What is made of it stays sound, and there is one image in the end."""
    client = FakeClient()

    def meanwhile() -> list[dict[str, Any]]:
        client.listed = [{"Id": "sha256:others", "RepoTags": [name]}]
        return built("sha256:made", A)

    client.build_events = meanwhile
    making = builder(client)
    other = making.give_name(making.build(LAYER, base=BASE), "x/lab:1", "1")
    assert other is not None
    assert other.id == "sha256:others"
    making.__exit__(ZeroDivisionError, None, None)
    assert client.asked("remove_image") == ["sha256:made"]
    assert client.asked("tag") == []


def test_an_image_that_is_made_fresh_replaces_what_another_labctl_has_made_meanwhile() -> None:
    client = FakeClient()

    def meanwhile() -> list[dict[str, Any]]:
        client.listed = [{"Id": "sha256:others", "RepoTags": ["x/lab:1"]}]
        return built("sha256:made")

    client.build_events = meanwhile
    making = builder(client, fresh=True)
    assert making.give_name(making.build(LAYER, base=BASE), "x/lab:1", "1") is None
    assert client.asked("remove_image") == ["sha256:others"]


class Hasty(FakeClient):
    """An engine on which another labctl gives the name, too, before or after we do."""

    def __init__(self, *, first: bool) -> None:
        super().__init__()
        self.first = first
        self.build_events = self._meanwhile

    def _meanwhile(self) -> list[dict[str, Any]]:
        layers = [{"Id": "sha256:layer"}, {"Id": "sha256:made"}, {"Id": "sha256:others"}]
        self.listed = [{**layer, "RepoTags": []} for layer in layers]
        return built("sha256:made", A)

    def tag(self, image: str, repository: str, tag: str) -> None:
        both = ["sha256:others", image] if self.first else [image, "sha256:others"]
        for one in both:
            super().tag(one, repository, tag)


def test_an_image_whose_name_another_labctl_takes_at_once_is_removed() -> None:
    """An unfinished image of a build that runs has the same labels: it stays."""
    client = Hasty(first=False)
    making = builder(client)
    other = making.give_name(making.build(LAYER, base=BASE), "x/lab:1", "1")
    assert other is not None
    assert other.id == "sha256:others"
    assert client.asked("remove_image") == ["sha256:made"]


def test_an_image_whose_name_we_take_is_left_to_who_made_it() -> None:
    client = Hasty(first=True)
    making = builder(client)
    assert making.give_name(making.build(LAYER, base=BASE), "x/lab:1", "1") is None
    assert client.asked("remove_image") == []


def test_an_engine_that_names_no_image() -> None:
    client = FakeClient()
    client.build_events = lambda: [{"stream": "well\n"}]
    with pytest.raises(EngineError, match="did not say which image it built"):
        builder(client).build(LAYER, base=BASE)


def test_a_build_that_is_called_off_is_seen_through_to_its_end() -> None:
    client, interruption = FakeClient(), Interruption()

    def events() -> Iterator[dict[str, Any]]:
        yield {"stream": " ---> Running in cccccccccccc\n"}
        interruption.set()
        assert client.asked("remove_container") == ["cccccccccccc"]
        yield {"stream": f" ---> {A}\n"}
        yield {"stream": " ---> Running in dddddddddddd\n"}
        assert client.asked("remove_container")[-1] == "dddddddddddd"
        yield {"error": "No such container"}
        client.calls.append(("ended", ""))

    client.build_events = events
    with pytest.raises(Interrupted), builder(client, interruption) as making:
        making.build(LAYER, base=BASE)
    assert client.asked("remove_image") == [A]
    assert client.calls.index(("ended", "")) < client.calls.index(("remove_image", A))


def test_an_image_that_is_finished_after_it_was_called_off_is_removed() -> None:
    client, interruption = FakeClient(), Interruption()

    def events() -> Iterator[dict[str, Any]]:
        yield {"stream": " ---> Running in cccccccccccc\n"}
        interruption.set()
        yield {"stream": f" ---> {A}\n"}
        yield {"aux": {"ID": "sha256:made"}}

    client.build_events = events
    with pytest.raises(Interrupted), builder(client, interruption) as making:
        making.build(LAYER, base=BASE)
    assert client.asked("remove_image") == [A]


def test_a_build_whose_step_cannot_be_ended_is_seen_through_to_its_end() -> None:
    client, interruption = FakeClient(), Interruption()

    def events() -> Iterator[dict[str, Any]]:
        yield {"stream": " ---> Running in cccccccccccc\n"}
        client.refusals = {"cccccccccccc": api_error(500, "disk full")}
        interruption.set()
        yield {"stream": f" ---> {A}\n"}
        client.calls.append(("ended", ""))

    client.build_events = events
    with (
        pytest.raises(NotRemoved, match="disk full"),
        builder(client, interruption) as making,
    ):
        making.build(LAYER, base=BASE)
    assert client.asked("ended")
    assert client.asked("remove_image") == [A]


def test_one_image_that_cannot_be_removed_does_not_keep_the_others() -> None:
    client = FakeClient()
    client.build_events = failing
    client.refusals = {B: api_error(500, "disk full")}
    with pytest.raises(NotRemoved, match="disk full"), builder(client) as making:
        making.build(LAYER, base=BASE)
    assert client.asked("remove_image") == [B, A]


def test_called_off_before_it_began_nothing_is_asked_of_the_engine() -> None:
    client, interruption = FakeClient(), Interruption()
    interruption.set()
    with pytest.raises(Interrupted):
        builder(client, interruption).build(LAYER, base=BASE)
    assert client.calls == []


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ('{"error": "disk full"}\n', "the engine did not take the file system: disk full"),
        ('{"status": "hm"}\n', "the engine did not say which image it made"),
    ],
)
def test_a_file_system_that_the_engine_refuses(said: str, message: str) -> None:
    client = FakeClient()
    client.imported = said
    with pytest.raises(EngineError, match=message):
        builder(client).import_base([b"tar"], "key")


def test_the_python_of_a_base_is_tried() -> None:
    client = FakeClient()
    assert builder(client).check_python(BASE, "/usr/bin/python3.13") == "3.13.5"
    assert client.asked("remove_container") == [f"container of {BASE}"]


def test_a_base_without_what_clients_use() -> None:
    client = FakeClient()
    client.said = b'{"version": "3.13.5", "missing": {"ssl": "libssl.so.1.1: not found"}}'
    with pytest.raises(EngineError) as caught:
        builder(client).check_python(BASE, "/usr/bin/python3.13")
    assert str(caught.value) == "its Python 3.13.5 cannot import ssl (libssl.so.1.1: not found)"


def test_a_base_that_does_not_run() -> None:
    client = FakeClient()
    client.status_code, client.said = 127, b"first\nlibpython3.13.so: not found\n"
    with pytest.raises(EngineError, match=r"^its Python does not run: libpython3.13.so: not found"):
        builder(client).check_python(BASE, "/usr/bin/python3.13")
    assert client.asked("remove_container") == [f"container of {BASE}"]
