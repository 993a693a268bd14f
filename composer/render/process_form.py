"""How a federation of plain processes lies in a deployment folder, and in a bundle. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

from composer.model.federation import Federation, Participant
from composer.model.files import GeneratedFile
from composer.model.kinds import LOCAL
from composer.render.form import Origin
from composer.render.metal import environment_folder, environment_name, render_metal
from composer.render.remote import HOSTS, KITS

if TYPE_CHECKING:
    from composer.render.bundle import PackedImage, Target


class ProcessForm:
    """As plain processes, which scripts start (a :class:`composer.render.form.Form`)."""

    packs: Literal["images", "wheels"] = "wheels"

    def files(self, federation: Federation) -> tuple[GeneratedFile, ...]:
        """Return the scripts, and what they must know of each participant; for other hosts, in folders of their own."""
        here = federation.on(LOCAL).participants
        files = list(render_metal(here)) if here else []
        for host in federation.hosts:
            if there := federation.on(host.name).participants:
                folder = PurePosixPath(HOSTS, host.name)
                files += [replace(file, path=folder / file.path) for file in render_metal(there, KITS)]
        return tuple(files)

    def origin(self, participant: Participant) -> Origin:
        """Return the participant's Python environment."""
        return Origin(environment_folder(participant.image), environment_name(participant.image))

    def bundle(
        self,
        name: str,
        federation: Federation,
        target: Target | None,
        images: Mapping[str, PackedImage],  # noqa: ARG002
    ) -> tuple[GeneratedFile, ...]:
        """Return the same scripts."""
        from composer.render.bundle import render_process_bundle

        return render_process_bundle(name, federation, target)

    def warnings(self, federation: Federation) -> Iterator[str]:
        """Yield what of the definition has no effect on plain processes."""
        for participant in federation.participants:
            for key in (key for key in ("memory", "cpus") if getattr(participant, key)):
                yield f"{participant.name}: without containers {key} has no effect: nothing limits a plain process"
            if participant.tmp_on_disk:
                yield f"{participant.name}: without containers tmp has no effect: set TMPDIR before composer up"
            if participant.ulimits:
                yield f"{participant.name}: without containers ulimits have no effect: use ulimit before composer up"
            if participant.shm_size:
                yield f"{participant.name}: without containers shm_size has no effect: /dev/shm is this machine's"
