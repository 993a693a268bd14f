"""The releases of NVFLARE that composer reads kits of, and what each needs to run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Release:
    """One minor release of NVFLARE.

    Attributes:
        name: ``major.minor``, as in :attr:`composer.model.Kit.release`.
        nvflare: The newest patch of it on the package index: what an image installs unless told otherwise.
        oldest_python: The oldest Python it runs on, as (major, minor).
        newest_python: The newest Python it runs on.
    """

    name: str
    nvflare: str
    oldest_python: tuple[int, int]
    newest_python: tuple[int, int]

    def runs_on(self, python: tuple[int, int]) -> bool:
        """Whether this release accepts the given Python, ``(major, minor)``."""
        return self.oldest_python <= python <= self.newest_python


# Patches: `pip index versions nvflare`. Pythons: what each release really runs on, whatever its metadata say.
RELEASES = {
    release.name: release
    for release in (
        Release("2.4", "2.4.2", (3, 8), (3, 10)),
        Release("2.5", "2.5.2", (3, 9), (3, 12)),
        Release("2.6", "2.6.3", (3, 9), (3, 12)),
        Release("2.7", "2.7.3", (3, 9), (3, 12)),
        Release("2.8", "2.8.3", (3, 10), (3, 14)),
        Release("2.9", "2.9.0", (3, 10), (3, 14)),
    )
}

NVFLARE_VERSIONS = {release.name: release.nvflare for release in RELEASES.values()}
"""The version of NVFLARE that kits of each release run on unless told otherwise."""

# Since 2.8 clients read the server's address from another place of their kit than before, kits are unsigned,
# and admins speak another protocol since 2.7: a kit runs on its own generation only.
_GENERATIONS = (("2.4", "2.5", "2.6"), ("2.7",), ("2.8", "2.9"))


def minor_release(version: str) -> str:
    """The ``major.minor`` of a version such as ``2.9.0`` or ``2.8.1rc2``."""
    return ".".join(version.split(".")[:2])


def conflict(kit_release: str, nvflare: str) -> str:
    """Why NVFLARE of version ``nvflare`` cannot run a kit that ``kit_release`` provisioned; empty if it can.

    The rule is NVFLARE's own: what changed in the kits' format from release to release.
    """
    runtime = minor_release(nvflare)
    if runtime not in RELEASES:
        return f"NVFLARE {nvflare} is none of the releases that composer knows ({', '.join(RELEASES)})"
    if any(kit_release in generation and runtime in generation for generation in _GENERATIONS):
        return ""
    if _before_28(kit_release) and not _before_28(runtime):
        return f"NVFLARE {nvflare} does not find the server's address in kits of {kit_release}"
    if not _before_28(kit_release) and _before_28(runtime):
        return f"NVFLARE {nvflare} refuses kits of {kit_release}: they are not signed"
    return f"admins of NVFLARE {nvflare} and kits of {kit_release} do not speak the same protocol"


def _before_28(release: str) -> bool:
    return tuple(int(part) for part in release.split(".")) < (2, 8)
