"""A deployment as plain processes: the scripts that run it, and how it is seen to run from its workspaces.

The scripts are those that a bundle has (``dockerfiles/metal``). A participant's supervisor says in files of the
workspace how far it is; that it lives is proven by the workspace in its environment, since a pid alone may be
somebody else's by now.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from composer.deployment.manifest import DeployedParticipant, Manifest
from composer.model.command import Command
from composer.model.errors import ComposerError
from composer.model.kinds import LOCAL
from composer.model.status import FederationStatus, ParticipantStatus, State
from composer.runtimes.admissions import ServerLog
from composer.runtimes.authority import MOST_OF_CERTIFICATE, fingerprint_in
from composer.runtimes.observe import admitted, last_of, read_server_log, server_of
from composer.runtimes.run_folder import RunFolder, Workspaces
from composer.runtimes.state_file import MOST, STATE_FILE, parse_state
from composer.runtimes.view import View, merge
from composer.system.foreign_text import clean_line, clip
from composer.system.times import moment

if TYPE_CHECKING:
    from collections.abc import Mapping

_TAIL = 1 << 14
# Of a number of restarts.
_DIGITS = 9


@dataclass(frozen=True)
class Processes:
    """What runs as plain processes on one host (a :class:`composer.runtimes.Runtime`).

    Attributes:
        manifest: What the deployment says of that host's participants.
        deployment: The folder here that stands for it.
        folder: Where they run.
    """

    manifest: Manifest
    deployment: Path
    folder: RunFolder

    def prepare(self) -> Command:
        """Return the command that makes the virtual environments which are missing, here by composer's uv.

        It fails where an environment of the user's own lacks something.
        """
        return replace(self._script("lib/venv.sh"), environment=_own_uv() if self.folder.host == LOCAL else ())

    def start(self) -> Command:
        """Return the command that starts all but the admins, and keeps what those ran from whom it ends."""
        return self._script("start.sh", "--no-wait", "--keep-former")

    def bring_back(self, services: Sequence[str]) -> Command:
        """Return the command that starts some again, as they ran before the last start has ended them."""
        return self._script("start.sh", "--bring-back", *services)

    def changes(self, running: Sequence[str]) -> dict[str, str]:
        """Return, for each participant that runs from something else than there is now, what has changed.

        Args:
            running: The services that run.
        """
        started = self.manifest.started
        if not any(one.service in running for one in started):
            return {}
        arguments = [argument for one in started for argument in self._sources(one)]
        lines = self.folder.run(self.folder.program("compare", str(self.folder.path), *arguments)).splitlines()
        changed = {one.name: line.split("\x1f")[1] for one, line in zip(started, lines, strict=True)}
        return {name: what for name, what in changed.items() if what}

    def former(self, running: Sequence[str]) -> tuple[str, ...]:
        """Return those of the services that run which are not in the deployment any more."""
        known = {one.service for one in self.manifest.participants}
        return tuple(name for name in running if name not in known)

    def stop(self, names: Sequence[str] = ()) -> Command:
        """Return the command that ends the participants' processes, all of them unless some are named."""
        return self._script("stop.sh", *names)

    def server_log(self) -> ServerLog:
        """Return the end of the server's log."""
        return read_server_log(self.folder.look().read, server_of(self.manifest).service)

    def logs(
        self,
        services: Sequence[str],
        follow: bool,
        lines: int | None,
        since: str | None,
        colour: bool,
        timestamps: bool = False,  # noqa: ARG002 - NVFLARE begins its lines with the time
    ) -> Command:
        """Return the command that prints the participants' logs, each line with its participant's name.

        Raises:
            ComposerError: ``since`` is no time.
        """
        options = (["-f"] if follow else []) + (["-n", str(lines)] if lines is not None else [])
        if since:
            options += ["--since", f"@{moment(since, datetime.now(timezone.utc)).timestamp() // 1:.0f}"]
        environment = (("LOGS_IN_COLOUR", "yes" if colour else None),)
        return self.folder.from_here(replace(self._script("logs.sh", *options, *services), environment=environment))

    def by_participant(self, line: str, services: Collection[str]) -> str:  # noqa: ARG002
        """Return a line of the logs, which has its participant's name in front already."""
        return line

    def inside(self, service: str, argv: Sequence[str], terminal: bool) -> Command:
        """Return the command that runs a program in a participant's workspace, with its environment.

        Raises:
            ComposerError: The deployment folder was written by a composer that did not have that script yet.
        """
        if not (self.deployment / "exec.sh").is_file():
            raise ComposerError(f"{self.deployment} was written by an older composer", "write it again: composer up")
        return self.folder.from_here(self._script("exec.sh", service, *argv), terminal)

    def start_only(self) -> Command:
        """Return the command that starts those of the manifest who do not run."""
        return self._script("start.sh", "--no-wait", *(one.service for one in self.manifest.started))

    def jobs(self) -> tuple[str, ...]:
        """Return the jobs that run in the participants' workspaces."""
        services = [one.service for one in self.manifest.started]
        said = self.folder.run(self.folder.program("jobs", str(self.folder.path / "workspaces"), *services))
        return tuple(sorted({clip(clean_line(job), 80) for job in said.splitlines()}))

    def console(self, service: str) -> Command:
        """Return the command that runs an admin's console on a terminal."""
        command = replace(self._script("admin.sh"), environment=(("ADMIN", service),))
        return self.folder.from_here(command, terminal=True)

    def in_console(self, service: str, argv: Sequence[str], folder: Path, terminal: bool) -> Command:  # noqa: ARG002
        """Return the command that runs a program of the admin's virtual environment as that admin, in a folder."""
        program, *arguments = argv
        if program == "nvflare":
            return replace(self._script("admin.sh", *arguments), environment=(("ADMIN", service),), folder=folder)
        admin = next(one for one in self.manifest.admins if one.service == service)
        return Command((str(self.deployment / admin.image / "bin" / program), *arguments), folder=folder)

    def running(self) -> tuple[str, ...]:
        """Return the names of the participants whose supervisors live."""
        running = self.folder.look().supervised()
        return tuple(one.name for one in self.manifest.started if one.service in running)

    def observe(self, now: datetime) -> FederationStatus:
        """Look at every participant that ``up`` starts, once."""
        return merge(self.manifest.federation, [self.view(now)])

    def view(self, now: datetime) -> View:
        """Look at every participant, once, and at whom a server there has."""
        workspaces = self.folder.look()
        running = workspaces.supervised()
        seen = tuple(self._status(one, workspaces, running, now) for one in self.manifest.started)
        return View(seen, admitted(self.manifest, lambda server: read_server_log(workspaces.read, server.service)))

    def strangers(self) -> Mapping[str, str]:
        """Nobody is asked: this machine knows all its processes (:mod:`composer.runtimes.listeners`)."""
        return {}

    def examine(self, now: datetime, seen: FederationStatus | None = None) -> FederationStatus:
        """Observe, and find out why somebody is not well, and who runs that is not in the deployment any more."""
        seen = seen or self.observe(now)
        workspaces = self.folder.look()
        running = workspaces.supervised()
        deployed = {one.name: one for one in self.manifest.participants}
        changes = self.changes(running)
        examined = []
        for one in seen.participants:
            detail, participant = one.detail, deployed[one.name]
            if one.state == "restarting":
                detail = f"crashes again and again; its last line: {_last_line(workspaces, participant)}"
            elif one.state == "running" and not one.registered and one.type != "server":
                detail = "; ".join(part for part in ("not registered yet", self.unreachable(participant)) if part)
            elif one.state in ("absent", "exited") and (user := workspaces.runs_as(participant.service)):
                one = replace(one, state="running")
                detail = f"runs as another user ({user}); only that user and root can see more"
            elif one.state == "absent":
                detail = f"it was not started, or was stopped: composer start {one.name}"
            examined.append(replace(one, detail=detail, drift=changes.get(one.name, "")))
        examined += [_status_of_former(name, self.folder.host, workspaces) for name in self.former(running)]
        return replace(seen, participants=tuple(examined))

    def unreachable(self, participant: DeployedParticipant) -> str:
        """Return why the other side of its connection does not answer as it must; empty if it does."""
        return self.folder.unreachable(participant)

    def last_log_line(self, name: str) -> str:
        """Return the last line that a participant itself wrote, without colours; empty where there is none."""
        return _last_line(self.folder.look(), self.manifest.participant(name))

    def _script(self, name: str, *arguments: str) -> Command:
        return Command(("bash", str(self.folder.path / name), *arguments))

    def _sources(self, participant: DeployedParticipant) -> tuple[str, str, str, str]:
        """Return what a participant is started from, in the words of processes.py."""
        service = participant.service
        # Files that somebody has put there by hand are no local files of the participant's.
        local = any(name.startswith(f"local/{service}/") for name in self.manifest.files)
        overlay = str(self.folder.path / "local" / service) if local else ""
        environment = PurePosixPath(participant.image)
        python = str(environment) if environment.is_absolute() else environment.name
        return service, str(self.folder.kit(participant)), overlay, python

    def _status(
        self, participant: DeployedParticipant, workspaces: Workspaces, running: Sequence[str], now: datetime
    ) -> ParticipantStatus:
        service = participant.service
        word, since = _said(workspaces, service)
        state, detail = _state(word, service in running)
        registered = state == "running" and word == "registered"
        if state == "running" and participant.type == "server":
            detail = self.unreachable(participant)
            registered = not detail
        return ParticipantStatus(
            name=participant.name,
            type=participant.type,
            host=participant.host,
            state=state,
            health=("healthy" if registered else "starting") if state == "running" else "none",
            registered=registered,
            since=since if registered else None,
            certificate_days_left=(participant.certificate_not_after - now) // timedelta(days=1),
            image=participant.image,
            restarts=_crashes(workspaces, service),
            detail=detail,
        )


