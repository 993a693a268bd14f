"""A deployment as plain processes: the scripts that run it, and how it is seen to run from its workspaces.

The scripts are those that a bundle has (``dockerfiles/metal``). A participant's supervisor says in files of the
workspace how far it is; that it lives is proven by the workspace in its environment, since a pid alone may be
somebody else's by now.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path, PurePosixPath

from composer.deployment.manifest import DeployedParticipant, Manifest
from composer.model.command import Command
from composer.model.status import FederationStatus, ParticipantStatus, State
from composer.render.templates import templates_folder
from composer.runtimes.authority import fingerprint_of
from composer.runtimes.observe import Here, admitted, last_of, unreachable
from composer.runtimes.state_file import MOST, STATE_FILE, parse_state
from composer.runtimes.supervisors import runs_as, supervised, supervised_services
from composer.runtimes.view import View, merge
from composer.system.foreign_files import read_foreign
from composer.system.process import run
from composer.system.times import moment

_TAIL = 1 << 14
# Of a number of restarts.
_DIGITS = 9
_FORMER = "workspaces/.former"


@dataclass(frozen=True)
class Processes:
    """A deployment of ``runtime: process`` (a :class:`composer.runtimes.Runtime`)."""

    manifest: Manifest
    deployment: Path

    def prepare(self) -> Command:
        """Return the command that makes the virtual environments which are missing."""
        return self._script("lib/venv.sh")

    def start(self) -> Command:
        """Return the command that starts all but the admins, and keeps what those ran from whom it ends."""
        return self._script("start.sh", "--no-wait", "--keep-former")

    def bring_back(self) -> Command | None:
        """Return the command that starts again, as they ran before, those whom the last start has ended; if any."""
        former = sorted(path.parent.name for path in (self.deployment / _FORMER).glob("*/conf"))
        return self._script("start.sh", "--bring-back", *former) if former else None

    def forget_former(self) -> None:
        """Delete what the participants ran from that the last start has ended."""
        shutil.rmtree(self.deployment / _FORMER, ignore_errors=True)

    def changes(self) -> dict[str, str]:
        """Return, for each participant that runs from something else than there is now, what has changed."""
        started = self.manifest.started
        arguments = [argument for one in started for argument in self._sources(one)]
        if not self.running():
            return {}
        lines = run(_looking("compare", str(self.deployment), *arguments)).splitlines()
        changed = {one.name: line.split("\x1f")[1] for one, line in zip(started, lines, strict=True)}
        return {name: what for name, what in changed.items() if what}

    def former(self) -> tuple[str, ...]:
        """Return the services that run and are not in the deployment any more."""
        known = {one.service for one in self.manifest.participants}
        return tuple(name for name in supervised_services(self.deployment) if name not in known)

    def stop(self, names: Sequence[str] = ()) -> Command:
        """Return the command that ends the participants' processes, all of them unless some are named."""
        return self._script("stop.sh", *names)

    def logs(
        self,
        services: Sequence[str],
        follow: bool,
        lines: int | None,
        since: str | None,
        colour: bool,
    ) -> Command:
        """Return the command that prints the participants' logs, each line with its participant's name.

        Raises:
            ComposerError: ``since`` is no time.
        """
        options = (["-f"] if follow else []) + (["-n", str(lines)] if lines is not None else [])
        if since:
            options += ["--since", as_lines_begin(since, datetime.now(timezone.utc))]
        environment = (("LOGS_IN_COLOUR", "yes" if colour else None),)
        return replace(self._script("logs.sh", *options, *services), environment=environment)

    def by_participant(self, line: str) -> str:
        """Return a line of the logs, which has its participant's name in front already."""
        return line

    def console(self, service: str) -> Command:
        """Return the command that runs an admin's console on a terminal."""
        return replace(self._script("admin.sh"), environment=(("ADMIN", service),))

    def in_console(self, service: str, argv: Sequence[str], folder: Path, terminal: bool) -> Command:  # noqa: ARG002
        """Return the command that runs a program of the admin's virtual environment as that admin, in a folder."""
        program, *arguments = argv
        if program == "nvflare":
            return replace(self._script("admin.sh", *arguments), environment=(("ADMIN", service),), folder=folder)
        admin = next(one for one in self.manifest.admins if one.service == service)
        return Command((str(self.deployment / admin.image / "bin" / program), *arguments), folder=folder)

    def running(self) -> tuple[str, ...]:
        """Return the names of the participants whose supervisors live."""
        return tuple(one.name for one in self.manifest.started if supervised(self._workspace(one)))

    def observe(self, now: datetime) -> FederationStatus:
        """Look at every participant that ``up`` starts, once."""
        return merge(self.manifest.federation, [self.view(now)])

    def view(self, now: datetime) -> View:
        """Look at every participant, once, and at whom a server here has."""
        seen = tuple(self._status(participant, now) for participant in self.manifest.started)
        return View(seen, admitted(self.manifest, {}, Here(self.deployment)))

    def strangers(self) -> Mapping[str, str]:
        """Nobody is asked: this machine knows all its processes (:mod:`composer.runtimes.listeners`)."""
        return {}

    def examine(self, now: datetime, seen: FederationStatus | None = None) -> FederationStatus:
        """Observe, and find out why somebody is not well, and who runs that is not in the deployment any more."""
        seen = seen or self.observe(now)
        deployed = {one.name: one for one in self.manifest.participants}
        changes = self.changes()
        examined = []
        for one in seen.participants:
            detail, participant = one.detail, deployed[one.name]
            if one.state == "restarting":
                detail = f"crashes again and again; its last line: {self.last_log_line(one.name)}"
            elif one.state == "running" and not one.registered and one.type != "server":
                detail = "; ".join(part for part in ("not registered yet", unreachable(participant)) if part)
            elif one.state in ("absent", "exited") and (user := runs_as(self._workspace(participant))):
                one = replace(one, state="running")
                detail = f"runs as another user ({user}); only that user and root can see more"
            examined.append(replace(one, detail=detail, drift=changes.get(one.name, "")))
        examined += [self._status_of_former(name) for name in self.former()]
        return replace(seen, participants=tuple(examined))

    def unreachable(self, participant: DeployedParticipant) -> str:
        """Return why the other side of its connection does not answer as it must; empty if it does."""
        return unreachable(participant)

    def last_log_line(self, name: str) -> str:
        """Return the last line that a participant itself wrote, without colours; empty where there is none."""
        participant = next(one for one in self.manifest.participants if one.name == name)
        try:
            log = read_foreign(self.deployment, f"workspaces/{participant.service}/console.log", _TAIL, from_end=True)
        except OSError:
            return ""
        return last_of(log.content.decode(errors="replace").split("\n"))

    def _script(self, name: str, *arguments: str) -> Command:
        return Command(("bash", str(self.deployment / name), *arguments))

    def _sources(self, participant: DeployedParticipant) -> tuple[str, str, str, str]:
        """Return what a participant is started from, in the words of processes.py."""
        service = participant.service
        # Files that somebody has put there by hand are no local files of the participant's.
        local = any(name.startswith(f"local/{service}/") for name in self.manifest.files)
        overlay = str(self.deployment / "local" / service) if local else ""
        return service, str(participant.kit), overlay, PurePosixPath(participant.image).name

    def _workspace(self, participant: DeployedParticipant) -> Path:
        return self.deployment / "workspaces" / participant.service

    def _status_of_former(self, service: str) -> ParticipantStatus:
        word, since = _said(self.deployment / "workspaces" / service)
        state: State = "restarting" if word == "restarting" else "running"
        told = "is not in this deployment any more, and still runs; `composer up` or `composer down` stops it"
        registered = word == "registered"
        return ParticipantStatus(
            service, "client", "local", state, "none", registered, since if registered else None, 0, "", detail=told
        )

    def _status(self, participant: DeployedParticipant, now: datetime) -> ParticipantStatus:
        workspace = self._workspace(participant)
        word, since = _said(workspace)
        state, detail = _state(word, supervised(workspace))
        registered = state == "running" and word == "registered"
        if state == "running" and participant.type == "server":
            detail = unreachable(participant)
            registered = not detail
        return ParticipantStatus(
            name=participant.name,
            type=participant.type,
            host="local",
            state=state,
            health=("healthy" if registered else "starting") if state == "running" else "none",
            registered=registered,
            since=since if registered else None,
            certificate_days_left=(participant.certificate_not_after - now) // timedelta(days=1),
            image=participant.image,
            restarts=_crashes(workspace),
            detail=detail,
        )


