"""What is asked of every host before anything is brought there, stopped or replaced."""

from __future__ import annotations

from pathlib import Path

from composer.hosts.delivery import is_of_another
from composer.hosts.parallel import HostsFailed, on_each
from composer.hosts.places import Place, Places
from composer.hosts.ssh import HostError
from composer.model.errors import ComposerError
from composer.model.federation import Federation
from composer.model.reporter import Reporter
from composer.runtimes.lifecycle import require_same_authority
from composer.runtimes.ports import require_free_ports


def check_hosts(opened: Places, authority: str, deployment: Path) -> None:
    """Find out which hosts cannot do their part; from then on they count as away. Nothing is changed anywhere.

    Args:
        opened: The hosts that were reached.
        authority: The fingerprint of the root that the kits trust.
        deployment: The deployment folder here.

    Raises:
        HostsFailed: No host can, or participants run somewhere that trust another authority than the kits do: if
            only some hosts got the new kits, the participants could not speak to one another.
    """
    present = on_each(tuple(opened.reached), lambda name: opened.reached[name].lifecycle.remember())
    opened.drop(present)
    failures = {}
    for name, one in present.items():
        try:
            if not isinstance(one, ComposerError):
                with opened.reached[name].named():
                    require_same_authority(one, authority, deployment)
        except ComposerError as error:
            failures[name] = error
    if failures:
        raise HostsFailed(failures)
    opened.drop(on_each(tuple(opened.reached), lambda name: _require_startable(opened.reached[name], deployment)))
    require_some(opened)


def require_some(opened: Places) -> None:
    """Make sure that some other host can do its part.

    Raises:
        HostsFailed: There are others, and none can.
    """
    if opened.away and not opened.far:
        raise HostsFailed(opened.away)


def check_ready(opened: Places, federation: Federation, reporter: Reporter) -> None:
    """Find out which hosts cannot give participants what they are to have, now that the images are there."""

    def check(name: str) -> None:
        place = opened.reached[name]
        with place.entered(), place.named():
            place.lifecycle.require_ready(federation.on(name), place.told(reporter))

    opened.drop(on_each(tuple(opened.reached), check))


def _require_startable(place: Place, deployment: Path) -> None:
    with place.named():
        running = place.lifecycle.running(place.manifest)
    if place.connection is not None and place.found is not None:
        host = place.connection.host
        if is_of_another(place.found, deployment, place.name):
            raise HostError(
                f"{place.name}: what is in {host.path} was delivered by another deployment",
                f"name another folder in composer.yml, hosts.{place.name}.path; or, if that deployment is gone or "
                f"was moved, take the line of .deployment out of {host.path}/SHA256SUMS there",
            )
    if place.found is None:
        require_free_ports(place.manifest, running)
        return
    for participant in place.manifest.started:
        for port in participant.listens if participant.name not in running else ():
            if port in place.found.listening:
                raise ComposerError(
                    f"port {port} of {participant.name} is taken on {place.name}",
                    f"see by whom with: ss -ltnp 'sport = :{port}' there, and stop that",
                )