def authorities(workspaces: Workspaces) -> dict[str, str]:
    """Return, for each service that runs, the fingerprint of the authority with which it was started."""
    found = {}
    for service in workspaces.supervised():
        try:
            content = workspaces.read(f"{service}/startup/rootCA.pem", MOST_OF_CERTIFICATE).content
        except OSError:
            content = b""
        found[service] = fingerprint_in(content)
    return found


def _last_line(workspaces: Workspaces, participant: DeployedParticipant) -> str:
    try:
        log = workspaces.read(f"{participant.service}/console.log", _TAIL, from_end=True)
    except OSError:
        return ""
    return last_of(log.content.decode(errors="replace").split("\n"))


def _status_of_former(service: str, host: str, workspaces: Workspaces) -> ParticipantStatus:
    word, since = _said(workspaces, service)
    state: State = "restarting" if word == "restarting" else "running"
    told = "is not in this deployment any more, and still runs; `composer up` or `composer down` stops it"
    registered = word == "registered"
    return ParticipantStatus(
        service, "client", host, state, "none", registered, since if registered else None, 0, "", detail=told
    )


def _state(word: str, supervised: bool) -> tuple[State, str]:
    if supervised:
        return ("restarting", "it has crashed") if word == "restarting" else ("running", "")
    if word == "stopped":
        return "stopped", "shut down by an administrator"
    return ("exited", "its supervisor was killed, or its machine was restarted") if word else ("absent", "")


def _said(workspaces: Workspaces, service: str) -> tuple[str, datetime | None]:
    try:
        return parse_state(workspaces.read(f"{service}/{STATE_FILE}", MOST).content)
    except OSError:
        return "", None


def _crashes(workspaces: Workspaces, service: str) -> int:
    try:
        said = workspaces.read(f"{service}/composer.restarts", _DIGITS + 1).content.strip()
    except OSError:
        return 0
    return int(said) if said.isdigit() and len(said) <= _DIGITS else 0


def _own_uv() -> tuple[tuple[str, str], ...]:
    """Some distributions package uv without its program, or composer without uv: the scripts then do with pip."""
    try:
        from uv import find_uv_bin

        return (("COMPOSER_UV", find_uv_bin()),)
    except (ImportError, FileNotFoundError):
        return ()
