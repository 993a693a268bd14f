"""What ``composer doctor`` finds on other hosts: whether they let us in, their engine, clock and ports."""

from __future__ import annotations

from composer.deployment.manifest import Manifest
from composer.hosts.parallel import on_each
from composer.hosts.remote import connect_remote
from composer.model.errors import ComposerError
from composer.model.federation import Federation
from composer.model.finding import Finding
from composer.model.host import Host

_SECONDS = 30.0
SKEW_SECONDS = 30.0


def examine_hosts(federation: Federation) -> list[Finding]:
    """Return what is wrong with the other hosts of a federation."""
    hosts = {host.name: host for host in federation.hosts}
    findings = []
    for outcome in on_each(tuple(hosts), lambda name: _examine(hosts[name], federation), _SECONDS).values():
        if isinstance(outcome, ComposerError):
            findings.append(Finding("HOST", "error", "", outcome.message, outcome.hint))
        else:
            findings += outcome
    return findings


def _examine(host: Host, federation: Federation) -> list[Finding]:
    nobody = Manifest("", federation.name, federation.compose_project, (), None, (), {}, runtime=host.runtime)
    with connect_remote(host, nobody, federation.deployment) as there:
        found = there.found
        running = {
            name for one in there.lifecycle.occupants(nobody) if one.ran for name in (one.participant, one.service)
        }
    findings = []
    if abs(found.behind) > SKEW_SECONDS:
        message = f"{host.name}: its clock is {abs(found.behind):.0f} s {'behind' if found.behind > 0 else 'ahead'}"
        findings.append(Finding("CLOCK", "warning", "", message, "have it set by NTP: certificates are valid by it"))
    for participant in federation.started:
        if participant.host != host.name or {participant.name, participant.service} & running:
            continue
        for port in found.listening.intersection(participant.ports):
            message = f"{host.name}: port {port} of {participant.name} is taken"
            findings.append(Finding("PORT", "error", "", message, f"see there by whom: ss -ltnp 'sport = :{port}'"))
    return findings
