"""Several machines, this one perhaps among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from composer.deployment.manifest import DeployedParticipant, Manifest
from composer.hosts import LogQuery, across, watch
from composer.hosts.console import console
from composer.hosts.decommission import decommission
from composer.hosts.logs import logs
from composer.hosts.one import OneHost
from composer.model.federation import Federation
from composer.model.kinds import LOCAL
from composer.model.reporter import Reporter
from composer.model.status import FederationStatus, ImageStatus


@dataclass(frozen=True)
class SeveralHosts:
    """A deployment that runs on other hosts, too, or did so until now (:class:`composer.hosts.Hosts`)."""

    manifest: Manifest
    deployment: Path
    here: OneHost

    def build(self, federation: Federation, reporter: Reporter, offline: bool) -> tuple[str, ...]:
        """Have those hosts build that are to."""
        return across.build(self.manifest, federation, reporter, offline)

    def show(self, reporter: Reporter) -> None:
        """Show the commands, host by host."""
        if self.manifest.on(LOCAL).started:
            self.here.show(reporter)
        across.show(self.manifest, self.deployment, reporter)

    def start(
        self, federation: Federation, reporter: Reporter, timeout: float | None, confirm: Callable[[str], bool]
    ) -> FederationStatus:
        """Bring kits and images where they are missing, start everybody, and wait."""
        return across.up(federation, self.manifest, reporter, timeout, confirm)

    def stop(self, reporter: Reporter, purge: bool, dry_run: bool) -> None:
        """End everybody, on hosts that were left, too."""
        if not dry_run:
            decommission(self.manifest, self.deployment, reporter, purge)
        if self.manifest.hosts:
            across.down(self.manifest, self.deployment, reporter, purge, dry_run)
        else:
            self.here.stop(reporter, purge, dry_run)

    def status(self) -> FederationStatus:
        """Look at all of them at once."""
        return watch.status(self.manifest, self.deployment) if self.manifest.hosts else self.here.status()

    def logs(self, query: LogQuery, line: Callable[[str], None], reporter: Reporter) -> None:
        """Read those of all hosts at once."""
        if self.manifest.hosts:
            logs(self.manifest, self.deployment, query, line, reporter)
        else:
            self.here.logs(query, line, reporter)

    def images(self) -> tuple[ImageStatus, ...]:
        """Ask the engines of the other hosts."""
        return watch.images_on_hosts(self.manifest, self.deployment) if self.manifest.hosts else ()

    def console(self, admin: DeployedParticipant, argv: Sequence[str], terminal: bool, reporter: Reporter) -> int:
        """Open it where the administrator's kit is."""
        if admin.host == LOCAL:
            return self.here.console(admin, argv, terminal, reporter)
        return console(self.manifest, self.deployment, admin, bool(argv), terminal, reporter)
