"""The use case ``composer bundle``: an archive for each host, to be copied there and started without composer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from composer.bundles.age import Seal, require_age
from composer.bundles.pack import Contents, Sums, write_archive
from composer.definition import Definition, without_own_environments
from composer.deployment.image_record import ImageRecord
from composer.images.build_inputs import folder_files
from composer.images.native_wheels import collect, default_target
from composer.model.errors import ComposerError
from composer.model.federation import Federation
from composer.model.files import GeneratedFile
from composer.model.kinds import RuntimeName
from composer.model.kit import Kit
from composer.model.reporter import Reporter
from composer.render.bundle import KITS, PackedImage, Target
from composer.render.dockerfile import inputs_hash
from composer.render.metal import environment_name
from composer.runtimes.lifecycle import form_of
from composer.usecases.check import require_good_kits
from composer.usecases.inputs import Inputs
from composer.usecases.session import Session, open_session

WHEELS = PurePosixPath("wheels")
IMAGES = PurePosixPath("images.tar")


@dataclass(frozen=True)
class Packing:
    """How bundles are made.

    Attributes:
        runtime: How the participants run on the far side; None: as composer.yml says.
        wheels: Put in all that pip would fetch (processes).
        images: Put in the images, which must have been built here (containers).
        python: The target host's Python, ``major.minor``; None: this one's.
        machine: The target host's platform, as ``uname -m`` says it; None: this one's.
        recipients: age's public keys that the archives are encrypted for.
        passphrase: What they are encrypted with where there are no recipients; empty: they are not encrypted.
    """

    runtime: RuntimeName | None = None
    wheels: bool = False
    images: bool = False
    python: str | None = None
    machine: str | None = None
    recipients: tuple[str, ...] = ()
    passphrase: str = ""


@dataclass(frozen=True)
class Bundle:
    """An archive that was made: where it is, its SHA-256, and whom it is for."""

    path: Path
    sha256: str
    participants: tuple[str, ...]


def bundle(
    inputs: Inputs, folder: Path, packing: Packing, reporter: Reporter, ignore: Sequence[str] = ()
) -> tuple[Bundle, ...]:
    """Write an archive for each host of the definition, and for each participant that is on none.

    Args:
        inputs: Kits, definition, and a deployment folder whose images were pinned; it need not be there.
        folder: Where the archives are put; it is made where it is missing.
        packing: How they are made.
        reporter: Hears what is done.
        ignore: As for :func:`composer.usecases.check.check`.

    Raises:
        ComposerError: The kits or the definition do not allow it, something that is to go in cannot be had, or
            the folder cannot be written. An archive that is there is whole.
    """
    seal = Seal(packing.recipients, packing.passphrase) if packing.recipients or packing.passphrase else None
    if seal:
        require_age(seal.recipients)
    session = open_session(inputs)
    require_good_kits(session, reporter, ignore)
    with _resolved(session, packing) as federation:
        _refuse_contradictions(federation, packing)
        return _pack(federation, folder, packing, seal, reporter)


def _pack(
    federation: Federation, folder: Path, packing: Packing, seal: Seal | None, reporter: Reporter
) -> tuple[Bundle, ...]:
    with TemporaryDirectory(prefix="composer-") as place:
        wheels = _Wheels(Path(place), packing, federation, reporter) if packing.wheels else None
        images = _packed_images(federation) if packing.images else {}
        sums = Sums()
        made = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ComposerError(f"cannot write {folder}: {error.strerror}", "name another folder with -o") from error
        for host in dict.fromkeys(participant.host for participant in federation.participants):
            part = federation.on(host)
            name = f"{federation.compose_project}-{host}"
            reporter.step(f"Packing {name}")
            attached = dict(wheels.of(part)) if wheels else {}
            if images:
                attached[IMAGES] = _save(part, Path(place) / f"{host}.tar", reporter)
            contents = Contents(name, _files(name, part, wheels.target if wheels else None, images), attached)
            if secret := [one.name for one in part.participants if one.private and not seal]:
                reporter.warn(f"{name}.tar.gz has secrets of {', '.join(secret)} (env_file) in plain text: --encrypt")
            path, sha256 = write_archive(contents, folder, sums, seal)
            made.append(Bundle(path, sha256, tuple(participant.name for participant in part.participants)))
            if seal and (folder / f"{name}.tar.gz").exists():
                reporter.warn(f"{folder / name}.tar.gz, which is not encrypted, lies beside it from before")
    return tuple(made)


def _resolved(session: Session, packing: Packing) -> AbstractContextManager[Federation]:
    def change(definition: Definition) -> Definition:
        if not packing.runtime:
            return definition
        hosts = {name: replace(host, runtime=packing.runtime) for name, host in definition.hosts.items()}
        changed = replace(definition, runtime=packing.runtime, hosts=hosts)
        return changed if packing.runtime == "process" else without_own_environments(changed)

    return session.resolved(change=change, apart=True)


def _refuse_contradictions(federation: Federation, packing: Packing) -> None:
    asked = {"images": packing.images, "wheels": packing.wheels}
    for runtime in federation.runtimes:
        packs = form_of(runtime).packs
        for what in (name for name, wanted in asked.items() if wanted and name != packs):
            raise ComposerError(
                f"--with-{what} is not for bundles of runtime {runtime}", f"use --with-{packs}, or another --runtime"
            )
    for participant in federation.participants if packing.wheels else ():
        if there := participant.image.existing_environment:
            raise ComposerError(
                f"--with-wheels: {participant.name} is to run in {there}, where nothing is installed",
                "leave out --with-wheels, or nvflare_environment",
            )


class _Wheels:
    """The wheels of each distinct environment, collected once."""

    def __init__(self, place: Path, packing: Packing, federation: Federation, reporter: Reporter) -> None:
        images = {environment_name(p.image): p.image for p in federation.participants}
        self.target: Target = default_target(tuple(images.values()), packing.python, packing.machine)
        self._folders = {name: place / "wheels" / name for name in images}
        for name, image in images.items():
            reporter.step(f"Collecting wheels for Python {self.target.python} on {self.target.machine}")
            collect(image, self.target, self._folders[name], reporter.output)

    def of(self, federation: Federation) -> Iterator[tuple[PurePosixPath, Path]]:
        for name in {environment_name(p.image) for p in federation.participants}:
            for wheel in sorted(self._folders[name].glob("*.whl")):
                yield WHEELS / wheel.name, wheel


def _packed_images(federation: Federation) -> Mapping[str, PackedImage]:
    from composer.deployment.layout import INPUTS_LABEL
    from composer.runtimes.engine import connect

    facts, recorded = connect().image_facts(), ImageRecord(federation.deployment).read()
    packed = {}
    for participant in federation.participants:
        wanted, found = inputs_hash(participant), facts.get(participant.image.tag)
        known = recorded.get(participant.image.tag)
        replaced = known and found and known.inputs == wanted and known.id != found.id
        if found is None or found.labels.get(INPUTS_LABEL) != wanted or replaced:
            raise ComposerError(
                f"the image of {participant.name} is missing or stale", "build it first: composer build KITS"
            )
        packed[participant.name] = PackedImage(found.id, wanted)
    return packed


def _save(federation: Federation, target: Path, reporter: Reporter) -> Path:
    """Save all images of a host into one tar, in which what they share lies once."""
    from composer.model.command import Command
    from composer.system.process import stream

    tags = sorted({participant.image.tag for participant in federation.participants})
    stream(Command(("docker", "save", "--output", str(target), *tags)), reporter.output)
    return target


def _files(
    name: str, federation: Federation, target: Target | None, images: Mapping[str, PackedImage]
) -> Sequence[GeneratedFile]:
    rendered = form_of(federation.runtime).bundle(name, federation, target, images)
    kits = [file for participant in federation.participants for file in _kit(participant.kit, participant.service)]
    return (*rendered, *kits)


def _kit(kit: Kit, service: str) -> Iterator[GeneratedFile]:
    """Yield the kit, and nothing that it may have collected since: logs, jobs, pid files."""
    for part in ("startup", "local"):
        for path, file in folder_files(kit.path / part):
            if not str(path).isprintable() or "\\" in str(path):
                raise ComposerError(f"{kit.path / part} has a file named {str(path)!r}", "ask for the kit again")
            mode = 0o600 if path.suffix == ".key" else file.mode & 0o700 | 0o600
            yield replace(file, path=KITS / service / part / path, mode=mode)
