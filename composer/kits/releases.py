"""The releases of NVFLARE that composer reads kits of, and what each needs to run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Release:
    """One minor release of NVFLARE.

    Attributes:
        name: ``major.minor``, as in :attr:`composer.model.kit.Kit.release`.
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

_PYTHON_OF_IMAGES = (3, 12)


def minor_release(version: str) -> str:
    """The ``major.minor`` of a version such as ``2.9.0`` or ``2.8.1rc2``."""
    return ".".join(version.split(".")[:2])


def is_known(version: str) -> bool:
    """Whether a version of NVFLARE is of one of the releases here."""
    return minor_release(version) in RELEASES


def nearest_release(version: str) -> Release:
    """The release that a version of NVFLARE is of; of one that is not known, the newest before it, else the oldest."""
    wanted = _numbers(version)
    before = [release for name, release in RELEASES.items() if _numbers(name) <= wanted]
    return before[-1] if before else next(iter(RELEASES.values()))


def python_for(nvflare: str) -> tuple[int, int]:
    """The Python that images of an NVFLARE version get unless told otherwise: 3.12, or the newest that it runs on."""
    release = RELEASES.get(minor_release(nvflare))
    return min(_PYTHON_OF_IMAGES, release.newest_python) if release else _PYTHON_OF_IMAGES


def conflict(kit_release: str, nvflare: str) -> str:
    """Why NVFLARE of version ``nvflare`` cannot run a kit that ``kit_release`` provisioned; empty if it can.

    Since 2.8 clients find the server's address elsewhere in their kit than before, and kits are unsigned; admins
    speak another protocol since 2.7. So kits run on their own generation: until 2.6, 2.7, since 2.8.
    """
    kit, runtime = _generation(kit_release), _generation(nvflare)
    if kit == runtime:
        return ""
    if runtime == 2:
        return f"NVFLARE {nvflare} does not find the server's address in kits of {kit_release}"
    if kit == 2:
        return f"NVFLARE {nvflare} refuses kits of {kit_release}, which are not signed"
    return f"admins of NVFLARE {nvflare} and kits of {kit_release} do not speak the same protocol"


def submits_jobs(release: str) -> bool:
    """Whether ``nvflare job submit`` works with a provisioned kit: until 2.6 it misses the admin's name in it."""
    return _generation(release) > 0


def _generation(version: str) -> int:
    release = _numbers(version)
    return 2 if release >= (2, 8) else 1 if release == (2, 7) else 0


def _numbers(version: str) -> tuple[int, int]:
    major, minor = (int(part) if part.isdecimal() else 0 for part in (*version.split("."), "0")[:2])
    return major, minor
