"""One page about a federation: from kits alone, from a deployment, and from what runs."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from composer.model.errors import ComposerError
from composer.model.report import CertificateOf, Contents, Report, Unknown
from composer.usecases.jobs import server_here, stored_jobs
from composer.usecases.session import Session, open_session

if TYPE_CHECKING:
    from composer.deployment.manifest import Manifest
    from composer.model.federation import Federation, Participant
    from composer.model.finding import Finding
    from composer.model.report import Event
    from composer.model.status import FederationStatus, ImageStatus
    from composer.render.form import Form
    from composer.usecases.inputs import Inputs

T = TypeVar("T")
_OTHER_FILE = "name another file with -o FILE"
# A report says at its beginning that it is one.
_MOST_HEAD = 2000
_PINNED = re.compile(r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)", re.MULTILINE | re.ASCII)


def report(inputs: Inputs, findings: tuple[Finding, ...] | None = None) -> Report:
    """Find out all that a report shows; what cannot be found out is said in it, and stops nothing.

    Args:
        inputs: Kits, definition, deployment folder.
        findings: What `check` and `doctor` have found before; None: they look now.

    Raises:
        ComposerError: There are no kits, or they or the definition do not hold.
    """
    return _report(open_session(inputs), findings)


def write_report(inputs: Inputs, file: Path) -> Report:
    """Write a report as a page of HTML that needs nothing beside it; return what is in it.

    Args:
        inputs: What the report is of.
        file: Where it is put; its folder must be there.

    Raises:
        ComposerError: As for :func:`report`; or it would lie in a kit or in the deployment folder, what is there is no
            report, or it cannot be written.
    """
    session = open_session(inputs)
    _require_place(session, file)
    found = _report(session)
    write_page(found, file)
    return found


def _report(session: Session, findings: tuple[Finding, ...] | None = None) -> Report:
    from composer import __version__
    from composer.deployment.recorded import read_manifest
    from composer.resolve.topology import resolve_topology
    from composer.system.background import in_background

    deployment = session.deployment
    manifest = read_manifest(deployment)
    with ExitStack() as stack:
        # Engines and hosts are waited for while kits are read.
        status = stack.enter_context(in_background(lambda: _status(deployment, manifest)))
        images = stack.enter_context(in_background(lambda: _images(deployment, manifest)))
        federation = stack.enter_context(session.resolved(startable=False))
        kits = [*(one.kit for one in federation.participants), *(one.kit for one in federation.elsewhere)]
        certificates = (CertificateOf(kit.name, kit.type, kit.certificate) for kit in kits)
        return Report(
            made=datetime.now(timezone.utc),
            composer=__version__,
            topology=resolve_topology(federation),
            findings=_findings(session, federation) if findings is None else findings,
            events=_events(deployment, manifest) if manifest else (),
            jobs=stored_jobs(deployment, manifest) if manifest else (),
            certificates=tuple(sorted(certificates, key=lambda one: (one.certificate.not_after, one.name))),
            contents=_contents(federation),
            authorities=tuple(sorted({kit.root_fingerprint for kit in kits})),
            kits=session.kits,
            definition=session.definition_file,
            deployment=deployment if manifest else None,
            status=status(),
            images=images(),
        )


def write_page(found: Report, file: Path) -> None:
    """Write a report as a page; the former one is there until the new one is whole.

    Raises:
        ComposerError: It cannot be written.
    """
    from composer.render.report import render_report

    place = Path(os.path.realpath(file))
    text = render_report(found)
    try:
        descriptor, part = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
        try:
            with open(descriptor, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a descriptor, not a path
                stream.write(text)
                stream.flush()
                os.fchmod(descriptor, 0o644)
                os.fsync(descriptor)
            Path(part).replace(place)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ComposerError(f"cannot write {file}: {error.strerror}", _OTHER_FILE) from error


def _require_place(session: Session, file: Path) -> None:
    from composer.render.report import is_report

    place = Path(os.path.realpath(file))
    for kit in session.kits:
        if kit.is_dir() and place.is_relative_to(os.path.realpath(kit)):
            raise ComposerError(f"{file} lies in the kits {kit}, which composer never changes", _OTHER_FILE)
    if place.is_relative_to(session.deployment):
        raise ComposerError(f"{file} lies in the deployment folder, where composer keeps its own", _OTHER_FILE)
    if not place.parent.is_dir():
        raise ComposerError(f"cannot write {file}: its folder is not there", "make it first, or name another one")
    if not place.exists():
        return
    try:
        former = _head_of(place) if place.is_file() else b"a folder, a device or a pipe"
    except OSError as error:
        raise ComposerError(f"cannot read {file}: {error.strerror}", _OTHER_FILE) from error
    if former and not is_report(former):
        raise ComposerError(f"{file} is there and is no report of composer's", _OTHER_FILE)


def _head_of(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(_MOST_HEAD)


def _attempt(look: Callable[[], T]) -> T | Unknown:
    try:
        return look()
    except ComposerError as error:
        return Unknown(error.message, error.hint)


def _status(deployment: Path, manifest: Manifest | None) -> FederationStatus | Unknown | None:
    from composer.usecases.status import status

    return _attempt(lambda: status(deployment)) if manifest else None


def _images(deployment: Path, manifest: Manifest | None) -> tuple[ImageStatus, ...] | Unknown | None:
    if manifest is None or set(manifest.runtimes) <= {"process"}:
        return None
    from composer.usecases.images import list_images

    return _attempt(lambda: list_images(deployment))


def _findings(session: Session, federation: Federation) -> tuple[Finding, ...]:
    from composer.usecases.check import check_session
    from composer.usecases.doctor import examine

    found = (*check_session(session).findings, *examine(session.deployment, federation))
    return tuple(sorted(found, key=lambda one: one.severity != "error"))


def _events(deployment: Path, manifest: Manifest) -> tuple[Event, ...] | Unknown:
    from composer.runtimes.admissions import history
    from composer.runtimes.docker import in_containers
    from composer.runtimes.observe import Here

    server = server_here(manifest)
    if isinstance(server, Unknown):
        return server
    names = frozenset(one.name for one in manifest.started)
    # Containers have the time of UTC, plain processes that of this machine.
    zone = timezone.utc if server in in_containers(manifest).participants else None
    try:
        return history(Here(deployment).server_log(server, None), server.name, names, zone)
    except FileNotFoundError:
        return ()
    except OSError as error:
        return Unknown(f"the server's log cannot be read: {error.strerror}", "run composer as the owner of the kits")


def _contents(federation: Federation) -> tuple[Contents, ...]:
    """Return what goes into images, or into virtual environments, once for all who have the same."""
    from composer.runtimes.lifecycle import form_of

    groups: dict[object, list[Participant]] = {}
    for one in federation.participants:
        image, runtime = one.image, federation.runtime_on(one.host)
        key = (runtime, image.base, image.nvflare, image.packages, image.requirements, image.lock)
        groups.setdefault(key, []).append(one)
    return tuple(_described(group, form_of(federation.runtime_on(group[0].host))) for group in groups.values())


def _described(alike: Sequence[Participant], form: Form) -> Contents:
    image, in_containers = alike[0].image, form.packs == "images"
    return Contents(
        names=tuple(one.name for one in alike),
        base=image.base if in_containers else "",
        nvflare=image.nvflare,
        releases=tuple(sorted({one.kit.release for one in alike})),
        debian=image.packages if in_containers else (),
        python=tuple((found[1], found[2]) for found in _PINNED.finditer(image.lock)) if in_containers else (),
    )
