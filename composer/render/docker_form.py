"""How a federation of containers lies in a deployment folder, and in a bundle. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

from composer.deployment.layout import COMPOSE_FILE
from composer.model.federation import Federation, Participant
from composer.model.files import GeneratedFile
from composer.model.kinds import LOCAL
from composer.render.compose import mode_of, render_compose
from composer.render.dockerfile import inputs_hash, render_contexts
from composer.render.form import Origin
from composer.render.hosts import render_hosts
from composer.render.remote import HOSTS, render_host

if TYPE_CHECKING:
    from composer.render.bundle import PackedImage, Target


class DockerForm:
    """As containers, which Compose starts (a :class:`composer.render.form.Form`)."""

    packs: Literal["images", "wheels"] = "images"

    def files(self, federation: Federation) -> tuple[GeneratedFile, ...]:
        """Return the Compose files, one for each host, and the images' build contexts."""
        files = [
            file
            for host in federation.hosts
            if federation.on(host.name).participants
            for file in render_host(federation, host)
        ]
        here = tuple(participant for participant in federation.participants if participant.host == LOCAL)
        if here:
            part = replace(federation, participants=here)
            names = PurePosixPath(HOSTS, LOCAL, HOSTS) if federation.hosts else PurePosixPath(HOSTS)
            files.append(GeneratedFile(PurePosixPath(COMPOSE_FILE), render_compose(part).encode(), mode_of(here)))
            files.append(GeneratedFile(names, render_hosts(part).encode()))
            if any(participant.private for participant in here):
                from composer.render.private import private_env_files

                files += private_env_files(here)
        files += render_contexts(federation.participants)
        return tuple(files)

    def origin(self, participant: Participant) -> Origin:
        """Return the participant's image."""
        return Origin(participant.image.tag, inputs_hash(participant), participant.image.registry)

    def bundle(
        self,
        name: str,
        federation: Federation,
        target: Target | None,  # noqa: ARG002
        images: Mapping[str, PackedImage],
    ) -> tuple[GeneratedFile, ...]:
        """Return a Compose file whose paths are relative, and scripts."""
        from composer.render.bundle import render_docker_bundle

        return render_docker_bundle(name, federation, images)

    def warnings(self, federation: Federation) -> Iterator[str]:
        """Yield that containers run as root, where they do."""
        if any(one.user.uid == 0 for one in federation.participants if one.host == LOCAL):
            yield (
                "the kits belong to root, so the containers run as root (without capabilities); "
                "give the kits, or the archive that they came in, to an ordinary user to avoid that"
            )
