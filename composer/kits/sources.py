"""From what the user gave (folders, archives) to the folders of single kits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from composer.model.errors import ComposerError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_OVERSEER = ("privilege.yml", "gunicorn.conf.py")
# What NVFLARE's DockerBuilder and HelmChartBuilder put beside the kits (nvflare/lighter/constants.py).
_BESIDE = ("nvflare_compose", "nvflare_hc")
_FORMS = "give a kit's folder, a prod_NN folder, a zip or a tar.gz"


@dataclass(frozen=True)
class Source:
    """Where a kit lies, and the archive that it came in, if it did."""

    folder: Path
    archive: Path | None = None

    @property
    def shown(self) -> Path:
        """The path that the user knows it by."""
        return self.archive or self.folder


def find_kits(paths: Sequence[Path], unpack_into: Path, pin: Callable[[Path], str] | None) -> tuple[Source, ...]:
    """The kits at and directly below the given folders and in the given archives, each once, in a fixed order.

    Args:
        paths: Folders and archives.
        unpack_into: Where archives are unpacked.
        pin: Asked for the PIN of an archive that needs one.

    Raises:
        ComposerError: Nothing was given, a path does not exist, or there is no kit in it, or it is refused.
    """
    found: dict[Path, Source] = {}
    taken: set[str] = set()
    for path in paths:
        for source in _sources(path, unpack_into, pin, taken):
            found.setdefault(source.folder, source)
    if not found:
        raise ComposerError(
            "no kits were given", "name a prod_NN folder or a kit, as in `composer up workspace/project/prod_00`"
        )
    return tuple(found.values())


def _sources(path: Path, unpack_into: Path, pin: Callable[[Path], str] | None, taken: set[str]) -> list[Source]:
    try:
        resolved = path.resolve(strict=True)
        if resolved.is_dir():
            return [Source(folder) for folder in _kits_at(path, resolved)]
        # Most kits are folders.
        from composer.kits.archive import is_archive

        archive = resolved.is_file() and is_archive(resolved)
    except (FileNotFoundError, NotADirectoryError):
        raise ComposerError(
            f"{path} does not exist", "check the path; kits lie in <workspace>/<project>/prod_NN"
        ) from None
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ComposerError(f"{path} cannot be read: {reason}", "check the path, its owner and modes") from None
    if not archive:
        raise ComposerError(f"{path} is neither a folder nor an archive that composer unpacks", _FORMS)
    from composer.kits.unpack import unpack_kits

    return [Source(folder, resolved) for folder in unpack_kits(resolved, unpack_into, pin, taken)]


def _kits_at(path: Path, folder: Path) -> list[Path]:
    if (folder / "startup").is_dir():
        return [folder]
    children = sorted(folder.iterdir())
    kits = [child for child in children if (child / "startup").is_dir() and not _is_overseer(child)]
    if kits:
        return kits
    below = [child.name for child in children if child.name.startswith("prod_") and child.is_dir()]
    if below:
        raise ComposerError(
            f"{path} is not a kit but holds {', '.join(below)}", f"give one of them, such as {path / below[-1]}"
        )
    raise ComposerError(
        f"{path} is not a startup kit: there is no startup/ in it, nor in a folder directly below",
        "give a kit's folder (it holds startup/ and local/) or the prod_NN folder that holds the kits",
    )


def folders_without_kit(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Return the folders beside kits that are none themselves, such as a kit that was copied in part.

    Args:
        paths: What :func:`find_kits` was given, and found good.
    """
    tops = [path.resolve() for path in paths if path.is_dir() and not (path / "startup").is_dir()]
    return tuple(
        child
        for top in tops
        for child in sorted(top.iterdir())
        if child.is_dir() and not (child / "startup").is_dir() and child.name not in _BESIDE and child.name[0] != "."
    )


def _is_overseer(kit: Path) -> bool:
    return any((kit / "startup" / name).is_file() for name in _OVERSEER)
