"""Who is of a federation: participants that join it, and such that leave, while all others go on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from composer.definition import Definition
from composer.deployment.manifest import DeployedParticipant, Manifest
from composer.kits import load_kits
from composer.kits.same import difference
from composer.model.errors import ComposerError
from composer.model.kit import Kit
from composer.model.reporter import some_of
from composer.runtimes import services
from composer.usecases.inputs import Inputs, deployed
from composer.usecases.session import open_session


@dataclass(frozen=True)
class Membership:
    """What is to be brought up after somebody has joined or left.

    Attributes:
        inputs: All who are of the federation from then on.
        names: Who joins or leaves; empty: nobody does.
        left: Those who leave, as they were deployed.
    """

    inputs: Inputs
    names: tuple[str, ...]
    left: tuple[DeployedParticipant, ...] = ()


def joined(inputs: Inputs) -> Membership:
    """Return the inputs of a federation that has participants more; nothing is changed, and no kit stays unpacked.

    Kits of participants that are of it already are left aside where they are the same: NVFLARE makes a whole
    ``prod_NN`` for one site more, and who runs goes on with the kit that it has.

    Args:
        inputs: The kits of those who join, among others; the deployment folder of the federation.

    Raises:
        ComposerError: It is no deployment folder, there are no kits, or one of them differs from the kit of its name.
    """
    manifest = deployed(inputs.deployment)
    if not inputs.kits:
        raise ComposerError("no kits were given", "name those of who joins: composer add workspace/PROJECT/prod_01")
    _require_kits_of_its_own(inputs)
    there = {one.name: one for one in manifest.participants}
    with TemporaryDirectory(prefix="composer-") as place:
        unpacked = Path(place).resolve()
        kits = load_kits(inputs.kits, unpacked, inputs.pin).kits
        known = [kit for kit in kits if kit.name in there]
        _require_same(known, there, inputs.kits)
        new = [kit for kit in kits if kit.name not in there]
        folders = tuple(kit.path for kit in new if not kit.path.is_relative_to(unpacked))
        archives = _archives(inputs, unpacked, {kit.name for kit in new}, there)
    joining = replace(inputs, kits=(*manifest.kits, *folders, *archives))
    return Membership(joining, tuple(kit.name for kit in new))


def _require_kits_of_its_own(inputs: Inputs) -> Definition:
    """Return the definition, in which no kits must be listed: it would have the last word at the next ``up``."""
    definition = open_session(replace(inputs, kits=())).definition
    if definition.kits:
        raise ComposerError("composer.yml lists the kits of this federation", "change them there, and: composer up")
    return definition


def _require_same(known: Sequence[Kit], there: dict[str, DeployedParticipant], given: Sequence[Path]) -> None:
    changed = [
        f"{kit.name} ({what})"
        for kit in known
        if kit.path != there[kit.name].kit and (what := difference(there[kit.name].kit, kit.path))
    ]
    if changed:
        raise ComposerError(
            f"other kits than those that are deployed have the names of {some_of(changed)}",
            f"give the kits of who joins alone, or change to all of these: composer up {' '.join(map(str, given))}",
        )


def _archives(inputs: Inputs, place: Path, new: Collection[str], there: Collection[str]) -> list[Path]:
    """Return the archives that those who join came in; one that holds others too cannot be a part of the kits."""
    found = []
    for number, path in enumerate(one for one in inputs.kits if one.is_file()):
        names = {kit.name for kit in load_kits((path,), place / f"again-{number}", inputs.pin).kits}
        if names & set(new):
            if names & set(there):
                raise ComposerError(
                    f"{path} holds kits of {some_of(sorted(names & set(there)))} too, which are deployed already",
                    "unpack it, and give the folders of the kits",
                )
            found.append(path.absolute())
    return found


def parted(deployment: Path, names: Sequence[str], inputs: Inputs) -> Membership:
    """Return the inputs of a federation that some participants have left; nothing is changed.

    Args:
        deployment: The deployment folder.
        names: Who leaves.
        inputs: What else was given.

    Raises:
        ComposerError: It is no deployment folder, somebody is not in it, composer.yml names who leaves, the server
            would leave, or others connect to who leaves.
    """
    manifest = deployed(deployment)
    services(manifest, names)
    named = sorted(_require_kits_of_its_own(inputs).participants.keys() & set(names))
    if named:
        raise ComposerError(
            f"composer.yml says what {some_of(named)} {'is' if len(named) == 1 else 'are'} to have",
            f"take participants.{named[0]} out of it, and again: composer remove {' '.join(names)}",
        )
    left = tuple(one for one in manifest.participants if one.name in names)
    stays = tuple(one for one in manifest.participants if one.name not in names)
    _require_not_needed(left, stays)
    kits = tuple(kit for path in manifest.kits for kit in _without(path, manifest, set(names), inputs))
    return Membership(replace(inputs, kits=kits), tuple(one.name for one in left), left)


def _require_not_needed(left: Sequence[DeployedParticipant], stays: Sequence[DeployedParticipant]) -> None:
    server = next((one.name for one in left if one.type == "server"), None)
    if server:
        raise ComposerError(f"{server} is the server: without it there is no federation", "to end all: composer down")
    for relay in left:
        children = [one.name for one in stays if one.identity == relay.name and one.type != "admin"]
        if children:
            raise ComposerError(
                f"{some_of(children)} connects to the federation through {relay.name}"
                if len(children) == 1
                else f"{some_of(children)} connect to the federation through {relay.name}",
                f"remove them too: composer remove {' '.join((relay.name, *children))}",
            )


def _without(path: Path, manifest: Manifest, names: set[str], inputs: Inputs) -> Sequence[Path]:
    """Return what stands for one of the given kits when those of ``names`` are not among them any more."""
    if path.is_file():
        with TemporaryDirectory(prefix="composer-") as place:
            held = {kit.name for kit in load_kits((path,), Path(place).resolve(), inputs.pin).kits}
        if held <= names or not held & names:
            return () if held <= names else (path,)
        raise ComposerError(
            f"{path} holds the kits of others too than {some_of(sorted(held & names))}",
            "unpack it, and bring the federation up from the folders of its kits",
        )
    here = [one for one in manifest.participants if path.resolve() in (one.kit, one.kit.parent)]
    return tuple(one.kit for one in here if one.name not in names) if names & {one.name for one in here} else (path,)
