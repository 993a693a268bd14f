"""The use cases of a deployment that runs as plain processes, as `up`, `down` and `build` call them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from composer.deployment.manifest import Manifest
from composer.deployment.purging import purge as purge_folder
from composer.model import Command
from composer.model.errors import CommandFailed, ComposerError, NotHealthy
from composer.model.reporter import Reporter
from composer.model.status import FederationStatus
from composer.runtimes.docker import require_free_ports
from composer.runtimes.process import Processes, authorities, end_everybody
from composer.runtimes.readiness import wait_until_federated
from composer.runtimes.supervisors import supervised_services
from composer.runtimes.transaction import held_while_taken_back, one_signal_raised
from composer.system.process import perform, run

if TYPE_CHECKING:
    from composer.usecases.generate import Generated


def refuse_swapped_kits(deployment: Path, authority: str) -> None:
    """Make sure that nobody runs in the folder who trusts another authority than these kits do.

    Raises:
        ComposerError: Somebody does.
    """
    for name, trusted in authorities(deployment).items():
        if trusted not in ("", authority):
            raise ComposerError(
                f"the kits are of another authority than those with which {name} runs",
                f"if they were provisioned anew: composer down -C {shlex.quote(str(deployment))}, then up; "
                "else name the former kits",
            )


def build(generated: Generated, deployment: Path, reporter: Reporter, dry_run: bool) -> tuple[str, ...]:
    """Make the virtual environments that are missing; return the names of those who waited for them.

    Raises:
        ComposerError: NVFLARE cannot be installed.
    """
    manifest = generated.manifest
    waiting = [one.name for one in manifest.participants if not (deployment / one.image / ".complete").is_file()]
    if waiting:
        reporter.step("Installing NVFLARE")
        _stream(Processes(manifest, deployment).prepare(), reporter, dry_run)
    return tuple(waiting)


def up(
    generated: Generated, deployment: Path, reporter: Reporter, timeout: float | None, dry_run: bool
) -> FederationStatus:
    """Install what is missing, start, and wait until federated.

    Raises:
        NotHealthy: Somebody has not registered in time; all run and go on trying.
        ComposerError: Anything else went wrong; then what this has started is gone, and what ran before goes on.
    """
    manifest = generated.manifest
    processes = Processes(manifest, deployment)
    before = processes.running()
    require_free_ports(manifest, before)
    build(generated, deployment, reporter, dry_run)
    for name, what in processes.changes().items():
        reporter.step(f"Restarting {name}: {what}")
    for service in processes.former():
        reporter.step(f"Stopping {service}: it is not in the deployment any more")
    reporter.step(f"Starting {len(manifest.started)} participants")
    if dry_run:
        _stream(processes.start(), reporter, dry_run)
        return FederationStatus(manifest.federation)
    with one_signal_raised(reporter), _rolled_back_on_failure(processes, before, reporter):
        _stream(processes.start(), reporter, dry_run)
        if timeout is not None:
            reporter.step("Waiting until they are registered")
        return wait_until_federated(processes, timeout, reporter.progress)


def down(manifest: Manifest, deployment: Path, reporter: Reporter, purge: bool, dry_run: bool) -> None:
    """End the participants' processes, and delete the folder where ``purge`` says so.

    Raises:
        ComposerError: Something cannot be ended or deleted.
    """
    reporter.step(f"Stopping {manifest.federation}")
    _stream(Processes(manifest, deployment).stop(), reporter, dry_run)
    if not dry_run:
        # The script in the folder may be older than this composer, or edited.
        _stream(end_everybody(deployment), reporter, dry_run)
    if purge:
        purge_folder(deployment, reporter, dry_run)


def end_strangers(deployment: Path, reporter: Reporter, dry_run: bool) -> None:
    """End the processes of a deployment folder that is to run as containers.

    Raises:
        ComposerError: One cannot be ended.
    """
    if supervised_services(deployment):
        _stream(end_everybody(deployment), reporter, dry_run)


@contextmanager
def _rolled_back_on_failure(processes: Processes, before: tuple[str, ...], reporter: Reporter) -> Iterator[None]:
    try:
        yield
    except NotHealthy:
        processes.forget_former()
        raise
    except BaseException:
        with held_while_taken_back(reporter):
            reporter.step("Taking back what was started")
            mine = [one.name for one in processes.manifest.started if one.name not in before]
            for command in (processes.stop(mine) if mine else None, processes.bring_back()):
                try:
                    if command:
                        run(command)
                except ComposerError as error:
                    told = _as_the_script_said(error).message if isinstance(error, CommandFailed) else error.message
                    reporter.warn(f"not everything could be taken back: {told}")
            processes.forget_former()
        raise
    processes.forget_former()


def _stream(command: Command, reporter: Reporter, dry_run: bool) -> None:
    try:
        perform(command, reporter, dry_run)
    except CommandFailed as error:
        raise _as_the_script_said(error) from error


def _as_the_script_said(error: CommandFailed) -> ComposerError:
    """The scripts end with a cause and a hint, as composer itself does."""
    said = re.findall(r"(?m)^error: (.+)\n hint: (.+)$", error.stderr)
    return ComposerError(*said[-1]) if said else error
