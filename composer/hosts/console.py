"""The console of an administrator, or a program in its place, where the administrator's kit is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from composer.deployment.manifest import DeployedParticipant, Manifest
from composer.hosts.connected import connect_hosts
from composer.model.errors import ComposerError
from composer.model.kinds import LOCAL
from composer.model.reporter import Reporter
from composer.system.process import attach, command_line


def console(
    manifest: Manifest,
    deployment: Path,
    admin: DeployedParticipant,
    argv: Sequence[str],
    terminal: bool,
    reporter: Reporter,
) -> int:
    """Open an administrator's console, or run a program in its place; return the exit status.

    Args:
        manifest: What the deployment says of itself.
        deployment: The deployment folder.
        admin: Whose kit is used.
        argv: The program and its arguments, which sees the present folder; empty: the console.
        terminal: Whether composer has a terminal to hand on, which a console needs.
        reporter: Hears what is done.

    Raises:
        ComposerError: There is no terminal, the host is away, or a program is to run on another host.
    """
    if admin.host != LOCAL and (argv or not terminal):
        raise ComposerError(
            f"the kit of {admin.name} is on {admin.host}, where a command cannot see the folder that you are in",
            "take its host out of composer.yml: an administrator's kit is best on the administrator's machine",
        )
    if not (argv or terminal):
        raise ComposerError("the console needs a terminal", "give a command: composer admin -- job list")
    with connect_hosts(manifest, deployment, names=[admin.host]) as hosts:
        if hosts.unreachable:
            raise hosts.failure()
        (host,) = hosts.connected.values()
        with host.entered(), host.named():
            # What cannot be asked says so in two lines, and Docker's command in many.
            host.lifecycle.facts()
        if argv:
            command = host.runtime.in_console(admin.service, argv, Path.cwd(), terminal)
        else:
            reporter.warn(f"this is NVFLARE's own console; at «User Name» type {admin.name}")
            command = host.runtime.console(admin.service)
        host.reporter(reporter).command(command_line(command))
        with host.entered():
            return attach(command)
