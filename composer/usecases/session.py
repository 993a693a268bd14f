"""What a command works on: what it was given, completed and read once, and what it makes of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from composer.definition import Definition, load_definition, without_wheels
from composer.deployment.manifest import Manifest
from composer.deployment.recorded import read_manifest
from composer.model.errors import ComposerError
from composer.model.federation import Federation
from composer.model.files import Owner
from composer.model.kit import Kit
from composer.system import limits
from composer.usecases.inputs import Inputs

_NO_KITS = "name a prod_NN folder or kit folders: composer up workspace/PROJECT/prod_00"


@dataclass(frozen=True)
class Session:
    """The inputs of one command, complete: kits with absolute paths, and the definition as it was read.

    ``definition_file`` is where the definition was read from; None where there is none and the defaults hold.
    """

    inputs: Inputs
    kits: tuple[Path, ...]
    definition: Definition
    definition_file: Path | None

    @property
    def deployment(self) -> Path:
        """The deployment folder."""
        return self.inputs.deployment

    @contextmanager
    def resolved(
        self,
        found: Mapping[str, str] | None = None,
        connected: bool = False,
        change: Callable[[Definition], Definition] = lambda definition: definition,
        apart: bool = False,
        lies_in: Path | None = None,
        startable: bool = True,
    ) -> Iterator[Federation]:
        """Load and resolve what is to run; what archives hold lies in a private folder, which goes after the block.

        Args:
            found: Locks of images by their keys, besides those in the deployment folder.
            connected: Leave the definition's wheels aside: the package index can be reached.
            change: Returns the definition that is to be used in place of the user's.
            apart: As for :func:`composer.resolve.resolve_federation`.
            startable: As for :func:`composer.resolve.resolve_federation`.
            lies_in: Let kits of archives have the paths that they will have below this folder.

        Raises:
            ComposerError: The kits or the definition do not allow it.
        """
        from tempfile import TemporaryDirectory

        from composer.images.build_inputs import load_build_inputs
        from composer.kits import load_kits
        from composer.resolve import resolve_federation

        definition = change(self.definition)
        if connected:
            definition = without_wheels(definition)
        with TemporaryDirectory(prefix="composer-") as place:
            folder = Path(place).resolve()
            project = load_kits(self.kits, folder, self.inputs.pin)
            build_inputs = load_build_inputs(project, definition, self.deployment)
            locks = dict(build_inputs.locks)
            locks.update(((None, key), lock) for key, lock in (found or {}).items())
            if lies_in:
                kits = tuple(_moved(kit, folder, lies_in.resolve()) for kit in project.kits)
                project = replace(project, kits=kits)
            caller = Owner(os.geteuid(), os.getegid())
            # What is only looked at needs none of them.
            private = _private(definition) if startable else {}
            build_inputs = replace(build_inputs, locks=locks, private=private)
            memory = limits.memory()
            yield resolve_federation(
                project, definition, build_inputs, self.deployment, caller, apart, startable, memory
            )


def open_session(inputs: Inputs) -> Session:
    """Complete what the user left out, the definition with which the deployment was made and its kits, and read it.

    Raises:
        ComposerError: There are no kits, or the definition does not hold.
    """
    kits, file = inputs.kits, inputs.definition
    manifest = None if kits and file else _read_if_whole(inputs.deployment)
    file = file or (manifest.definition if manifest else None) or inputs.nearby
    definition = load_definition(file) if file else Definition()
    kits = kits or definition.kits
    if not kits:
        manifest = read_manifest(inputs.deployment)
        if manifest is None:
            raise ComposerError("no kits were given", _NO_KITS)
        kits = manifest.kits
    return Session(inputs, tuple(path.absolute() for path in kits), definition, file)


def _read_if_whole(deployment: Path) -> Manifest | None:
    try:
        return read_manifest(deployment)
    except ComposerError:
        # Whoever needs it says what is wrong with it.
        return None


def _private(definition: Definition) -> Mapping[str, Mapping[str, str]]:
    if not any(choice.env_file or choice.environment for choice in definition.participants.values()):
        return {}
    from composer.definition.env_file import private_values

    return private_values(definition, os.environ)


def _moved(kit: Kit, source: Path, target: Path) -> Kit:
    return replace(kit, path=target / kit.path.relative_to(source)) if kit.path.is_relative_to(source) else kit
