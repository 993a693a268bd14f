"""``composer doctor``: looks at this machine before a federation does, and says what to do about each finding."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from composer.model.errors import ComposerError
from composer.model.federation import Federation
from composer.model.finding import Finding
from composer.model.kinds import LOCAL, Severity
from composer.runtimes.lifecycle import form_of, lifecycle_of, runtime_of_machine
from composer.runtimes.ports import trouble_of
from composer.system.probe import is_own_address, resolved
from composer.usecases.data import DATA_HINT, closed_data, missing_data
from composer.usecases.memory import examine_memory

if TYPE_CHECKING:
    from composer.runtimes.engine_facts import EngineFacts
    from composer.runtimes.lifecycle import Lifecycle
    from composer.usecases.inputs import Inputs

_LITTLE_DISK = 2 * 2**30
_NO_DISK = 200 * 2**20
_SKEW = timedelta(seconds=60)
# Before it, rootless Docker's host networking is that of its own namespace (Docker's rootless troubleshooting).
_ROOTLESS_REACHED = (29, 5)
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")


@dataclass(frozen=True)
class Machine:
    """What is looked at: the engine if one answers, the folder, the federation if there are kits, and the time.

    ``running`` are the participants that run already, whose ports are theirs.
    """

    engine: EngineFacts | None
    deployment: Path
    federation: Federation | None
    running: frozenset[str]
    now: datetime


def doctor(inputs: Inputs) -> tuple[Finding, ...]:
    """Look at this machine and return what is wrong with it, errors first; with kits, at what they need of it too.

    Raises:
        ComposerError: The kits or the definition that were given do not hold.
    """
    from composer.deployment.recorded import read_manifest
    from composer.usecases.session import open_session

    if not inputs.kits and not inputs.definition and not inputs.nearby and read_manifest(inputs.deployment) is None:
        return examine(inputs.deployment, None)
    with open_session(inputs).resolved() as federation:
        return examine(inputs.deployment, federation)


def examine(deployment: Path, federation: Federation | None) -> tuple[Finding, ...]:
    """Return what is wrong with this machine, and with the other hosts of a federation, errors first."""
    from composer.hosts.examine import examine_hosts

    lifecycle = lifecycle_of(federation.runtime if federation else runtime_of_machine(), deployment)
    findings = examine_tools(lifecycle)
    if federation is not None and federation.hosts:
        findings += examine_hosts(federation)
        federation = federation.on(LOCAL)
    running, facts = frozenset[str](), None
    try:
        there = lifecycle.remember().authorities
        participants = federation.participants if federation else ()
        running = frozenset(one.name for one in participants if {one.name, one.service} & set(there))
        facts = lifecycle.facts()
        findings += lifecycle.examine()
    except ComposerError as error:
        findings.append(_finding("ENGINE", "error", error.message, error.hint))
    machine = Machine(facts, deployment, federation, running, _now())
    return _errors_first([*findings, *examine_machine(machine)])


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _errors_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda one: one.severity != "error"))


def up_warnings(machine: Machine) -> list[Finding]:
    """Return the part that matters when a federation is about to start, and that nothing else looks at."""
    return [finding for check in (_engine, _clock, _disk, _detours) for finding in check(machine)]


def examine_tools(lifecycle: Lifecycle) -> list[Finding]:
    """Return what is wrong with the command line tools of a runtime."""
    found = []
    for check, require in lifecycle.tools().items():
        try:
            require()
        except ComposerError as error:
            found.append(_finding(check, "error", error.message, error.hint))
    return found


def examine_machine(machine: Machine) -> list[Finding]:
    """Return what is wrong with the machine."""
    checks = (_engine, _clock, _disk, _proxy, _firewall, _ports, _data, _names, _detours, _reach, _graphics, _memory)
    return [finding for check in checks for finding in check(machine)]


def _finding(check: str, severity: Severity, message: str, fix: str) -> Finding:
    return Finding(check, severity, "", message, fix)


def _engine(machine: Machine) -> Iterator[Finding]:
    engine = machine.engine
    if engine is None:
        return
    bridge = "write network: bridge in composer.yml"
    bridged = machine.federation is not None and machine.federation.network == "bridge"
    if engine.podman:
        fix = "use Docker Engine" if bridged else bridge
        yield _finding("ENGINE", "warning", "the engine is Podman behind Docker's socket, which is not tested", fix)
    elif "Docker Desktop" in engine.system and not bridged:
        yield _finding(
            "ENGINE",
            "error",
            "Docker Desktop's host networking is that of its virtual machine",
            f"{bridge}, or use Linux",
        )
    elif engine.rootless and engine.version < _ROOTLESS_REACHED and not bridged:
        yield _finding(
            "ENGINE", "error", "with rootless Docker before 29.5, nobody reaches a server on host networking", bridge
        )
    if engine.selinux:
        yield _finding(
            "SELINUX",
            "warning",
            "the engine confines containers by SELinux, which may keep them from their kits and workspaces",
            "write security_opt: [label=disable] for each service into compose.override.yml, or label the folders: "
            "chcon -Rt container_file_t",
        )
    if not engine.local:
        yield _finding(
            "ENGINE",
            "warning",
            "the engine is on another machine, which has other folders",
            "name it in composer.yml, hosts",
        )


def _clock(machine: Machine) -> Iterator[Finding]:
    skew = machine.engine.time - machine.now if machine.engine else timedelta()
    if abs(skew) > _SKEW:
        yield _finding(
            "CLOCK", "error", f"the engine's clock is off by {skew.total_seconds():.0f} s", "set both clocks (NTP)"
        )
    for participant in machine.federation.participants if machine.federation else ():
        begins = participant.kit.certificate.not_before
        if begins > machine.now:
            yield _finding(
                "CLOCK",
                "error",
                f"the certificate of {participant.name} begins only at {begins:%Y-%m-%d %H:%M} UTC: this clock is slow",
                "set the clock (NTP), or wait",
            )


def _disk(machine: Machine) -> Iterator[Finding]:
    folder = next(path for path in (machine.deployment, *machine.deployment.parents) if path.is_dir())
    places = {"the deployment folder": folder}
    if machine.engine and machine.engine.local and machine.engine.root.is_dir():
        places["the engine's images"] = machine.engine.root
    for what, place in places.items():
        free = shutil.disk_usage(place).free
        if free < _LITTLE_DISK:
            severity: Severity = "error" if free < _NO_DISK else "warning"
            yield _finding("DISK", severity, f"{free // 2**20} MiB are left for {what} ({place})", "make room there")


def _proxy(machine: Machine) -> Iterator[Finding]:
    names = [name for name in _PROXIES if os.environ.get(name)]
    bundles = machine.federation and any(p.image.ca_bundle for p in machine.federation.participants)
    if names and not bundles:
        yield _finding(
            "PROXY",
            "warning",
            f"{names[0]} is set; where that proxy intercepts TLS, images cannot be built",
            "name its CA in composer.yml, image.ca_bundle; the participants themselves do not use the proxy",
        )


def _firewall(machine: Machine) -> Iterator[Finding]:
    if machine.federation is None or machine.federation.network == "bridge":
        # What Docker publishes does not pass the rules for what comes to this machine itself.
        return
    from composer.system.firewall import closed_ports

    ports = sorted({port for one in machine.federation.started for port in one.ports})
    for cause, opening in closed_ports(ports) if ports else ():
        yield _finding("FIREWALL", "warning", cause, opening)


def _ports(machine: Machine) -> Iterator[Finding]:
    if machine.federation is None or (machine.engine and not machine.engine.local):
        return
    for participant in machine.federation.started:
        if participant.name in machine.running:
            continue
        for port in participant.ports:
            if trouble := trouble_of(participant.name, port, machine.federation.runtime, machine.federation.publish):
                yield _finding("PORT", "error", trouble.cause, trouble.hint)


def _data(machine: Machine) -> Iterator[Finding]:
    for name, source in missing_data(machine.federation) if machine.federation else ():
        yield _finding("DATA", "error", f"{name} is to see {source}, which is not there", DATA_HINT)
    yield from closed_data(machine.federation) if machine.federation else ()


def _names(machine: Machine) -> Iterator[Finding]:
    """Names of participants that are elsewhere must resolve here, and not to this machine itself."""
    if machine.federation is None:
        return
    known = {entry.name for one in machine.federation.participants for entry in one.host_entries}
    known |= _listening(machine) & {"localhost"}
    known |= {alias for one in machine.federation.participants for alias in one.aliases}
    dialled = {c.host for one in machine.federation.started for c in one.kit.connects_to} - known
    for name in sorted(dialled):
        addresses = resolved(name)
        fix = f"write extra_hosts: {{{name}: ADDRESS}} in composer.yml"
        if not addresses:
            yield _finding("NAME", "error", f"{name} does not resolve", fix)
        elif any(address.startswith("127.") or address == "::1" for address in addresses):
            yield _finding(
                "NAME", "error", f"{name} resolves to {addresses[0]}, this machine itself (/etc/hosts?)", fix
            )


def _detours(machine: Machine) -> Iterator[Finding]:
    """A name of a participant on this machine must not lead elsewhere."""
    here = _listening(machine)
    for one in machine.federation.started if machine.federation else ():
        for entry in one.host_entries:
            if entry.name in here and not is_own_address(entry.address):
                here -= {entry.name}
                yield _finding(
                    "HOST",
                    "warning",
                    f"{entry.name} runs here, but extra_hosts has it at {entry.address}, which is not this machine",
                    f"take {entry.name} out of extra_hosts in composer.yml, or write an address of this machine",
                )


def _reach(machine: Machine) -> Iterator[Finding]:
    """A server that somebody else runs should answer; those on hosts of composer.yml are started by composer."""
    from composer.render.deployment import deployed_participant
    from composer.runtimes.observe import unreachable

    if machine.federation is None or machine.federation.hosts:
        return
    tried = _listening(machine)
    for one in machine.federation.started:
        dialled = deployed_participant(one, machine.federation, form_of(machine.federation.runtime_on(one.host)))
        if dialled.host_name in tried or not resolved(dialled.address):
            continue
        tried |= {dialled.host_name}
        reason = unreachable(dialled)
        if reason:
            yield _finding(
                "HOST",
                "warning",
                f"{one.name} cannot reach {reason}",
                f"if it runs by now: correct {dialled.host_name} in extra_hosts, or have its port opened",
            )


def _listening(machine: Machine) -> frozenset[str]:
    """Return the names under which participants of this machine are dialled."""
    started = machine.federation.started if machine.federation else ()
    return frozenset(listener.host for one in started for listener in one.kit.listens_on)


def _graphics(machine: Machine) -> Iterator[Finding]:
    wanting = [one.name for one in (machine.federation.started if machine.federation else ()) if one.gpus]
    if wanting and machine.engine and not machine.engine.gpus:
        yield _finding(
            "GPU",
            "error",
            f"{', '.join(wanting)} asks for GPUs, and the engine has no NVIDIA runtime",
            "install the NVIDIA container toolkit: nvidia-ctk runtime configure, then restart the engine",
        )


def _memory(machine: Machine) -> Iterator[Finding]:
    started = machine.federation.started if machine.federation else ()
    if started and machine.engine and machine.engine.memory:
        finding = examine_memory(started, machine.engine.memory)
        yield from (finding,) if finding else ()