def authorities(deployment: Path) -> dict[str, str]:
    """Return, for each service that runs, the fingerprint of the authority with which it was started."""
    return {
        service: fingerprint_of(deployment / "workspaces" / service / "startup" / "rootCA.pem")
        for service in supervised_services(deployment)
    }


def end_everybody(deployment: Path) -> Command:
    """Return the command that ends all processes of a deployment folder; it fails where one lives on."""
    return _looking("stop", str(deployment / "workspaces"))


def _looking(*arguments: str) -> Command:
    program = templates_folder() / "metal" / "lib" / "processes.py"
    return Command((sys.executable, "-I", "-S", str(program), *arguments))


def as_lines_begin(since: str, now: datetime) -> str:
    """Return a time as NVFLARE's processes here write it in front of their lines: in this machine's own zone.

    Args:
        since: As :func:`composer.system.times.moment` takes it.
        now: The present.

    Raises:
        ComposerError: It is no time.
    """
    return moment(since, now).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _state(word: str, supervised: bool) -> tuple[State, str]:
    if supervised:
        return ("restarting", "it has crashed") if word == "restarting" else ("running", "")
    if word == "stopped":
        return "stopped", "shut down by an administrator"
    return ("exited", "its supervisor was killed, or this machine was restarted") if word else ("absent", "")


def _said(workspace: Path) -> tuple[str, datetime | None]:
    try:
        return parse_state(read_foreign(workspace.parent, f"{workspace.name}/{STATE_FILE}", MOST).content)
    except OSError:
        return "", None


def _crashes(workspace: Path) -> int:
    try:
        said = read_foreign(workspace.parent, f"{workspace.name}/composer.restarts", _DIGITS + 1).content.strip()
    except OSError:
        return 0
    return int(said) if said.isdigit() and len(said) <= _DIGITS else 0
