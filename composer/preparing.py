"""The use cases that run nothing: from kits and a definition to the deployment folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from composer.errors import ChecksFailed, ComposerError
from composer.manifest import Manifest
from composer.model import LOCAL, Federation, GeneratedFile, Owner, Rendering
from composer.talk import Talk

if TYPE_CHECKING:
    from composer.difference import Difference
    from composer.kits.checks import CheckReport

_NO_KITS = "name a prod_NN folder or kit folders: composer up workspace/PROJECT/prod_00"


@dataclass(frozen=True)
class Inputs:
    """What a command was given: kits and a definition, which may both be missing, and the deployment folder.

    ``pin`` is asked for the PIN of an archive that needs one. The folder is kept by its real path, which is what its
    processes and containers are known by.
    """

    kits: tuple[Path, ...]
    definition: Path | None
    deployment: Path
    pin: Callable[[Path], str] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "deployment", Path(os.path.realpath(self.deployment)))


@dataclass(frozen=True)
class Generated:
    """What generate wrote, or with ``dry_run`` would write: ``changed`` are paths below the folder."""

    federation: Federation
    manifest: Manifest
    changed: tuple[str, ...]


def check(
    inputs: Inputs, ignore: Sequence[str] = (), root_fingerprint: str = "", warn_days: int | None = None
) -> CheckReport:
    """Look at the kits offline and say what is wrong with them.

    Args:
        inputs: Kits, or where they are named.
        ignore: Ids of checks whose findings are left out.
        root_fingerprint: SHA-256 that the authority's certificate must have; empty: any.
        warn_days: Warn of certificates that end in fewer days.

    Raises:
        ComposerError: There is no kit, or an archive is refused.
    """
    from tempfile import TemporaryDirectory

    from composer.kits.checks import CheckOptions, check_kits

    known = known_inputs(inputs)
    options = CheckOptions(datetime.now(timezone.utc), warn_days, frozenset(ignore), root_fingerprint)
    with TemporaryDirectory(prefix="composer-") as folder:
        return check_kits(known.kits, Path(folder), options, known.pin)


def require_good_kits(inputs: Inputs, talk: Talk, ignore: Sequence[str] = ()) -> str:
    """Check the kits, warn of what stops nothing, and return the fingerprint of the authority that they all trust.

    Args:
        inputs: Kits, or where they are named.
        talk: Hears the warnings.
        ignore: Ids of checks whose findings are left out.

    Raises:
        ChecksFailed: One is bad.
    """
    from composer.kits.project import require_one_server

    report = check(inputs, ignore)
    require_one_server([kit.path for kit in report.kits if kit.type == "server"])
    if not report.ok:
        raise ChecksFailed(report.findings, "`composer check` on the same kits says all and what to do")
    for finding in report.findings:
        talk.warn(f"{finding.kit}: {finding.message} ({finding.id}); {finding.fix}")
    return report.kits[0].root_fingerprint


def generate(inputs: Inputs, talk: Talk, force: bool = False, dry_run: bool = False, wait: bool = False) -> Generated:
    """Write the deployment folder for the kits and run nothing.

    Args:
        inputs: Kits, definition, deployment folder.
        talk: Hears what is done.
        force: Replace generated files that were edited by hand, keeping each as ``.orig``.
        dry_run: Write nothing.
        wait: Wait for another composer that is at work on the folder.

    Raises:
        ComposerError: The kits, the definition or the folder do not allow it, or another composer is at work there.
    """
    with taking_turns(inputs.deployment, talk, wait, dry_run):
        return write_generated(inputs, talk, force, dry_run, {})


def diff(inputs: Inputs) -> tuple[Difference, ...]:
    """Return what :func:`generate` would change in the deployment folder.

    Raises:
        ComposerError: As for :func:`generate`.
    """
    from composer.write import differences

    _, rendering = _render(known_inputs(inputs), {})
    return differences(rendering, inputs.deployment)


def _render(known: Inputs, found: Mapping[str, str]) -> tuple[Federation, Rendering]:
    from composer.render import render_deployment

    caller = Owner(os.geteuid(), os.getegid())
    federation = resolve(known, caller, found)
    return federation, render_deployment(federation, known.kits, known.definition, caller)


def write_generated(inputs: Inputs, talk: Talk, force: bool, dry_run: bool, found: Mapping[str, str]) -> Generated:
    """Generate; ``found`` are locks that the deployment folder has not got yet."""
    from composer.manifest import MANIFEST, parse_manifest
    from composer.runtimes.other import refuse_other_runtime
    from composer.write import changed_files, write_deployment

    known = known_inputs(inputs)
    federation, rendering = _render(known, found)
    if not found:
        refuse_other_runtime(known.deployment, federation.runtime)
    rendering = _with_hosts_left(rendering, known.deployment)
    if federation.elsewhere and not found:
        talk.warn(
            f"{', '.join(federation.elsewhere)}: left out, on a host without an endpoint; "
            "its administrator starts a bundle: composer bundle -o DIR"
        )
    contained = [one for one in federation.participants if one.host == LOCAL and federation.runtime == "docker"]
    if not found and any(one.user.uid == 0 for one in contained):
        talk.warn(
            "the kits belong to root, so the containers run as root (without capabilities); "
            "give the kits to an ordinary user to avoid that"
        )
    if dry_run:
        changed = changed_files(rendering, known.deployment)
        for path in changed:
            talk.command(f"write {known.deployment / path}")
    else:
        changed = write_deployment(rendering, known.deployment, force)
    text = next(file.content for file in rendering.files if file.path.name == MANIFEST).decode()
    return Generated(federation, parse_manifest(text, known.deployment / MANIFEST), tuple(map(str, changed)))


def _with_hosts_left(rendering: Rendering, deployment: Path) -> Rendering:
    """Keep in mind which hosts the folder had until now: only `up` and `down` go there to end what runs."""
    from composer.manifest import MANIFEST, dump_manifest, parse_manifest
    from composer.write import read_manifest

    try:
        former = read_manifest(deployment)
    except ComposerError:
        # A damaged one stops the writing, or is replaced with --force.
        former = None
    if former is None or not (former.hosts or former.left):
        return rendering

    def kept(file: GeneratedFile) -> GeneratedFile:
        if file.path.name != MANIFEST:
            return file
        manifest = parse_manifest(file.content.decode(), deployment / MANIFEST)
        return replace(file, content=dump_manifest(manifest.after(former)).encode())

    return replace(rendering, files=tuple(map(kept, rendering.files)))


def known_inputs(inputs: Inputs) -> Inputs:
    """Complete what the user left out: kits from composer.yml, else both from the deployment's last run."""
    from composer.definition import load_definition
    from composer.write import read_manifest

    kits, definition = inputs.kits, inputs.definition
    if not kits and definition:
        kits = load_definition(definition).kits
    if not kits:
        manifest = read_manifest(inputs.deployment)
        if manifest is None:
            raise ComposerError("no kits were given", _NO_KITS)
        kits, definition = manifest.kits, definition or manifest.definition
    return Inputs(tuple(path.absolute() for path in kits), definition, inputs.deployment, inputs.pin)


