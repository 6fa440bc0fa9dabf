from __future__ import annotations

import threading
from typing import Any

import pytest

from labctl.engine.images.backend import Unwritable
from labctl.engine.images.builder import Builder
from labctl.engine.images.content import digest
from labctl.engine.images.docker import DockerImages
from labctl.engine.images.interruption import Interrupted
from labctl.engine.images.libraries import pinned
from labctl.engine.images.maker import ProgressEvent
from labctl.engine.images.names import LAB, ImageTarget, client_image, libraries_image, parse_name
from labctl.engine.images.origins import Base, Unavailable
from labctl.engine.images.status import ImageState, content_of, libraries_content
from labctl.engine.images.store import ImageStore
from labctl.engine.runtime import Refusal
from labctl.errors import EngineError, UsageError
from labctl.model.result import ImageInfo
from tests.unit.images.fakes import FakeClient, api_error, built

NEW = client_image("3.13")
OLD = client_image("3.9")


WITH_LIBRARIES = libraries_image("3.13")


class FakeOrigin:
    """Supplies a base, or says why not."""

    def __init__(self, name: str, refusal: str = "", only: tuple[str, ...] = ()) -> None:
        self.name = name
        self.refusal = refusal
        self.only = only
        self.asked: list[str] = []

    def recipe(self, target: ImageTarget) -> str:
        return f"{self.name} {target.series}"

    def supply(self, target: ImageTarget, builder: Builder) -> Base:  # noqa: ARG002 the protocol's
        self.asked.append(target.name)
        if self.refusal and target.name not in self.only:
            raise Unavailable(self.refusal)
        return Base(id=f"sha256:base-of-{self.name}", interpreter="/usr/bin/python3.13")


def image(
    name: str, origin: FakeOrigin, content: str = "", host: str = "", created: int = 1
) -> dict[str, Any]:
    """An image as an engine lists it, made by this labctl if no content is given."""
    target = parse_name(name)
    content = hash_of(content) if content else content_of(target, origin)
    return {
        "Id": f"sha256:{name}-{created}", "RepoTags": [host + target.tagged(content)], "Size": 5,
        "Created": created,
        "Labels": {
            "labctl.image": name, "labctl.origin": origin.name, "labctl.python": "3.13.5",
            "labctl.content": content,
        },
    }  # fmt: skip


def hash_of(content: str) -> str:
    """What stands for a content that another version of labctl makes."""
    return digest({content: b""})


def old_tag(name: str, content: str) -> str:
    """What an engine calls the image that another version of labctl makes."""
    return parse_name(name).tagged(hash_of(content))


def tag(name: str, origin: FakeOrigin) -> str:
    """What an engine calls the image that this labctl makes."""
    return parse_name(name).tagged(content_of(parse_name(name), origin))


@pytest.fixture
def client() -> FakeClient:
    return FakeClient()


def store(client: FakeClient, *origins: FakeOrigin) -> ImageStore:
    return ImageStore(DockerImages(client.as_client), origins or (FakeOrigin("one"),))


def test_states_by_one_request(client: FakeClient) -> None:
    one = FakeOrigin("one")
    client.listed = [image(LAB, one), image(OLD, one, "of old")]
    found = store(client, one).status(["labctl/lab", OLD, NEW])
    assert [(each.name, each.state) for each in found] == [
        (LAB, ImageState.READY), (OLD, ImageState.STALE), (NEW, ImageState.MISSING),
    ]  # fmt: skip
    assert found[0].info == ImageInfo(id=f"sha256:{LAB}-1", origin="one", python="3.13.5")
    assert len(client.calls) == 1


def test_those_of_several_versions_are_side_by_side(client: FakeClient) -> None:
    one = FakeOrigin("one")
    client.listed = [
        image(NEW, one, "of a newer version", created=3), image(NEW, one, created=1),
        image(NEW, one, created=2), image(NEW, one, "of old", created=0),
    ]  # fmt: skip
    [found] = store(client, one).status([NEW])
    assert (found.state, found.id) == (ImageState.READY, f"sha256:{NEW}-2")
    assert found.reference == tag(NEW, one)
    client.listed = [image(NEW, one, "of old", created=0), image(NEW, one, "older", created=-1)]
    [found] = store(client, one).status([NEW])
    assert (found.state, found.id) == (ImageState.STALE, f"sha256:{NEW}-0")


