"""What participants run from, images and virtual environments, as far as this machine makes it, for whichever hosts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from composer.deployment.manifest import Manifest
from composer.model.kinds import LOCAL, RuntimeName
from composer.runtimes.lifecycle import Lifecycle, lifecycle_of

if TYPE_CHECKING:
    from composer.model.federation import Federation
    from composer.model.reporter import Reporter


class Makers:
    """The lifecycles of this machine that make it, one for each runtime that is used.

    Args:
        deployment: The deployment folder.
        own: How participants run on this machine.
    """

    def __init__(self, deployment: Path, own: Lifecycle) -> None:
        self._deployment, self._own = deployment, own
        self._others: dict[RuntimeName, Lifecycle] = {}

    def require_tools_of_others(self, manifest: Manifest) -> None:
        """Make sure that what those need on this machine is there by which nobody runs on it.

        Raises:
            ComposerError: It is not.
        """
        for lifecycle, _ in self._parts(manifest):
            if lifecycle is not self._own:
                lifecycle.require_tools()

    def stale(self, manifest: Manifest) -> tuple[str, ...]:
        """Return the names of the participants for whom :meth:`build` would make something."""
        return tuple(name for lifecycle, part in self._parts(manifest) for name in lifecycle.stale(part))

    def find_locks(self, federation: Federation, manifest: Manifest, reporter: Reporter) -> dict[str, str]:
        """Find out what is to be installed where nothing is pinned yet; return the locks by their keys."""
        found = {}
        for lifecycle, part in self._parts(manifest):
            found.update(lifecycle.find_locks(federation, part, reporter))
        return found

    def build(
        self, federation: Federation, manifest: Manifest, reporter: Reporter, offline: bool, dry_run: bool
    ) -> tuple[str, ...]:
        """Make what is missing or stale; return the names of those who needed it."""
        return tuple(
            name
            for lifecycle, part in self._parts(manifest)
            for name in lifecycle.build(federation, part, reporter, offline, dry_run)
        )

    def pull(self, manifest: Manifest, reporter: Reporter, dry_run: bool) -> None:
        """Fetch what a registry has for participants on this machine."""
        self._own.pull(manifest.on(LOCAL), reporter, dry_run)

    def _parts(self, manifest: Manifest) -> Iterator[tuple[Lifecycle, Manifest]]:
        for runtime in dict.fromkeys(manifest.runtime_on(one.host) for one in manifest.participants):
            part = manifest.run_as(runtime)
            if runtime != manifest.runtime:
                self._others.setdefault(runtime, lifecycle_of(runtime, self._deployment))
            lifecycle = self._others.get(runtime, self._own)
            if not lifecycle.makes_for_others:
                part = part.on(LOCAL)
            if part.participants:
                yield lifecycle, part
