"""Starts and stops plain processes: by the scripts of the deployment folder."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from composer.model.command import Command
from composer.model.errors import CommandFailed, ComposerError
from composer.runtimes.lifecycle import Present
from composer.runtimes.process import Processes, authorities, end_everybody
from composer.runtimes.supervisors import supervised_services
from composer.runtimes.transaction import attempt
from composer.system.process import perform, run

if TYPE_CHECKING:
    from composer.deployment.manifest import Manifest
    from composer.model.federation import Federation
    from composer.model.reporter import Reporter


class ProcessLifecycle:
    """The plain processes of a deployment folder (a :class:`composer.runtimes.lifecycle.Lifecycle`)."""

    def __init__(self, deployment: Path) -> None:
        self._deployment = deployment
        # The services that ran before a start.
        self._before: tuple[str, ...] = ()

    def require_tools(self) -> None:
        """The scripts say themselves what they miss."""

    def tools(self) -> Mapping[str, Callable[[], object]]:
        """The scripts say themselves what they miss."""
        return {}

    def remember(self) -> Present:
        """Look at whose supervisors live; the scripts keep what those were started from."""
        self._before = supervised_services(self._deployment)
        return Present(self._before, authorities(self._deployment))

    def reserved(self, *_: object) -> AbstractContextManager[None]:
        """Nothing is shared with other folders."""
        return nullcontext()

    def running(self, manifest: Manifest) -> tuple[str, ...]:
        """Return the names of the participants whose supervisors live."""
        return Processes(manifest, self._deployment).running()

    def require_startable(self, manifest: Manifest) -> None:
        """The scripts start whoever does not run."""

    def stale(self, manifest: Manifest) -> tuple[str, ...]:
        """Return the names of those whose virtual environments are missing."""
        return tuple(p.name for p in manifest.participants if not (self._deployment / p.image / ".complete").is_file())

    def changes(self, manifest: Manifest, files: Mapping[str, bytes]) -> Mapping[str, str]:
        """Ask those that run what they were started from, and compare it with what there is and is about to be."""
        found = dict(Processes(manifest, self._deployment).changes())
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
        """Make the virtual environments that are missing."""
        waiting = self.stale(manifest)
        if waiting:
            reporter.step("Installing NVFLARE")
            _perform(Processes(manifest, self._deployment).prepare(), reporter, dry_run)
        return waiting

    def pull(self, manifest: Manifest, reporter: Reporter, dry_run: bool) -> None:
        """No registry is asked."""

    def facts(self) -> None:
        """No engine is needed."""

    def require_ready(self, federation: Federation, reporter: Reporter) -> None:
        """What they need is this machine's own."""

    def start(
        self,
        manifest: Manifest,
        reporter: Reporter,
        dry_run: bool = False,
        remove_orphans: bool = True,  # noqa: ARG002
    ) -> None:
        """Start who does not run, and start again who runs from something else than there is now.

        Who is not in the deployment any more is always ended: the folder's script does it.
        """
        processes = Processes(manifest, self._deployment)
        for name, what in processes.changes().items():
            reporter.step(f"Restarting {name}: {what}")
        for service in processes.former():
            reporter.step(f"Stopping {service}: it is not in the deployment any more")
        _perform(processes.start(), reporter, dry_run)

    def watched(self, manifest: Manifest) -> Processes:
        """Return how the processes are seen to run."""
        return Processes(manifest, self._deployment)

    def settle(self, manifest: Manifest) -> None:
        """Delete what those ran from that the start has ended."""
        Processes(manifest, self._deployment).forget_former()

    def explain(self, error: BaseException, manifest: Manifest) -> BaseException:  # noqa: ARG002
        """The scripts have named the participant."""
        return error

    def roll_back(self, manifest: Manifest, reporter: Reporter) -> None:
        """End who was started, and start again, as they ran before, those whom the start has ended."""
        processes = Processes(manifest, self._deployment)
        mine = [one.name for one in manifest.started if one.service not in self._before]
        for command in (processes.stop(mine) if mine else None, processes.bring_back()):
            if command:
                attempt(reporter, lambda command=command: _run(command))  # type: ignore[misc]
        self.settle(manifest)

    def stop(self, manifest: Manifest, reporter: Reporter, dry_run: bool) -> None:
        """End everybody by the folder's script, and who that has not ended since it is older, or was edited."""
        _perform(Processes(manifest, self._deployment).stop(), reporter, dry_run)
        if not dry_run:
            _perform(end_everybody(self._deployment), reporter, dry_run)


def _perform(command: Command, reporter: Reporter, dry_run: bool) -> None:
    with _in_the_scripts_words():
        perform(command, reporter, dry_run)


def _run(command: Command) -> None:
    with _in_the_scripts_words():
        run(command)


@contextmanager
def _in_the_scripts_words() -> Iterator[None]:
    try:
        yield
    except CommandFailed as error:
        raise _as_the_script_said(error) from error


def _as_the_script_said(error: CommandFailed) -> ComposerError:
    """The scripts end with a cause and a hint, as composer itself does."""
    said = re.findall(r"(?m)^error: (.+)\n hint: (.+)$", error.stderr)
    return ComposerError(*said[-1]) if said else error
