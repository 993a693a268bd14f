"""Images for other hosts: read once here for all that need the same layers, and sent only where they are not yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from composer.deployment.image_record import RecordedImage
from composer.deployment.manifest import Manifest
from composer.hosts.parallel import on_each
from composer.hosts.ssh import Connection, explain
from composer.model.command import Command
from composer.model.errors import CommandFailed, ComposerError, HostError
from composer.runtimes.engine import Engine
from composer.system.pour import pour

_SAID_EVERY = 20_000_000


@dataclass(frozen=True)
class Receiver:
    """A host that is to have images: its connection, its engine, and its participants."""

    connection: Connection
    engine: Engine
    manifest: Manifest

    @property
    def name(self) -> str:
        """The host's."""
        return self.connection.host.name

    @property
    def wanted(self) -> tuple[str, ...]:
        """The names of its participants' images."""
        return tuple(dict.fromkeys(participant.image for participant in self.manifest.participants))


@dataclass(frozen=True)
class _Shipment:
    """One stream of images: all in it have the same layers for each receiver, so that none gets a byte too much."""

    tags: tuple[str, ...]
    receivers: tuple[Receiver, ...]


@dataclass(frozen=True)
class _Stock:
    """What a host has before anything is sent: all ``tags``, and its IDs of the images that it is to have, by tag."""

    tags: frozenset[str]
    known: Mapping[str, str]


def transfer(engine: Engine, receivers: Sequence[Receiver], say: Callable[[str], None]) -> dict[str, ComposerError]:
    """Give each host the images of its participants under their names; return what went wrong, by host.

    Args:
        engine: The one here, which has them all.
        receivers: The hosts.
        say: Told how far it is.
    """
    here = engine.built_images()
    by_name = {receiver.name: receiver for receiver in receivers}
    looks = on_each(tuple(by_name), lambda name: _look(by_name[name], engine, here))
    failed = {name: outcome for name, outcome in looks.items() if isinstance(outcome, ComposerError)}
    stocks = {name: outcome for name, outcome in looks.items() if not isinstance(outcome, ComposerError)}
    missing = {name: frozenset(by_name[name].wanted) - set(stock.known) for name, stock in stocks.items()}
    shipments = {", ".join(r.name for r in one.receivers): one for one in _shipments(engine, missing, by_name)}
    for sent in on_each(tuple(shipments), lambda names: _send(shipments[names], names, say)).values():
        if isinstance(sent, ComposerError):
            raise sent
        failed.update(sent)
    rest = [name for name in missing if name not in failed]
    named = on_each(rest, lambda name: _name(by_name[name], here, stocks[name], shipments))
    failed.update({name: outcome for name, outcome in named.items() if isinstance(outcome, ComposerError)})
    return failed


def _look(receiver: Receiver, engine: Engine, here: Mapping[str, RecordedImage]) -> _Stock:
    """Find out which of the images that a host is to have it has already, under whatever name."""
    there = receiver.engine.built_images()
    ids = {one.id for one in there.values()}
    known = {}
    for tag in receiver.wanted:
        # An engine's ID of an image is its own: one that keeps images in containerd has others than one that does not.
        alike = [name for name, one in there.items() if one.inputs == here[tag].inputs and one.id != here[tag].id]
        if here[tag].id in ids:
            known[tag] = here[tag].id
        elif alike:
            layers = engine.layers(tag)
            same = next((there[name].id for name in alike if receiver.engine.layers(name) == layers), None)
            if same:
                known[tag] = same
    return _Stock(frozenset(there), known)


def _shipments(
    engine: Engine, missing: Mapping[str, frozenset[str]], by_name: Mapping[str, Receiver]
) -> list[_Shipment]:
    layers = {tag: engine.layers(tag) for tags in missing.values() for tag in tags}
    groups: dict[frozenset[tuple[str, ...]], list[str]] = {}
    for name, tags in missing.items():
        if tags:
            groups.setdefault(frozenset(layers[tag] for tag in tags), []).append(name)
    return [
        _Shipment(
            tuple(sorted(frozenset[str]().union(*(missing[name] for name in names)))),
            tuple(by_name[name] for name in names),
        )
        for names in groups.values()
    ]


def _send(shipment: _Shipment, names: str, say: Callable[[str], None]) -> dict[str, ComposerError]:
    said = 0

    def sent(total: int) -> None:
        nonlocal said
        if total - said >= _SAID_EVERY:
            said = total
            say(f"{names}: {total / 1e6:.0f} MB of images")

    loads = [receiver.connection.command("docker", "load", "--quiet") for receiver in shipment.receivers]
    try:
        ends = pour(Command(("docker", "save", *shipment.tags)), loads, sent)
    except CommandFailed as error:
        raise ComposerError(f"the images cannot be read: {error.last_line}", "see what `docker info` says") from error
    return {
        receiver.name: explain(receiver.connection.host, end.returncode, end.stderr)
        for receiver, end in zip(shipment.receivers, ends, strict=True)
        if end is not None
    }


def _name(
    receiver: Receiver, here: Mapping[str, RecordedImage], stock: _Stock, shipments: Mapping[str, _Shipment]
) -> None:
    """Give the images their names there, and take away those names of other hosts' images that came along."""
    for tag, image in stock.known.items():
        receiver.engine.name_image(image, tag)
    for shipment in shipments.values():
        if receiver in shipment.receivers:
            for tag in set(shipment.tags) - set(receiver.wanted) - stock.tags:
                receiver.engine.remove_image(tag)
    there = receiver.engine.built_images()
    lacking = sorted(tag for tag in receiver.wanted if tag not in there or there[tag].inputs != here[tag].inputs)
    if lacking:
        raise HostError(f"{receiver.name}: its engine has not taken {lacking[0]}", "see what `docker load` says there")
