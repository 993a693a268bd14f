"""How the participants of a deployment are started and stopped on one machine, whichever way they run."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, get_args

from composer.deployment.manifest import Manifest
from composer.model.errors import ComposerError
from composer.model.kinds import RuntimeName
from composer.model.reporter import Reporter
from composer.runtimes import Runtime

if TYPE_CHECKING:
    from composer.model.federation import Federation
    from composer.model.finding import Finding
    from composer.render.form import Form
    from composer.runtimes.engine import Engine
    from composer.runtimes.engine_facts import EngineFacts
    from composer.runtimes.observe import Traces
    from composer.runtimes.run_folder import RunFolder


@dataclass(frozen=True)
class Present:
    """Who is there before a command changes anything.

    ``names`` are those that end unless they are among the kits, by participant or by service; ``authorities`` are the
    SHA-256 fingerprints of the certificates that those who run trust, by name, empty where it is not known.
    """

    names: tuple[str, ...]
    authorities: Mapping[str, str]


class Occupant(Protocol):
    """Somebody who is on a host, whether or not that is where the deployment has it."""

    @property
    def id(self) -> str:
        """What tells it from all others of its host."""

    @property
    def participant(self) -> str:
        """Its name; its service, where the deployment does not know it any more."""

    @property
    def service(self) -> str:
        """Its service."""

    @property
    def ran(self) -> bool:
        """Whether it ran when it was found."""

    def stop(self) -> None:
        """End it, and keep what is needed to bring it back."""

    def bring_back(self) -> str:
        """Start it again as it ran; return why that cannot be done, or nothing."""

    def remove(self) -> None:
        """Take away what is kept of it."""


class Lifecycle(Protocol):
    """What a runtime does for the verbs. A federation on several hosts has one for each host.

    Attributes:
        makes_for_others: Whether :meth:`build` makes what participants on other hosts run from, too.
    """

    makes_for_others: bool

    def prepare(self) -> None:
        """Load what it takes to look at what runs, for a command that begins with that."""

    def require_tools(self) -> None:
        """Make sure that what the runtime needs on this machine is there.

        Raises:
            ComposerError: It is not.
        """

    def tools(self) -> Mapping[str, Callable[[], object]]:
        """Return, by the id of the finding that says it is missing, what makes sure that a tool is there."""

    def examine(self) -> Sequence[Finding]:
        """Return what else is wrong with this machine, for the participants of this runtime.

        Raises:
            ComposerError: It cannot be found out.
        """

    def remember(self) -> Present:
        """Look at what is there: :meth:`roll_back` brings that back."""

    def reserved(self, manifest: Manifest, wait: bool, waiting: Callable[[str], None]) -> AbstractContextManager[None]:
        """Keep other composers, whatever their folder, from names that the runtime shares with them."""

    def running(self, manifest: Manifest) -> tuple[str, ...]:
        """Return the names of the participants of this deployment that run.

        Raises:
            ComposerError: What runs under the deployment's name is somebody else's.
        """

    def require_startable(self, manifest: Manifest) -> None:
        """Make sure that :meth:`start` can start everybody.

        Raises:
            ComposerError: Somebody is in a state from which only a person can bring them back.
        """

    def stale(self, manifest: Manifest) -> tuple[str, ...]:
        """Return the names of the participants for whom :meth:`build` would make what they run from."""

    def changes(self, manifest: Manifest, files: Mapping[str, bytes]) -> Mapping[str, str]:
        """Return whom :meth:`start` would start anew, if they run, by name, and why.

        Args:
            manifest: Of those who are to run.
            files: What is about to be written, by paths below the deployment folder.
        """

    def find_locks(self, federation: Federation, manifest: Manifest, reporter: Reporter) -> dict[str, str]:
        """Find out what is to be installed where nothing is pinned yet; return the locks by their keys."""

    def build(
        self, federation: Federation, manifest: Manifest, reporter: Reporter, offline: bool, dry_run: bool
    ) -> tuple[str, ...]:
        """Make what participants run from where it is missing or stale; return the names of those who needed it."""

    def pull(self, manifest: Manifest, reporter: Reporter, dry_run: bool) -> None:
        """Fetch what participants run from where a registry has it."""

    def facts(self) -> EngineFacts | None:
        """Return what the engine says of this machine; None where no engine is needed."""

    def require_ready(self, federation: Federation, reporter: Reporter) -> None:
        """Make sure, as the last thing before the start, that what the participants are to have can be had."""

    def start(self, manifest: Manifest, reporter: Reporter, dry_run: bool = False, remove_orphans: bool = True) -> None:
        """Start all but the admins.

        Args:
            manifest: Of those who are started.
            reporter: Hears what is done.
            dry_run: Only show the commands.
            remove_orphans: End those that are not in the deployment any more, too.
        """

    def start_only(self, manifest: Manifest, reporter: Reporter) -> None:
        """Start participants who do not run, from what the deployment folder holds now; all others go on.

        Args:
            manifest: Of those who are started.
            reporter: Hears what is done.
        """

    def stop_only(self, manifest: Manifest, reporter: Reporter, remain: bool) -> None:
        """Stop participants; all others go on.

        Args:
            manifest: Of those who are stopped.
            reporter: Hears what is done.
            remain: They are started again at once; else they stay down, after a reboot of their machine, too.
        """

    def jobs(self, manifest: Manifest) -> tuple[str, ...]:
        """Return the jobs that have processes of these participants."""

    def watched(self, manifest: Manifest) -> Runtime:
        """Return how those whom it has started are seen to run."""

    def settle(self, manifest: Manifest) -> None:
        """Forget what is kept for :meth:`roll_back`: what was started stays."""

    def explain(self, error: BaseException, manifest: Manifest) -> BaseException:
        """Return what failed in words of the participants, where the runtime can tell more than the error says."""

    def roll_back(self, manifest: Manifest, reporter: Reporter) -> None:
        """Stop what was started since :meth:`remember` and start again what ran then, as far as each step goes."""

    def stop(self, manifest: Manifest, reporter: Reporter, dry_run: bool) -> None:
        """Stop and remove all that runs of the deployment."""

    def occupants(self, manifest: Manifest) -> Sequence[Occupant]:
        """Return whoever is there in the name of the deployment, running or not."""

    def leave(self, manifest: Manifest) -> None:
        """Stop and remove all that runs in a place that the deployment does not have any more.

        Args:
            manifest: Of the deployment; what is written for that place is gone by now.
        """


class Elsewhere(Protocol):
    """Another machine, and what a runtime can use there."""

    def engine(self) -> Engine:
        """Return its Docker engine.

        Raises:
            ComposerError: It does not answer.
        """

    def traces(self) -> Traces:
        """Return how what containers leave there is read."""

    def run_folder(self) -> RunFolder:
        """Return the folder there in which plain processes run."""


def lifecycle_of(runtime: RuntimeName, deployment: Path, elsewhere: Elsewhere | None = None) -> Lifecycle:
    """Return how the participants of a deployment folder are started and stopped.

    Args:
        runtime: How they run.
        deployment: The folder, or the one here that stands for another machine.
        elsewhere: The machine on which they run; None: this one.

    Raises:
        ComposerError: What the runtime needs on the other machine does not answer.
    """
    if runtime == "process":
        from composer.runtimes.process_lifecycle import ProcessLifecycle

        return ProcessLifecycle(deployment, elsewhere.run_folder() if elsewhere else None)
    if runtime == "podman":
        from composer.runtimes.podman.lifecycle import PodmanLifecycle, require_here

        require_here(elsewhere)
        return PodmanLifecycle(deployment)
    from composer.runtimes.docker_lifecycle import DockerLifecycle

    if elsewhere:
        return DockerLifecycle(deployment, elsewhere.engine(), elsewhere.traces())
    return DockerLifecycle(deployment)


def runtime_of_machine() -> RuntimeName:
    """Return how participants would run in containers where nobody has said it: under Podman where only that is."""
    return "podman" if not shutil.which("docker") and shutil.which("podman") else "docker"


def image_store(runtime: RuntimeName | None) -> Engine:
    """Return this machine's engine that keeps the images of a runtime.

    Args:
        runtime: How the participants run, in containers; None: in whichever engine this machine has.

    Raises:
        ComposerError: It is missing, or does not answer.
    """
    if (runtime or runtime_of_machine()) == "podman":
        from composer.runtimes.podman.service import connect as connect_podman

        return connect_podman()
    from composer.runtimes.engine import connect

    return connect()


def other_runtimes(runtime: RuntimeName, elsewhere: bool = False) -> tuple[RuntimeName, ...]:
    """Return the ways in which participants may run in place of one.

    Args:
        runtime: The one.
        elsewhere: On another host, where nobody runs under Podman yet.
    """
    return tuple(one for one in get_args(RuntimeName) if one != runtime and not (elsewhere and one == "podman"))


def form_of(runtime: RuntimeName) -> Form:
    """Return how the participants of a runtime are written down, for a deployment folder or a bundle."""
    if runtime == "process":
        from composer.render.process_form import ProcessForm

        return ProcessForm()
    if runtime == "podman":
        from composer.render.podman_form import PodmanForm
        from composer.runtimes.podman.service import is_rootless

        return PodmanForm(is_rootless())
    from composer.render.docker_form import DockerForm

    return DockerForm()


def require_same_authority(present: Present, authority: str, deployment: Path) -> None:
    """Make sure that nobody runs who trusts another authority than the kits do.

    Raises:
        ComposerError: Somebody does: the new ones could not speak to those that still run.
    """
    for name, trusted in present.authorities.items():
        if trusted not in ("", authority):
            raise ComposerError(
                f"the kits are of another authority than those with which {name} runs",
                f"if they were provisioned anew: composer down -C {shlex.quote(str(deployment))}, then up; "
                "else name the former kits",
            )
