"""Which images go to which host, and in how many streams, on engines in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from composer.deployment.image_record import RecordedImage
from composer.deployment.manifest import DeployedParticipant, Manifest
from composer.hosts import transfer as module
from composer.hosts.transfer import Receiver, transfer
from composer.model.command import Command
from composer.model.errors import CommandFailed, ComposerError
from tests.fakes.hosts import Shell

END = datetime(2027, 1, 31, tzinfo=timezone.utc)
# What the engine here has: two participants' images share their lower layers, the third has others.
HERE = {"fed/server1:1": "a", "fed/site-1:1": "b", "fed/site-2:1": "c"}
LAYERS = {"a": ("x", "y"), "b": ("x", "y"), "c": ("z",), "forged": ("x", "y", "evil")}


class Images:
    """An engine, as far as it keeps images by their names. Its IDs begin with the name of its ``store``."""

    def __init__(self, names: Mapping[str, str], store: str = "sha256") -> None:
        self.names, self._store = dict(names), store

    def built_images(self) -> dict[str, RecordedImage]:
        # Whoever builds on an image hands its label on.
        return {tag: RecordedImage(INPUTS[image], f"{self._store}:{image}") for tag, image in self.names.items()}

    def layers(self, image: str) -> tuple[str, ...]:
        return LAYERS[self.names[image]]

    def name_image(self, image: str, name: str) -> None:
        self.names[name] = image.partition(":")[2]

    def remove_image(self, tag: str) -> None:
        self.names.pop(tag, None)


INPUTS = {"a": "of a", "b": "of b", "c": "of c", "forged": "of b"}


def receiver(name: str, *images: str, has: Mapping[str, str] = {}, store: str = "sha256") -> Receiver:
    people = tuple(
        DeployedParticipant(tag, "client", tag, Path("kit"), "", "", 0, "", "mtls", (), tag, "", "", "", "", END, name)
        for tag in images
    )
    connection: Any = Shell(Path("/srv"), name=name)
    connection.command = lambda *argv: Command(("ssh", name, *argv))
    engine: Any = Images(has, store)
    return Receiver(connection, engine, Manifest("0", "fed", "fed", (), None, people, {}))


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> list[tuple[set[str], list[str]]]:
    """What was sent in one stream each, and to whom. Whoever is called `full` takes nothing."""
    sent: list[tuple[set[str], list[str]]] = []

    def pour(source: Command, sinks: list[Command], told: Callable[[int], None]) -> tuple[CommandFailed | None, ...]:
        images, names = set(source.argv[2:]), [sink.argv[1] for sink in sinks]
        sent.append((images, names))
        told(50_000_000)
        for name in names:
            if name != "full":
                ENGINES[name].names.update({tag: HERE[tag] for tag in images})
        return tuple(CommandFailed("ssh", 1, "no space left on device") if one == "full" else None for one in names)

    monkeypatch.setattr(module, "pour", pour)
    return sent


ENGINES: dict[str, Any] = {}


def brought(*receivers: Receiver, here: Mapping[str, str] = HERE) -> tuple[dict[str, ComposerError], list[str]]:
    ENGINES.clear()
    ENGINES.update({one.name: one.engine for one in receivers})
    said: list[str] = []
    engine: Any = Images(here)
    return transfer(engine, receivers, said.append), said


stores = pytest.mark.parametrize("store", ["sha256", "containerd"])


@stores
def test_images_with_the_same_layers_are_read_once(store: str, streams: list[Any]) -> None:
    ward, clinic = receiver("ward", "fed/site-1:1", store=store), receiver("clinic", "fed/server1:1", store=store)
    assert brought(ward, clinic) == ({}, ["ward, clinic: 50 MB of images"])
    assert streams == [({"fed/server1:1", "fed/site-1:1"}, ["ward", "clinic"])]
    # Each keeps its own, under its name.
    assert ENGINES["ward"].names == {"fed/site-1:1": "b"}
    assert ENGINES["clinic"].names == {"fed/server1:1": "a"}


def test_other_layers_go_in_a_stream_of_their_own(streams: list[Any]) -> None:
    assert brought(receiver("ward", "fed/site-1:1"), receiver("clinic", "fed/site-2:1"))[0] == {}
    assert sorted(names for _, names in streams) == [["clinic"], ["ward"]]


@stores
@pytest.mark.parametrize("tag", ["old/site-1:1", "fed/site-1:1"])
def test_what_is_there_is_not_sent_again(tag: str, store: str, streams: list[Any]) -> None:
    """Under another name it is the same image, and on an engine that gives it another ID, too."""
    assert brought(receiver("ward", "fed/site-1:1", has={tag: "b"}, store=store)) == ({}, [])
    assert streams == []
    assert ENGINES["ward"].names == {tag: "b", "fed/site-1:1": "b"}


@stores
def test_what_was_built_on_it_and_bears_its_name_is_replaced(store: str, streams: list[Any]) -> None:
    assert brought(receiver("ward", "fed/site-1:1", has={"fed/site-1:1": "forged"}, store=store))[0] == {}
    assert ENGINES["ward"].names == {"fed/site-1:1": "b"}


def test_names_that_a_host_had_before_stay(streams: list[Any]) -> None:
    """Of the images that come along for others, those are taken away again that it did not have."""
    mine = {"fed/server1:1": "a", "theirs/server1:1": "a"}
    brought(receiver("ward", "fed/site-1:1", has=mine), receiver("clinic", "fed/server1:1"))
    assert ENGINES["ward"].names == {**mine, "fed/site-1:1": "b"}


def test_who_cannot_take_it_is_named_and_the_others_have_it(streams: list[Any]) -> None:
    failed, _ = brought(receiver("full", "fed/site-1:1"), receiver("ward", "fed/server1:1"))
    assert set(failed) == {"full"}
    assert "no space left on device" in failed["full"].message
    assert ENGINES["ward"].names == {"fed/server1:1": "a"}


def test_an_engine_that_says_nothing_and_takes_nothing_is_named(
    streams: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "pour", lambda _, sinks, __: (None,) * len(sinks))
    failed, _ = brought(receiver("ward", "fed/site-1:1"))
    assert failed["ward"].message == "ward: its engine has not taken fed/site-1:1"


def test_images_that_cannot_be_read_are_no_hosts_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def pour(*_: object) -> None:
        raise CommandFailed("docker save", 1, "input/output error")

    monkeypatch.setattr(module, "pour", pour)
    with pytest.raises(ComposerError, match="the images cannot be read: input/output error"):
        brought(receiver("ward", "fed/site-1:1"))