def resolve(inputs: Inputs, caller: Owner, found: Mapping[str, str], connected: bool = False) -> Federation:
    """Load and resolve what is to run.

    Args:
        inputs: Kits, definition, deployment folder.
        caller: Who runs composer.
        found: Locks of images by their keys, besides those in the deployment folder.
        connected: Leave the definition's wheels aside: the package index can be reached.

    Raises:
        ComposerError: The kits or the definition do not allow it.
    """
    if not all(path.is_dir() for path in inputs.kits):
        # Archives are tried elsewhere first: what is refused leaves nothing behind and replaces nothing.
        resolve_aside(inputs, caller, found, connected)
    return _resolve(inputs, caller, found, connected, inputs.deployment / "kits")


def resolve_aside(inputs: Inputs, caller: Owner, found: Mapping[str, str], connected: bool = False) -> Federation:
    """Resolve as :func:`resolve` does, and keep nothing of what archives hold."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="composer-") as folder:
        return _resolve(inputs, caller, found, connected, Path(folder))


def _resolve(inputs: Inputs, caller: Owner, found: Mapping[str, str], connected: bool, unpack_into: Path) -> Federation:
    from composer.definition import Definition, load_definition, without_wheels
    from composer.kits import load_kits
    from composer.materials import load_materials
    from composer.resolve import resolve_federation

    definition = load_definition(inputs.definition) if inputs.definition else Definition()
    if connected:
        definition = without_wheels(definition)
    project = load_kits(inputs.kits, unpack_into, inputs.pin)
    materials = load_materials(project, definition, inputs.deployment)
    materials = replace(materials, locks={**materials.locks, **{(None, key): lock for key, lock in found.items()}})
    return resolve_federation(project, definition, materials, inputs.deployment, caller)


def chosen_runtime(inputs: Inputs) -> str:
    """Return the runtime that the definition chooses."""
    from composer.definition import load_definition

    definition = known_inputs(inputs).definition
    return load_definition(definition).runtime if definition else "docker"


def taking_turns(deployment: Path, talk: Talk, wait: bool, dry_run: bool) -> AbstractContextManager[None]:
    """Be the only composer at work on a deployment folder, for the time of the block; a dry run need not be.

    Raises:
        ComposerError: Another is, and this was not asked to wait for it.
    """
    from composer.turn import my_turn

    return nullcontext() if dry_run else my_turn(deployment, wait, lambda who: talk.step(f"Waiting for {who}"))


def alone_with(compose_project: str, talk: Talk, wait: bool, dry_run: bool) -> AbstractContextManager[None]:
    """Be the only composer of this machine at work on a Compose project, whatever the folder; a dry run need not be.

    Raises:
        ComposerError: Another is, and this was not asked to wait for it.
    """
    from composer.turn import my_project

    return nullcontext() if dry_run else my_project(compose_project, wait, lambda who: talk.step(f"Waiting for {who}"))


def deployed(deployment: Path) -> Manifest:
    """Return what a deployment folder says of itself.

    Raises:
        ComposerError: It is no deployment folder.
    """
    from composer.write import read_manifest

    manifest = read_manifest(deployment)
    if manifest is None:
        raise ComposerError(
            f"{deployment} is not a deployment folder", "name it with -C DIR, or make one: composer up KITS"
        )
    return manifest