def test_an_engine_may_put_a_host_before_its_names(client: FakeClient) -> None:
    one = FakeOrigin("one")
    client.listed = [image(NEW, one, host="localhost/")]
    [found] = store(client, one).status([NEW])
    assert (found.state, found.reference) == (ImageState.READY, f"localhost/{tag(NEW, one)}")


def test_the_image_that_a_compose_file_names(client: FakeClient) -> None:
    one = FakeOrigin("one")
    client.listed = [image(LAB, one)]
    assert store(client, one).find("labctl/lab") == tag(LAB, one)
    assert store(client, one).find("nginx:1") is None
    with pytest.raises(EngineError) as caught:
        store(client, one).find(libraries_image("3.13"))
    assert str(caught.value) == "the image labctl/client:3.13-libs is missing"
    assert caught.value.hint == "build it: labctl images build 3.13-libs"


def test_one_that_somebody_made_from_ours_is_not_ours(client: FakeClient) -> None:
    found = image(NEW, FakeOrigin("one"))
    client.listed = [{**found, "RepoTags": ["mine:1"]}, {**found, "RepoTags": ["<none>:<none>"]}]
    assert store(client).status([NEW])[0].state is ImageState.MISSING


def test_one_from_elsewhere_is_stale(client: FakeClient) -> None:
    client.listed = [image(NEW, FakeOrigin("elsewhere"))]
    assert store(client).status([NEW])[0].state is ImageState.STALE


