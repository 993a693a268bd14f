"""What a command was given, completed and resolved: kits, definition, deployment folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from composer.deployment.manifest import Manifest
from composer.model import Federation, Kit, Owner
from composer.model.errors import ComposerError

if TYPE_CHECKING:
    from composer.definition import Definition

_NO_KITS = "name a prod_NN folder or kit folders: composer up workspace/PROJECT/prod_00"


@dataclass(frozen=True)
class Inputs:
    """What a command was given: kits and a definition, which may both be missing, and the deployment folder.

    ``pin`` is asked for the PIN of an archive that needs one; ``nearby`` is the definition for a deployment that was
    made without one. The folder is kept by its real path, which is what its processes and containers are known by.
    """

    kits: tuple[Path, ...]
    definition: Path | None
    deployment: Path
    pin: Callable[[Path], str] | None = None
    nearby: Path | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "deployment", Path(os.path.realpath(self.deployment)))


def known_inputs(inputs: Inputs) -> Inputs:
    """Complete what the user left out: the definition with which the deployment was made, and its kits."""
    from composer.definition import load_definition
    from composer.deployment.write import read_manifest

    kits, definition = inputs.kits, inputs.definition
    manifest = None if kits and definition else _read_if_whole(inputs.deployment)
    definition = definition or (manifest.definition if manifest else None) or inputs.nearby
    if not kits and definition:
        kits = load_definition(definition).kits
    if not kits:
        manifest = read_manifest(inputs.deployment)
        if manifest is None:
            raise ComposerError("no kits were given", _NO_KITS)
        kits = manifest.kits
    return replace(inputs, kits=tuple(path.absolute() for path in kits), definition=definition)


def _read_if_whole(deployment: Path) -> Manifest | None:
    from composer.deployment.write import read_manifest

    try:
        return read_manifest(deployment)
    except ComposerError:
        # Whoever needs it says what is wrong with it.
        return None


@contextmanager
def resolved(
    inputs: Inputs,
    caller: Owner,
    found: Mapping[str, str],
    connected: bool = False,
    change: Callable[[Definition], Definition] = lambda definition: definition,
    apart: bool = False,
    lies_in: Path | None = None,
) -> Iterator[Federation]:
    """Load and resolve what is to run; what archives hold lies in a private folder, which goes after the block.

    Args:
        inputs: Kits, definition, deployment folder.
        caller: Who runs composer.
        found: Locks of images by their keys, besides those in the deployment folder.
        connected: Leave the definition's wheels aside: the package index can be reached.
        change: Returns the definition that is to be used in place of the user's.
        apart: As for :func:`composer.resolve.resolve_federation`.
        lies_in: Let kits of archives have the paths that they will have below this folder.

    Raises:
        ComposerError: The kits or the definition do not allow it.
    """
    from tempfile import TemporaryDirectory

    from composer.definition import Definition, load_definition, without_wheels
    from composer.images.build_inputs import load_build_inputs
    from composer.kits import load_kits
    from composer.resolve import resolve_federation

    definition = change(load_definition(inputs.definition) if inputs.definition else Definition())
    if connected:
        definition = without_wheels(definition)
    with TemporaryDirectory(prefix="composer-") as place:
        folder = Path(place).resolve()
        project = load_kits(inputs.kits, folder, inputs.pin)
        build_inputs = load_build_inputs(project, definition, inputs.deployment)
        build_inputs = replace(
            build_inputs, locks={**build_inputs.locks, **{(None, key): lock for key, lock in found.items()}}
        )
        if lies_in:
            kits = tuple(_moved(kit, folder, lies_in.resolve()) for kit in project.kits)
            project = replace(project, kits=kits)
        yield resolve_federation(project, definition, build_inputs, inputs.deployment, caller, apart)


def _moved(kit: Kit, source: Path, target: Path) -> Kit:
    return replace(kit, path=target / kit.path.relative_to(source)) if kit.path.is_relative_to(source) else kit


def chosen_runtime(inputs: Inputs) -> str:
    """Return the runtime that the definition chooses."""
    from composer.definition import load_definition

    definition = known_inputs(inputs).definition
    return load_definition(definition).runtime if definition else "docker"


def deployed(deployment: Path) -> Manifest:
    """Return what a deployment folder says of itself.

    Raises:
        ComposerError: It is no deployment folder.
    """
    from composer.deployment.write import read_manifest

    manifest = read_manifest(deployment)
    if manifest is None:
        raise ComposerError(
            f"{deployment} is not a deployment folder", "name it with -C DIR, or make one: composer up KITS"
        )
    return manifest
