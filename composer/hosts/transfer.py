"""Images for other hosts: read once here for all that need the same layers, and sent only where their ID is not yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class _Shipment:
    """One stream of images: all in it have the same layers for each receiver, so that none gets a byte too much."""

    images: tuple[str, ...]
    receivers: tuple[Receiver, ...]


def transfer(engine: Engine, receivers: Sequence[Receiver], say: Callable[[str], None]) -> dict[str, ComposerError]:
    """Give each host the images of its participants under their names; return what went wrong, by host.

    Args:
        engine: The one here, which has them all.
        receivers: The hosts.
        say: Told how far it is.
    """
    here = {tag: image.id for tag, image in engine.built_images().items()}
    by_name = {receiver.name: receiver for receiver in receivers}
    there = on_each(
        tuple(by_name), lambda name: frozenset(one.id for one in by_name[name].engine.built_images().values())
    )
    failed = {name: outcome for name, outcome in there.items() if isinstance(outcome, ComposerError)}
    missing: dict[str, frozenset[str]] = {}
    for name, known in there.items():
        if not isinstance(known, ComposerError):
            wanted = frozenset(here[participant.image] for participant in by_name[name].manifest.participants)
            missing[name] = wanted - known
    shipments = {", ".join(r.name for r in one.receivers): one for one in _shipments(engine, missing, by_name)}
    for sent in on_each(tuple(shipments), lambda names: _send(shipments[names], names, say)).values():
        if isinstance(sent, ComposerError):
            raise sent
        failed.update(sent)
    rest = [name for name in missing if name not in failed]
    named = on_each(rest, lambda name: _name(by_name[name], here, shipments))
    failed.update({name: outcome for name, outcome in named.items() if isinstance(outcome, ComposerError)})
    return failed


def _shipments(
    engine: Engine, missing: Mapping[str, frozenset[str]], by_name: Mapping[str, Receiver]
) -> list[_Shipment]:
    layers = {image: engine.layers(image) for images in missing.values() for image in images}
    groups: dict[frozenset[tuple[str, ...]], list[str]] = {}
    for name, images in missing.items():
        if images:
            groups.setdefault(frozenset(layers[image] for image in images), []).append(name)
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
        ends = pour(Command(("docker", "save", *shipment.images)), loads, sent)
    except CommandFailed as error:
        raise ComposerError(f"the images cannot be read: {error.last_line}", "see what `docker info` says") from error
    return {
        receiver.name: explain(receiver.connection.host, end.returncode, end.stderr)
        for receiver, end in zip(shipment.receivers, ends, strict=True)
        if end is not None
    }


def _name(receiver: Receiver, here: Mapping[str, str], shipments: Mapping[str, _Shipment]) -> None:
    """Give the images their names there, and take away those of other hosts, which came along without one."""
    wanted = {participant.image: here[participant.image] for participant in receiver.manifest.participants}
    for tag, image in wanted.items():
        receiver.engine.name_image(image, tag)
    for shipment in shipments.values():
        if receiver in shipment.receivers:
            for image in set(shipment.images) - set(wanted.values()):
                receiver.engine.remove_image(image)
    lacking = sorted(set(wanted) - set(receiver.engine.built_images()))
    if lacking:
        raise HostError(f"{receiver.name}: its engine has not taken {lacking[0]}", "see what `docker load` says there")