def test_another_recipe_of_the_base_makes_an_image_stale(
    client: FakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = FakeOrigin("one"), FakeOrigin("one")
    client.listed = [image(NEW, one)]
    monkeypatch.setattr(other, "recipe", lambda _: "another")
    assert store(client, one).status([NEW])[0].state is ImageState.READY
    assert store(client, other).status([NEW])[0].state is ImageState.STALE


def test_only_what_is_not_ready_is_made(client: FakeClient) -> None:
    one = FakeOrigin("one")
    client.listed = [image(LAB, one)]
    found = store(client, one).ensure(["labctl/lab", NEW, NEW])
    assert one.asked == [NEW]
    assert {name: one.info for name, one in found.items()} == {
        "labctl/lab": ImageInfo(id=f"sha256:{LAB}-1", origin="one", python="3.13.5"),
        NEW: ImageInfo(id="sha256:made", origin="one", python="3.13.5"),
    }
    assert [one.reference for one in found.values()] == [tag(LAB, one), tag(NEW, one)]
    assert client.asked("tag") == [f"sha256:made labctl/client {tag(NEW, one).partition(':')[2]}"]


def test_the_labels_of_an_image(client: FakeClient) -> None:
    one = FakeOrigin("one")
    store(client, one).ensure([LAB])
    [build] = client.builds
    assert build.base == "sha256:base-of-one"
    assert build.labels == {**image(LAB, one)["Labels"], "labctl.events": "1"}


def test_with_force_all_is_made(client: FakeClient) -> None:
    one = FakeOrigin("one")
    client.listed = [image(NEW, one)]
    store(client, one).ensure([NEW], force=True)
    assert one.asked == [NEW]


def test_an_image_from_elsewhere_is_made_again_from_there(client: FakeClient) -> None:
    one, two = FakeOrigin("one"), FakeOrigin("two")
    client.listed = [image(NEW, one)]
    assert store(client, one, two).ensure([NEW])[NEW].origin == "one"
    assert store(client, one, two).ensure([NEW], origin="two")[NEW].origin == "two"
    assert (one.asked, two.asked) == ([], [NEW])


def test_an_image_that_is_replaced_is_removed(client: FakeClient) -> None:
    one = FakeOrigin("one")
    client.listed = [image(NEW, one)]
    store(client, one).ensure([NEW], force=True)
    assert client.asked("remove_image") == [f"sha256:{NEW}-1"]


def test_an_image_of_another_version_stays(client: FakeClient) -> None:
    client.listed = [image(NEW, FakeOrigin("one"), "of old")]
    store(client).ensure([NEW])
    assert client.asked("build") == [NEW]
    assert client.asked("remove_image") == []


def test_an_image_that_someone_gave_another_name_stays(client: FakeClient) -> None:
    found = image(NEW, FakeOrigin("one"))
    client.listed = [{**found, "RepoTags": [*found["RepoTags"], "mine:1"]}]
    store(client).ensure([NEW], force=True)
    assert client.asked("remove_image") == []


def test_origins_are_tried_in_their_order(client: FakeClient) -> None:
    one, two, three = FakeOrigin("one", "is away"), FakeOrigin("two"), FakeOrigin("three")
    assert store(client, one, two, three).ensure([NEW])[NEW].origin == "two"
    assert three.asked == []


def test_what_cannot_be_had_says_why_for_each(client: FakeClient) -> None:
    origins = (FakeOrigin("one", "is away"), FakeOrigin("two", "never had it"))
    with pytest.raises(EngineError) as caught:
        store(client, *origins).ensure([NEW])
    assert str(caught.value) == "labctl/client:3.13 cannot be made"
    assert caught.value.hint == "one: is away; two: never had it"


def test_a_base_that_does_not_work_is_a_refusal_and_is_removed(client: FakeClient) -> None:
    client.said = b'{"version": "3.13.5", "missing": {"ssl": "no"}}'
    with pytest.raises(EngineError) as caught:
        store(client).ensure([NEW])
    assert caught.value.hint == "one: its Python 3.13.5 cannot import ssl (no)"


def test_an_unknown_origin(client: FakeClient) -> None:
    with pytest.raises(UsageError) as caught:
        store(client).ensure([NEW], origin="moon")
    assert str(caught.value) == "images do not come from 'moon'"
    assert caught.value.hint == "choose of one"


def test_what_succeeds_is_kept_when_another_fails(client: FakeClient) -> None:
    one = FakeOrigin("one", "none of these", only=(LAB,))
    with pytest.raises(EngineError) as caught:
        store(client, one).ensure([OLD, LAB, NEW])
    assert client.asked("build") == [LAB]
    assert client.asked("remove_image") == []
    assert str(caught.value) == "2 images cannot be made"
    assert sorted(caught.value.hint.splitlines()) == [
        "labctl/client:3.13 cannot be made: one: none of these",
        "labctl/client:3.9 cannot be made: one: none of these",
    ]


def test_a_layer_that_cannot_be_built_is_not_tried_on_another_base(client: FakeClient) -> None:
    one, two = FakeOrigin("one"), FakeOrigin("two")
    client.build_events = lambda: [{"error": "disk full"}]
    with pytest.raises(EngineError, match=r"^disk full$"):
        store(client, one, two).ensure([NEW])
    assert two.asked == []


def test_an_engine_that_cannot_store_images_is_told_once(
    client: FakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = FakeOrigin("one"), FakeOrigin("two")

    def supply(*_: object) -> Base:
        raise Unwritable("no space left in /images", hint="make room")

    monkeypatch.setattr(one, "supply", supply)
    with pytest.raises(EngineError) as caught:
        store(client, one, two).ensure([NEW, OLD])
    assert (str(caught.value), caught.value.hint) == (
        "the engine: no space left in /images", "make room",
    )  # fmt: skip
    assert two.asked == []


def test_a_bug_is_not_dressed_up_as_a_missing_image(
    client: FakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = FakeOrigin("one")
    monkeypatch.setattr(one, "supply", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        store(client, one).ensure([NEW, OLD])


def test_progress_ends_with_what_was_made(client: FakeClient) -> None:
    client.build_events = lambda: built("sha256:made", "aaaaaaaaaaaa")
    seen: list[ProgressEvent] = []
    store(client).ensure([NEW], progress=seen.append)
    assert [(event.image, event.text, event.fraction, event.finished) for event in seen] == [
        (NEW, "step 1 of 1", 0.0, False),
        (NEW, "ready: Python 3.13.5 from one", None, True),
    ]


def test_called_off_while_waiting(client: FakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Ctrl-C does: the threads are told, and have tidied up before it goes on its way."""
    one, began = FakeOrigin("one"), threading.Event()
    ended: list[bool] = []

    def supply(_: ImageTarget, builder: Builder) -> Base:
        builder.import_base([b""], "key")
        began.set()
        with builder.interruption.calling(released.set):
            released.wait(20)
        ended.append(builder.interruption.is_set)
        raise Interrupted

    def progress_waits(*_: object) -> Any:
        began.wait(20)
        raise KeyboardInterrupt

    released = threading.Event()
    client.refusals = {"sha256:base": api_error(500, "disk full")}
    monkeypatch.setattr(one, "supply", supply)
    monkeypatch.setattr("labctl.engine.images.maker.as_completed", progress_waits)
    seen: list[ProgressEvent] = []
    with pytest.raises(KeyboardInterrupt):
        store(client, one).ensure([NEW], progress=seen.append)
    assert ended == [True]
    text = "removing what an unfinished image has left: disk full"
    assert seen == [ProgressEvent(image=NEW, text=text, finished=True)]


def test_removing(client: FakeClient) -> None:
    one = FakeOrigin("one")
    client.listed = [image(LAB, one), image(LAB, one, "of old"), image(OLD, one), image(NEW, one)]
    client.refusals = {tag(OLD, one): api_error(404)}
    removed = [tag(LAB, one), old_tag(LAB, "of old")]
    assert store(client, one).remove(["labctl/lab", OLD]) == removed
    assert client.asked("remove_image") == [*removed, tag(OLD, one)]


def test_removing_an_image_in_use(client: FakeClient) -> None:
    one = FakeOrigin("one")
    client.listed = [image(NEW, one)]
    client.refusals = {tag(NEW, one): api_error(409, "container 1 uses it")}
    with pytest.raises(EngineError) as caught:
        store(client, one).remove([NEW])
    assert str(caught.value) == f"removing {tag(NEW, one)}: container 1 uses it"
    assert "labctl clean" in caught.value.hint


def test_removing_what_this_version_does_not_use(client: FakeClient) -> None:
    one = FakeOrigin("one")
    client.listed = [
        image(LAB, one), image(LAB, one, "a", created=0),
        image(NEW, one, "b"), image(NEW, one, "c"),
        equipped(image(NEW, one, "b")),
    ]  # fmt: skip
    client.refusals = {old_tag(NEW, "c"): api_error(409, "container 1 uses it")}
    equipped_one = client.listed[-1]["RepoTags"][0]
    removed = [equipped_one, old_tag(LAB, "a"), old_tag(NEW, "b")]
    assert store(client, one).remove_unused() == removed


def test_an_image_in_use_keeps_all_its_names(client: FakeClient) -> None:
    one = FakeOrigin("one")
    found = image(NEW, one)
    used = [f"{host}{tag(NEW, one)}" for host in ("engine.example/", "localhost/")]
    client.listed = [{**found, "RepoTags": used}, image(NEW, one, created=0)]
    assert store(client, one).remove_unused() == [tag(NEW, one)]


def test_names_that_people_gave_are_not_removed(client: FakeClient) -> None:
    found = image(NEW, FakeOrigin("one"), "of old")
    theirs = ["example.com/team/labctl/client:3.13", "labctl/client:keep-me"]
    client.listed = [{**found, "RepoTags": [*theirs, *found["RepoTags"]]}]
    assert store(client).remove_unused() == found["RepoTags"]
    assert store(client).remove([NEW]) == found["RepoTags"]


def test_removing_what_is_unfinished(client: FakeClient) -> None:
    store(client).remove_unfinished()
    assert client.asked("prune") == [
        "{'label': 'labctl.image', 'dangling': True}",
        "{'label': 'labctl.base', 'dangling': True}",
    ]


def test_what_another_labctl_may_just_be_making_is_not_unused(client: FakeClient) -> None:
    store(client).remove_unused()
    assert client.asked("prune") == [
        "{'label': 'labctl.image', 'dangling': True, 'until': '3600s'}",
        "{'label': 'labctl.base', 'dangling': True, 'until': '3600s'}",
    ]


def equipped(parent: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An image with libraries that was made of that one."""
    content = libraries_content(parent["Id"])
    told = {"labctl.image": WITH_LIBRARIES, "labctl.content": content}
    return {
        **parent,
        "Id": "sha256:libs",
        "RepoTags": [parse_name(WITH_LIBRARIES).tagged(content)],
        "Labels": {**parent["Labels"], **told},
        **changes,
    }


def test_an_image_with_libraries_is_ready_and_names_them(client: FakeClient) -> None:
    one = FakeOrigin("one")
    client.listed = [image(NEW, one), equipped(image(NEW, one))]
    found = store(client, one).status([WITH_LIBRARIES])
    assert [(each.name, each.state) for each in found] == [(WITH_LIBRARIES, ImageState.READY)]
    assert found[0].info.packages == pinned("3.13")
    assert len(client.calls) == 1


@pytest.mark.parametrize(
    "parents",
    [
        [],
        [image(NEW, FakeOrigin("one"), "of old")],
        [{**image(NEW, FakeOrigin("one")), "Id": "sha256:another"}],
    ],
    ids=["missing", "stale", "another"],
)
def test_an_image_with_libraries_is_stale_where_its_parent_is(
    client: FakeClient, parents: list[dict[str, Any]]
) -> None:
    one = FakeOrigin("one")
    client.listed = [*parents, equipped(image(NEW, one))]
    found = store(client, one).status([WITH_LIBRARIES])[0]
    assert (found.state, found.packages) == (ImageState.STALE, {})


def test_an_image_with_libraries_is_made_of_its_parent(
    client: FakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = FakeOrigin("one")
    asked: list[str] = []

    def fetch(series: str, _builder: Builder) -> dict[str, bytes]:
        asked.append(series)
        client.listed = [image(NEW, one)]
        return {"httpx/__init__.py": b""}

    monkeypatch.setattr("labctl.engine.images.libraries.fetch", fetch)
    client.listed = [image(NEW, one)]
    made = store(client, one).ensure([WITH_LIBRARIES])
    assert (one.asked, asked) == ([], ["3.13"])
    [build] = client.builds
    assert build.base == f"sha256:{NEW}-1"
    assert build.labels == {
        "labctl.image": WITH_LIBRARIES,
        "labctl.content": libraries_content(f"sha256:{NEW}-1"),
    }
    assert made[WITH_LIBRARIES].info == ImageInfo(
        id="sha256:made", origin="one", python="3.13.5", packages=pinned("3.13")
    )


def test_a_parent_that_another_labctl_replaces_meanwhile(
    client: FakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = FakeOrigin("one")
    monkeypatch.setattr("labctl.engine.images.libraries.fetch", lambda *_: {})
    client.listed = [image(NEW, one)]

    def replaced() -> list[dict[str, Any]]:
        client.listed = [image(NEW, one, created=2)]
        client.build_events = lambda: built("sha256:made")
        return [{"error": f"No such image: sha256:{NEW}-1"}]

    client.build_events = replaced
    made = store(client, one).ensure([WITH_LIBRARIES])[WITH_LIBRARIES]
    assert [build.base for build in client.builds] == [f"sha256:{NEW}-1", f"sha256:{NEW}-2"]
    assert made.reference.endswith(libraries_content(f"sha256:{NEW}-2")[:12])


def test_a_parent_that_is_still_there_is_not_tried_again(
    client: FakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labctl.engine.images.libraries.fetch", lambda *_: {})
    client.listed = [image(NEW, FakeOrigin("one"))]
    client.build_events = lambda: [{"error": "disk full"}]
    with pytest.raises(EngineError, match=r"^disk full$"):
        store(client).ensure([WITH_LIBRARIES])
    assert len(client.builds) == 1


def test_an_image_that_another_labctl_has_made_meanwhile_is_what_is_used(
    client: FakeClient,
) -> None:
    one = FakeOrigin("one")

    def meanwhile() -> list[dict[str, Any]]:
        found = image(NEW, one)
        found["Labels"]["labctl.python"] = "3.13.6"
        client.listed = [found]
        return built("sha256:made")

    client.build_events = meanwhile
    made = store(client, one).ensure([NEW])[NEW]
    assert (made.id, made.python, made.reference) == (
        f"sha256:{NEW}-1", "3.13.6", tag(NEW, one),
    )  # fmt: skip


def test_a_parent_that_is_missing_is_made_first(
    client: FakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labctl.engine.images.libraries.fetch", lambda *_: {})
    store(client).ensure([WITH_LIBRARIES])
    assert client.asked("build") == [NEW, WITH_LIBRARIES]


def test_images_with_libraries_are_removed_before_their_parents(client: FakeClient) -> None:
    one = FakeOrigin("one")
    client.listed = [image(NEW, one), equipped(image(NEW, one))]
    removed = [client.listed[1]["RepoTags"][0], tag(NEW, one)]
    assert store(client, one).remove([NEW, WITH_LIBRARIES]) == removed
    assert client.asked("remove_image") == removed


class NotReady(DockerImages):
    """An engine on which no image can be made."""

    def check_ready(self) -> None:
        raise Refusal("no program can be run here", hint="run it elsewhere")


def test_where_no_image_can_be_made_no_base_is_fetched() -> None:
    origin = FakeOrigin("debian")
    store = ImageStore(NotReady(FakeClient().as_client), [origin])
    with pytest.raises(EngineError, match="making images: no program can be run here") as caught:
        store.ensure([NEW, LAB])
    assert caught.value.hint == "run it elsewhere"
    assert origin.asked == []
