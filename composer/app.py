"""The use cases of composer. Each is a function that the command line calls once, and that Python code may call.

All of them talk through a :class:`Talk` and raise :class:`composer.errors.ComposerError`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from composer.errors import ChecksFailed, ComposerError
from composer.manifest import DeployedParticipant, Manifest
from composer.model import LOCAL, Command, Federation, FederationStatus, Owner, Rendering
from composer.process import command_line, stream

if TYPE_CHECKING:
    from composer.difference import Difference
    from composer.engine import Engine
    from composer.kits.checks import CheckReport

DEFAULT_TIMEOUT = 120.0
_NO_KITS = "name a prod_NN folder or kit folders: composer up workspace/PROJECT/prod_00"


class Talk(Protocol):
    """How a use case tells the user what it does."""

    def step(self, text: str) -> None:
        """Say what begins now."""

    def warn(self, text: str) -> None:
        """Say what the user should know though it stops nothing."""

    def command(self, line: str) -> None:
        """Show a command that is about to run."""

    def output(self, line: str) -> None:
        """Show a line that a long command wrote."""

    def progress(self, status: FederationStatus) -> None:
        """Show how far the participants are."""


@dataclass(frozen=True)
class Inputs:
    """What a command was given: kits and a definition, which may both be missing, and the deployment folder.

    ``pin`` is asked for the PIN of an archive that needs one.
    """

    kits: tuple[Path, ...]
    definition: Path | None
    deployment: Path
    pin: Callable[[Path], str] | None = None


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
    with _turn(inputs.deployment, talk, wait, dry_run):
        return _generate(inputs, talk, force, dry_run, {})


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


def _generate(inputs: Inputs, talk: Talk, force: bool, dry_run: bool, found: Mapping[str, str]) -> Generated:
    """Generate; ``found`` are locks that the deployment folder has not got yet."""
    from composer.manifest import MANIFEST, parse_manifest
    from composer.write import changed_files, write_deployment

    known = known_inputs(inputs)
    federation, rendering = _render(known, found)
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


def build(
    inputs: Inputs,
    talk: Talk,
    force: bool = False,
    dry_run: bool = False,
    offline: bool = False,
    wait: bool = False,
    ignore: Sequence[str] = (),
) -> tuple[str, ...]:
    """Generate, then build the images that are missing or stale; return their participants' names.

    Args:
        inputs: Kits, definition, deployment folder.
        talk: Hears what is done.
        force: As for :func:`generate`.
        dry_run: Only show the files and commands.
        offline: Fetch nothing from anywhere.
        wait: As for :func:`generate`.
        ignore: As for :func:`check`.

    Raises:
        ComposerError: As for :func:`generate`, or an image cannot be built.
    """
    from composer.building import build_stale
    from composer.engine import connect
    from composer.runtimes import docker

    require_good_kits(inputs, talk, ignore)
    if _runtime_of(inputs) == "process":
        from composer import plain

        with _turn(inputs.deployment, talk, wait, dry_run):
            return plain.build(_generate(inputs, talk, force, dry_run, {}), inputs.deployment, talk, dry_run)
    docker.require_compose()
    engine = connect()
    with _turn(inputs.deployment, talk, wait, dry_run):
        generated = _generate(inputs, talk, force, dry_run, {})
        if not dry_run:
            generated = _pinned(engine, inputs, generated, talk, force, offline)
        return build_stale(engine, generated.federation, generated.manifest, talk, offline, dry_run)


def up(
    inputs: Inputs,
    talk: Talk,
    timeout: float = DEFAULT_TIMEOUT,
    force: bool = False,
    dry_run: bool = False,
    wait: bool = False,
    ignore: Sequence[str] = (),
    confirm: Callable[[str], bool] = lambda _: False,
) -> FederationStatus:
    """Generate and build what is missing or stale, start, and wait until federated.

    Args:
        inputs: Kits, definition, deployment folder.
        talk: Hears what is done and how far the participants are.
        timeout: Seconds to wait for the registrations.
        force: As for :func:`generate`.
        dry_run: Only show the files and commands.
        wait: As for :func:`generate`.
        ignore: As for :func:`check`.
        confirm: Asked before a private key leaves this machine for the first time.

    Raises:
        NotHealthy: Somebody has not registered in time; all run and go on trying.
        ComposerError: Anything else went wrong; then what this has started is gone, and what ran before goes on.
    """
    authority = require_good_kits(inputs, talk, ignore)
    deployment = inputs.deployment
    if _runtime_of(inputs) == "process":
        from composer import plain

        with _turn(deployment, talk, wait, dry_run):
            plain.refuse_others(deployment, authority)
            return plain.up(_generate(inputs, talk, force, dry_run, {}), deployment, talk, timeout, dry_run)
    from composer import across
    from composer.building import build_stale
    from composer.doctor import Machine, up_warnings
    from composer.engine import connect
    from composer.readiness import wait_until_federated
    from composer.remote.leaving import leave
    from composer.runtimes import docker
    from composer.runtimes.containers import Containers
    from composer.runtimes.gpus import require_gpus
    from composer.transaction import look, undone_on_failure
    from composer.write import read_manifest

    _refuse_processes(deployment)
    docker.require_compose()
    engine = connect()
    with _turn(deployment, talk, wait, dry_run):
        before, former = look(engine, deployment), read_manifest(deployment)
        docker.refuse_swapped_kits(before.containers.values(), authority, deployment)
        generated = _generate(inputs, talk, force, dry_run, {})
        here = generated.manifest.on(LOCAL)
        running = docker.own_containers(engine, here, deployment)
        docker.require_free_ports(here, [n for n, one in running.items() if one.state == "running"])
        if not dry_run:
            generated = _pinned(engine, inputs, generated, talk, force, offline=False)
        manifest = generated.manifest
        build_stale(engine, generated.federation, manifest, talk, False, dry_run)
        if dry_run:
            across.show(manifest, deployment, talk)
            return FederationStatus(manifest.federation)
        leave(former, manifest, deployment, talk)
        if manifest.hosts:
            return across.up(engine, generated.federation, manifest, talk, timeout, confirm)
        require_gpus(generated.federation.started)
        for finding in up_warnings(Machine(engine.facts(), deployment, generated.federation, frozenset(), now())):
            talk.warn(f"{finding.message} ({finding.id}); {finding.fix}")
        with undone_on_failure(engine, manifest, deployment, before, talk):
            talk.step(f"Starting {_count(len(manifest.started), 'participant')}")
            _stream(docker.start(deployment), talk)
            talk.step("Waiting until they are registered")
            return wait_until_federated(Containers(manifest, deployment), timeout, talk.progress)


def status(deployment: Path) -> FederationStatus:
    """Return how every participant of a deployment is seen to run.

    Raises:
        ComposerError: There is no deployment there, or no engine answers.
    """
    from composer.runtimes import runtime_of

    manifest = deployed(deployment)
    if manifest.hosts:
        from composer.remote import watch

        return watch.status(manifest, deployment)
    return runtime_of(manifest, deployment).examine(datetime.now(timezone.utc))


def logs(
    deployment: Path,
    names: Sequence[str],
    line: Callable[[str], None],
    follow: bool = False,
    lines: int | None = None,
    since: str | None = None,
    colour: bool = False,
) -> None:
    """Read participants' logs, each line with its participant's name and without NVFLARE's bearer tokens.

    Args:
        deployment: The deployment folder.
        names: Whose; empty: everybody's.
        line: Gets each line.
        follow: Go on with what comes.
        lines: Only so many of the last lines of each.
        since: Only from this time on: RFC 3339, or how long ago (``10m``).
        colour: Keep colours.

    Raises:
        ComposerError: There is no deployment there, or no such participant.
    """
    from composer.redact import plain, redact
    from composer.runtimes import runtime_of, services

    manifest = deployed(deployment)
    if manifest.hosts:
        from composer import across

        across.logs(manifest, deployment, names, line, follow, lines, since, colour)
        return
    runtime = runtime_of(manifest, deployment)
    command = runtime.logs(services(manifest, names), follow, lines, since, colour)
    stream(command, lambda text: line(runtime.by_participant(redact(plain(text, colour)))))


def down(
    deployment: Path,
    talk: Talk,
    purge: bool = False,
    confirm: Callable[[str], bool] = lambda _: False,
    dry_run: bool = False,
    wait: bool = False,
) -> None:
    """Stop and remove this deployment's containers; kits, workspaces and the job store stay.

    Args:
        deployment: The deployment folder.
        talk: Hears what is done.
        purge: Delete the deployment folder too, with the workspaces and the job store, after ``confirm``.
        confirm: Asked before anything is deleted.
        dry_run: Only show the commands.
        wait: As for :func:`generate`.

    Raises:
        ComposerError: There is no deployment there, its Compose project is somebody else's, or another composer
            is at work on it.
    """
    from composer.engine import connect
    from composer.runtimes import docker
    from composer.write import remove_deployment

    manifest = deployed(deployment)
    if purge and not confirm(f"Delete {deployment} with all workspaces and the job store?"):
        raise ComposerError("nothing was stopped or deleted", "leave out --purge to keep workspaces and jobs")
    if manifest.hosts or manifest.runtime == "process":
        from composer import across, plain

        with _turn(deployment, talk, wait, dry_run):
            (across if manifest.hosts else plain).down(manifest, deployment, talk, purge, dry_run)
        return
    engine = connect()
    with _turn(deployment, talk, wait, dry_run):
        containers = docker.own_containers(engine, manifest, deployment)
        for job in docker.running_jobs(engine, containers.values()):
            talk.warn(f"job {job} has not ended, and ends now without a result")
        commands = [docker.stop(deployment), *docker.stop_former(engine, manifest, deployment)]
        if dry_run:
            for command in commands:
                talk.command(command_line(command))
            if purge:
                talk.command(f"rm -r {deployment}")
            return
        talk.step(f"Stopping {manifest.federation}")
        for command in commands:
            _stream(command, talk)
        if purge:
            remove_deployment(deployment)


def admin(deployment: Path, name: str | None, arguments: Sequence[str], terminal: bool, talk: Talk) -> int:
    """Run the admin console in a container, or one ``nvflare`` command, and return its exit status.

    Args:
        deployment: The deployment folder.
        name: The admin; needed only where there are several.
        arguments: Of ``nvflare``; empty for the console. The command sees the present folder and may write to it.
        terminal: Whether composer has a terminal to hand on.
        talk: Hears what is done.

    Raises:
        ComposerError: There is no such admin, no terminal for the console, no folder to work in, or this release's
            ``nvflare`` cannot do it.
    """
    from composer.process import attach, command_line
    from composer.runtimes import runtime_of

    manifest = deployed(deployment)
    chosen = _choose_admin(manifest, name)
    if chosen.host != LOCAL:
        from composer import across

        return across.console(manifest, deployment, chosen, bool(arguments), terminal, talk)
    runtime = runtime_of(manifest, deployment)
    if arguments:
        _require_able(chosen, arguments, deployment)
        command = runtime.in_console(chosen.service, ("nvflare", *arguments), Path.cwd(), terminal)
    elif terminal:
        talk.warn(f"this is NVFLARE's own console; at «User Name» type {chosen.name}")
        command = runtime.console(chosen.service)
    else:
        raise ComposerError("the console needs a terminal", "give a command: composer admin -- job list")
    talk.command(command_line(command))
    return attach(command)


def hosts(inputs: Inputs) -> str:
    """Return the /etc/hosts lines of the federation, those of each host where there are several.

    Raises:
        ComposerError: The kits or the definition do not allow it.
    """
    from composer.render.hosts import render_all_hosts

    return render_all_hosts(_try_to_resolve(known_inputs(inputs), Owner(os.geteuid(), os.getegid()), {}))


def provision(project: Path, workspace: Path, talk: Talk) -> Path:
    """Run NVFLARE's own provisioner and return the ``prod_NN`` folder that it made.

    Args:
        project: project.yml.
        workspace: NVFLARE's workspace folder; made where it is missing.
        talk: Hears what is done.

    Raises:
        ComposerError: NVFLARE is not installed beside composer, or its provisioner fails.
    """
    from composer.provisioner import provision as run_provisioner

    talk.step(f"Provisioning {project}")
    return run_provisioner(project, workspace, talk.output)


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(timezone.utc)


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
        _try_to_resolve(inputs, caller, found, connected)
    return _resolve(inputs, caller, found, connected, inputs.deployment / "kits")


def _try_to_resolve(inputs: Inputs, caller: Owner, found: Mapping[str, str], connected: bool = False) -> Federation:
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


def _runtime_of(inputs: Inputs) -> str:
    from composer.definition import load_definition

    definition = known_inputs(inputs).definition
    return load_definition(definition).runtime if definition else "docker"


def _refuse_processes(deployment: Path) -> None:
    from composer.runtimes.process import Processes
    from composer.write import read_manifest

    manifest = read_manifest(deployment)
    if manifest and manifest.runtime == "process" and Processes(manifest, deployment).running():
        raise ComposerError(f"{deployment} runs as plain processes", f"stop those first: composer down -d {deployment}")


def _pinned(engine: Engine, inputs: Inputs, generated: Generated, talk: Talk, force: bool, offline: bool) -> Generated:
    """Where images that must be built are not pinned to hashes yet, pin them and generate again."""
    from composer.building import find_locks
    from composer.runtimes.build import stale

    waiting = [participant.service for participant in stale(generated.manifest, engine.image_inputs())]
    found = {} if offline else find_locks(generated.federation, waiting, talk)
    return _generate(inputs, talk, force, False, found) if found else generated


def _stream(command: Command, talk: Talk) -> None:
    talk.command(command_line(command))
    stream(command, talk.output)


def _turn(deployment: Path, talk: Talk, wait: bool, dry_run: bool) -> AbstractContextManager[None]:
    from composer.turn import my_turn

    return nullcontext() if dry_run else my_turn(deployment, wait, lambda who: talk.step(f"Waiting for {who}"))


def deployed(deployment: Path) -> Manifest:
    """Return what a deployment folder says of itself.

    Raises:
        ComposerError: It is no deployment folder.
    """
    from composer.write import read_manifest

    manifest = read_manifest(deployment)
    if manifest is None:
        raise ComposerError(
            f"{deployment} is not a deployment folder", "name it with -d DIR, or make one: composer up KITS"
        )
    return manifest


def _choose_admin(manifest: Manifest, name: str | None) -> DeployedParticipant:
    admins = manifest.admins
    names = ", ".join(admin.name for admin in admins)
    if not admins:
        raise ComposerError("this deployment has no admin kit", "add one: composer up KITS... ADMIN_KIT")
    if name is None and len(admins) > 1:
        raise ComposerError("there are several admins", f"name one of {names}")
    chosen = next((admin for admin in admins if name in (None, admin.name)), None)
    if chosen is None:
        raise ComposerError(f"no admin is called {name}", f"there is {names}")
    return chosen


def _require_able(admin: DeployedParticipant, arguments: Sequence[str], deployment: Path) -> None:
    from composer.kits.releases import submits_jobs

    if "submit" in arguments[:4] and not submits_jobs(admin.release):
        transfer = deployment / "workspaces" / admin.service / "transfer"
        raise ComposerError(
            f"`nvflare job submit` of NVFLARE {admin.nvflare} does not find the admin's name in a provisioned kit",
            f"put the job into {transfer}, then in the console (composer admin): submit_job JOB",
        )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
