"""Starts and stops plain processes: by the scripts of the folder in which they run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from composer.model.command import Command
from composer.model.errors import ComposerError
from composer.runtimes.lifecycle import Occupant, Present
from composer.runtimes.other import end_containers
from composer.runtimes.process import Processes, authorities
from composer.runtimes.run_folder import LocalFolder, RunFolder, end_everybody
from composer.runtimes.transaction import attempt

if TYPE_CHECKING:
    from composer.deployment.manifest import DeployedParticipant, Manifest
    from composer.model.federation import Federation
    from composer.model.finding import Finding
    from composer.model.reporter import Reporter


class ProcessLifecycle:
    """The plain processes of a deployment folder (a :class:`composer.runtimes.lifecycle.Lifecycle`).

    Args:
        deployment: The folder here that stands for the machine on which they run.
        folder: Where they run; None: in the deployment folder.
    """

    makes_for_others = False

    def __init__(self, deployment: Path, folder: RunFolder | None = None) -> None:
        self._deployment, self._folder = deployment, folder or LocalFolder(deployment)
        # The services that ran before a start.
        self._before: Sequence[str] = ()

    def prepare(self) -> None:
        """Do nothing: all of it is loaded."""

    def require_tools(self) -> None:
        """The scripts say themselves what they miss."""

    def tools(self) -> Mapping[str, Callable[[], object]]:
        """The scripts say themselves what they miss."""
        return {}

    def examine(self) -> Sequence[Finding]:
        """Say nothing: what else it needs is found out where it is looked at anyway."""
        return ()

    def remember(self) -> Present:
        """Look at whose supervisors live; the scripts keep what those were started from."""
        workspaces = self._folder.look()
        self._before = workspaces.supervised()
        return Present(tuple(self._before), authorities(workspaces))

    def reserved(self, *_: object) -> AbstractContextManager[None]:
        """Nothing is shared with other folders."""
        return nullcontext()

    def running(self, manifest: Manifest) -> tuple[str, ...]:
        """Return the names of the participants whose supervisors live."""
        return self.watched(manifest).running()

    def require_startable(self, manifest: Manifest) -> None:
        """The scripts start whoever does not run."""

    def stale(self, manifest: Manifest) -> tuple[str, ...]:
        """Return the names of those whose virtual environments are missing; the user's own are never made."""
        made = [one for one in manifest.participants if not _is_own(one)]
        workspaces = self._folder.look()
        return tuple(one.name for one in made if not workspaces.installed(one.image))

    def changes(self, manifest: Manifest, files: Mapping[str, bytes]) -> Mapping[str, str]:
        """Ask those that run what they were started from, and compare it with what there is and is about to be."""
        found = self.watched(manifest).changes(self._folder.look().supervised())
        for one in manifest.started:
            own = (f"participants/{one.service}.conf", f"local/{one.service}/")
            if any(path.startswith(own) and self._is_new(path, content) for path, content in files.items()):
                found.setdefault(one.name, "its settings have changed")
        return found

    def _is_new(self, path: str, content: bytes) -> bool:
        try:
            return (self._deployment / path).read_bytes() != content
        except OSError:
            return True

    def find_locks(self, federation: Federation, manifest: Manifest, reporter: Reporter) -> dict[str, str]:  # noqa: ARG002
        """Nothing is pinned but by the definition's own requirements."""
        return {}

    def build(
        self,
        federation: Federation,  # noqa: ARG002
        manifest: Manifest,
        reporter: Reporter,
        offline: bool,  # noqa: ARG002
        dry_run: bool,
    ) -> tuple[str, ...]:
        """Make the virtual environments that are missing, and see whether the user's own have what they need."""
        waiting = self.stale(manifest)
        own = sorted({one.image for one in manifest.participants if _is_own(one)})
        if waiting:
            reporter.step("Installing NVFLARE")
        if own:
            reporter.step(f"Looking into {', '.join(own)}")
        if waiting or own:
            self._folder.perform(self.watched(manifest).prepare(), reporter, dry_run)
        return waiting

    def pull(self, manifest: Manifest, reporter: Reporter, dry_run: bool) -> None:
        """No registry is asked."""

    def facts(self) -> None:
        """No engine is needed."""

    def require_ready(self, federation: Federation, reporter: Reporter) -> None:
        """What they need is their machine's own."""

    def start(
        self,
        manifest: Manifest,
        reporter: Reporter,
        dry_run: bool = False,
        remove_orphans: bool = True,  # noqa: ARG002
    ) -> None:
        """Start who does not run, and start again who runs from something else than there is now, as the plan says.

        Who is not in the deployment any more is always ended: the folder's script does it.
        """
        processes = self.watched(manifest)
        for service in processes.former(self._folder.look().supervised()):
            reporter.step(f"Stopping {service}: it is not in the deployment any more")
        self._folder.perform(processes.start(), reporter, dry_run)

    def start_only(self, manifest: Manifest, reporter: Reporter) -> None:
        """Start those who do not run, by the folder's script."""
        self._folder.perform(self.watched(manifest).start_only(), reporter)

    def stop_only(self, manifest: Manifest, reporter: Reporter, remain: bool) -> None:  # noqa: ARG002
        """End them by the folder's script; nobody starts processes after a reboot."""
        services = [one.service for one in manifest.started]
        self._folder.perform(self.watched(manifest).stop(services), reporter)

    def jobs(self, manifest: Manifest) -> tuple[str, ...]:
        """Look for their processes."""
        return self.watched(manifest).jobs()

    def watched(self, manifest: Manifest) -> Processes:
        """Return how the processes are seen to run."""
        return Processes(manifest, self._deployment, self._folder)

    def settle(self, manifest: Manifest) -> None:  # noqa: ARG002
        """Delete what those ran from that the start has ended."""
        self._folder.forget_former()

    def explain(self, error: BaseException, manifest: Manifest) -> BaseException:  # noqa: ARG002
        """The scripts have named the participant."""
        return error

    def roll_back(self, manifest: Manifest, reporter: Reporter) -> None:
        """End who was started, and start again, as they ran before, those whom the start has ended."""
        processes = self.watched(manifest)
        mine = [one.name for one in manifest.started if one.service not in self._before]
        if mine:
            attempt(reporter, lambda: self._run(processes.stop(mine)))
        attempt(reporter, lambda: self._bring_back(processes))
        self.settle(manifest)

    def stop(self, manifest: Manifest, reporter: Reporter, dry_run: bool) -> None:
        """End everybody by the folder's script, and who that has not ended since it is older, or was edited.

        What else goes wrong in the script is told, and is no failure when nobody runs any more.
        Containers that were left in a folder of this machine end, too.
        """
        self._warn_of_jobs(manifest, reporter)
        failure = None
        try:
            self._folder.perform(self.watched(manifest).stop(), reporter, dry_run)
        except ComposerError as error:
            failure = error
        if not dry_run:
            self._folder.perform(end_everybody(self._folder), reporter, dry_run)
        if failure:
            reporter.warn(f"nobody runs any more, but {failure.message}")
        try:
            for command in end_containers(self._deployment) if isinstance(self._folder, LocalFolder) else ():
                self._folder.perform(command, reporter, dry_run)
        except ComposerError as error:
            # All that runs as it should has ended.
            reporter.warn(error.message)

    def occupants(self, manifest: Manifest) -> tuple[Occupant, ...]:
        """Return whoever runs in the folder."""
        processes = self.watched(manifest)
        names = {one.service: one.name for one in manifest.participants}
        return tuple(
            ProcessOccupant(names.get(service, service), service, self._folder, processes)
            for service in self._folder.look().supervised()
        )

    def leave(self, manifest: Manifest) -> None:  # noqa: ARG002
        """End everybody; the scripts may be gone by now, and are not needed for it."""
        self._run(end_everybody(self._folder))

    def _warn_of_jobs(self, manifest: Manifest, reporter: Reporter) -> None:
        # Where it cannot be told which jobs run, they are stopped all the same.
        with contextlib.suppress(ComposerError):
            for job in self.jobs(manifest):
                reporter.warn(f"job {job} has not ended, and ends now without a result")

    def _bring_back(self, processes: Processes) -> None:
        if former := self._folder.look().former():
            self._run(processes.bring_back(former))

    def _run(self, command: Command) -> None:
        self._folder.run(command)


def _is_own(participant: DeployedParticipant) -> bool:
    """Whether a participant runs in a Python environment of the user's own."""
    return participant.image.startswith("/")


@dataclass(frozen=True)
class ProcessOccupant:
    """A participant that runs as plain processes (a :class:`composer.runtimes.lifecycle.Occupant`)."""

    participant: str
    service: str
    folder: RunFolder
    processes: Processes
    ran: bool = True

    @property
    def id(self) -> str:
        """What tells it from all others of its folder."""
        return self.service

    def stop(self) -> None:
        """End it, and keep what it ran from."""
        self.folder.run(self.processes.stop(("--keep-former", self.service)))

    def bring_back(self) -> str:
        """Start it as it ran; return why that cannot be done, or nothing."""
        self.folder.run(self.processes.bring_back((self.service,)))
        return ""

    def remove(self) -> None:
        """Delete what it ran from."""
        self.folder.forget_former()
