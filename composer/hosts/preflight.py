"""What is asked of every host before anything is brought there, stopped or replaced."""

from __future__ import annotations

from pathlib import Path

from composer.hosts.delivery import is_of_another
from composer.hosts.parallel import HostsFailed, on_each
from composer.hosts.places import Place, Places
from composer.hosts.ssh import HostError
from composer.model import Federation
from composer.model.errors import ComposerError
from composer.runtimes import docker
from composer.runtimes.docker_lifecycle import DockerLifecycle
from composer.runtimes.gpus import require_gpus
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
    opened.drop(on_each(tuple(opened.reached), lambda name: _require_own(opened.reached[name], deployment)))
    trusting = on_each(
        tuple(opened.reached), lambda name: _require_authority(opened.reached[name], authority, deployment)
    )
    if failures := {name: error for name, error in trusting.items() if isinstance(error, ComposerError)}:
        raise HostsFailed(failures)
    opened.drop(on_each(tuple(opened.reached), lambda name: _require_startable(opened.reached[name])))
    require_some(opened)


def require_some(opened: Places) -> None:
    """Make sure that some other host can do its part.

    Raises:
        HostsFailed: There are others, and none can.
    """
    if opened.away and not opened.far:
        raise HostsFailed(opened.away)


def check_gpus(opened: Places, federation: Federation) -> None:
    """Find out which hosts cannot give participants their GPUs, now that the images are there."""

    def check(name: str) -> None:
        place = opened.reached[name]
        with place.entered(), place.named():
            require_gpus([one for one in federation.started if one.host == name])

    opened.drop(on_each(tuple(opened.reached), check))


def _require_own(place: Place, deployment: Path) -> None:
    with place.named():
        docker.own_containers(place.engine, place.manifest, place.deployment)
    if place.connection is not None and place.found is not None:
        host = place.connection.host
        if is_of_another(place.found, deployment, place.name):
            raise HostError(
                f"{place.name}: what is in {host.path} was delivered by another deployment",
                f"name another folder in composer.yml, hosts.{place.name}.path; or, if that deployment is gone or "
                f"was moved, take the line of .deployment out of {host.path}/SHA256SUMS there",
            )


def _require_authority(place: Place, authority: str, deployment: Path) -> None:
    present = DockerLifecycle(place.deployment, place.engine).remember()
    with place.named():
        require_same_authority(present, authority, deployment)


def _require_startable(place: Place) -> None:
    with place.named():
        running = DockerLifecycle(place.deployment, place.engine).running(place.manifest)
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
