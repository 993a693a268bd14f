"""Reports of federations of any size in which something of everything is seen, with names that are not only plain."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from composer.definition import Definition, HostChoice, ParticipantChoice
from composer.images.build_inputs import BuildInputs
from composer.model.finding import Finding
from composer.model.kit import Connection, Kit, Listener, Project
from composer.model.report import CertificateOf, Contents, Event, Job, Report
from composer.model.status import FederationStatus, ImageStatus, ParticipantStatus
from composer.model.topology import Node
from composer.resolve import resolve_federation
from composer.resolve.topology import resolve_topology
from tests.golden.cases import DEPLOYMENT, OWNER, SERVER, kit

NOW = datetime(2026, 11, 27, 12, tzinfo=timezone.utc)
PACKAGES = tuple((f"package-{n}", f"1.{n}.0") for n in range(60))


def kits_of(sites: int) -> tuple[Kit, ...]:
    """A server with an admin port, a relay for each twelve sites beyond the first three, sites, an administrator."""
    relays = sites // 100 + sites // 12 % 3
    made = [kit(SERVER, "server", listens_on=(Listener(SERVER, 8002), Listener(SERVER, 8003)))]
    made += [
        kit(f"relay-{n}", "relay", listens_on=(Listener(f"relay{n}.example.org", 18100 + n),))
        for n in range(1, relays + 1)
    ]
    for n in range(1, sites + 1):
        connects_to = [Connection(SERVER, SERVER, 8002)]
        if relays and n > 3:
            at = n % relays + 1
            connects_to.insert(0, Connection(f"relay-{at}", f"relay{at}.example.org", 18100 + at))
        made.append(kit(f"site-{n}", "client", connects_to=tuple(connects_to)))
    made.append(kit("lead@example.org", "admin"))
    ends = datetime(2027, 10, 27, tzinfo=timezone.utc)
    return tuple(
        replace(one, certificate=replace(one.certificate, not_after=ends + timedelta(days=at % 3)))
        for at, one in enumerate(made)
    )


def report_of(sites: int) -> Report:
    """A report of so many sites on a few hosts, some of which are not well."""
    kits = kits_of(sites)
    hosts = {f"ward-{n}": HostChoice(f"10.77.0.{n}", f"ssh://ops@10.77.0.{n}", "/srv/flare") for n in range(1, 6)}
    hosts["desk"] = HostChoice("10.77.0.9", "local")
    placed = {one.name: ParticipantChoice(host=f"ward-{at % 5 + 1}") for at, one in enumerate(kits) if at % 7}
    definition = Definition(hosts=hosts, participants=placed)
    federation = resolve_federation(Project("Tumour Study & Co.", kits), definition, BuildInputs(), DEPLOYMENT, OWNER)
    topology = resolve_topology(federation)
    started = [node for node in topology.nodes if node.type != "admin"]
    names = tuple(node.name for node in topology.nodes)
    return Report(
        made=NOW,
        composer="0.1.0",
        topology=topology,
        status=FederationStatus(topology.federation, tuple(_status(at, node) for at, node in enumerate(started))),
        events=_events(names),
        jobs=_jobs(names),
        certificates=tuple(CertificateOf(one.name, one.type, one.certificate) for one in kits),
        images=tuple(_image(node) for node in topology.nodes),
        contents=(Contents(names, "python:3.12-slim-bookworm", "2.9.0", ("2.9",), ("git", "libgomp1"), PACKAGES),),
        findings=_findings(names),
        authorities=("cd" * 32,),
        kits=(Path("/srv/flare/workspace/example/prod_00"),),
        definition=Path("/srv/flare/composer.yml"),
        deployment=DEPLOYMENT,
    )


def _status(at: int, node: Node) -> ParticipantStatus:
    well = ParticipantStatus(
        node.name, node.type, node.place, "running", "healthy", True, NOW - timedelta(hours=at), 300, "example:2.9.0"
    )
    if at % 29 == 2:
        return replace(well, state="exited", health="none", registered=False, since=None, restarts=3, detail=_DETAIL)
    if at % 31 == 3:
        return replace(well, health="starting", registered=False, since=None, detail="the server does not have it")
    return well


_DETAIL = "ended with status 1; its last line: RuntimeError: no module named <torch> & co."


def _events(names: tuple[str, ...]) -> tuple[Event, ...]:
    began = NOW - timedelta(days=2)
    came = (Event(began + timedelta(seconds=n), name, "joined") for n, name in enumerate(names[1:]))
    lost = (Event(NOW - timedelta(hours=3), names[2], "dead"), Event(NOW - timedelta(hours=2), names[2], "back"))
    return (Event(began, names[0], "begins"), *came, *lost)


def _jobs(names: tuple[str, ...]) -> tuple[Job, ...]:
    sites = tuple((name, "OK") for name in names if name.startswith("site"))
    words = ("RUNNING", "FINISHED:COMPLETED", "FINISHED:EXECUTION_EXCEPTION", "FINISHED:COMPLETED")
    return tuple(
        Job(
            f"131e808f-75af-4fd6-ba8c-3c53bdff62{at:02}",
            f"fedavg-{at}",
            status,
            "lead@example.org",
            NOW - timedelta(hours=at),
            None if status == "RUNNING" else 4000.5 / (at + 1),
            sites if at else (*sites[1:], (sites[0][0], "no GPU")),
        )
        for at, status in enumerate(words)
    )


def _image(node: Node) -> ImageStatus:
    known = ImageStatus(
        node.name, node.type, f"example/{node.name}:2.9.0", "fresh", "sha256:" + "5a" * 32, 325_400_000, 325_400_000
    )
    known = replace(known, nvflare="2.9.0", built=NOW - timedelta(days=3), host=node.place)
    return known if node.name != "site-2" else replace(known, state="missing", id="", size=0, shared=0, built=None)


def _findings(names: tuple[str, ...]) -> tuple[Finding, ...]:
    fix = "provision the project again, and give each participant its new kit"
    ending = (Finding("VALID", "warning", name, f"the certificate of {name} ends in 20 days", fix) for name in names)
    return (
        Finding(
            "PORT", "error", "", "port 8002 of server1 is taken by nginx (process 4711)", "end it, or take another port"
        ),
        *ending,
    )
