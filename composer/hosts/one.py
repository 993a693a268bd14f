"""This machine alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from composer.deployment.manifest import DeployedParticipant, Manifest
from composer.hosts import LogQuery
from composer.model.errors import ComposerError
from composer.model.federation import Federation
from composer.model.reporter import Reporter
from composer.model.status import FederationStatus, ImageStatus
from composer.runtimes import runtime_of, services

if TYPE_CHECKING:
    from composer.runtimes.lifecycle import Lifecycle


@dataclass(frozen=True)
class OneHost:
    """A deployment that runs on this machine (:class:`composer.hosts.Hosts`)."""

    manifest: Manifest
    deployment: Path
    lifecycle: Lifecycle | None

    def build(self, federation: Federation, reporter: Reporter, offline: bool) -> tuple[str, ...]:  # noqa: ARG002
        """Nobody is on another host."""
        return ()

    def show(self, reporter: Reporter) -> None:
        """Show the command that would start those on this machine."""
        self._lifecycle.start(self.manifest, reporter, dry_run=True)

    def start(
        self,
        federation: Federation,
        reporter: Reporter,
        timeout: float | None,
        confirm: Callable[[str], bool],  # noqa: ARG002
    ) -> FederationStatus:
        """Start them, and wait until they are registered; no key leaves this machine."""
        from composer.runtimes.readiness import wait_until_federated
        from composer.runtimes.transaction import rolled_back_on_failure

        lifecycle, number = self._lifecycle, len(self.manifest.started)
        lifecycle.require_ready(federation, reporter)
        with rolled_back_on_failure(lifecycle, self.manifest, reporter):
            reporter.step(f"Starting {number} participant{'' if number == 1 else 's'}")
            lifecycle.start(self.manifest, reporter)
            if timeout is not None:
                reporter.step("Waiting until they are registered")
            return wait_until_federated(lifecycle.watched(self.manifest), timeout, reporter.progress)

    def stop(self, reporter: Reporter, purge: bool, dry_run: bool) -> None:
        """Stop and remove all that runs of the deployment; with ``purge``, delete its folder, too."""
        from composer.deployment import purging
        from composer.runtimes.transaction import remaining_named

        lifecycle = self._lifecycle
        reporter.step(f"Stopping {self.manifest.federation}")
        with remaining_named(lambda: lifecycle.running(self.manifest), reporter):
            lifecycle.stop(self.manifest, reporter, dry_run)
        if purge:
            purging.purge(self.deployment, reporter, dry_run)

    def status(self) -> FederationStatus:
        """Look, and find out why somebody is not well."""
        return runtime_of(self.manifest, self.deployment).examine(datetime.now(timezone.utc))

    def logs(self, query: LogQuery, line: Callable[[str], None], reporter: Reporter) -> None:  # noqa: ARG002
        """Read the logs as the runtime has them."""
        from composer.system.process import stream
        from composer.system.redact import clean_log_line

        runtime, chosen = runtime_of(self.manifest, self.deployment), services(self.manifest, query.names)
        command = runtime.logs(chosen, query.follow, query.lines, query.since, query.colour)
        stream(command, lambda text: line(runtime.by_participant(clean_log_line(text, query.colour))))

    def images(self) -> tuple[ImageStatus, ...]:
        """Nobody is on another host."""
        return ()

    def console(self, admin: DeployedParticipant, argv: Sequence[str], terminal: bool, reporter: Reporter) -> int:
        """Open the console, or run the program, as the runtime does."""
        from composer.system.process import attach, command_line

        runtime = runtime_of(self.manifest, self.deployment)
        if argv:
            command = runtime.in_console(admin.service, argv, Path.cwd(), terminal)
        elif terminal:
            reporter.warn(f"this is NVFLARE's own console; at «User Name» type {admin.name}")
            command = runtime.console(admin.service)
        else:
            raise ComposerError("the console needs a terminal", "give a command: composer admin -- job list")
        reporter.command(command_line(command))
        return attach(command)

    @property
    def _lifecycle(self) -> Lifecycle:
        assert self.lifecycle is not None
        return self.lifecycle
