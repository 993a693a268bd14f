"""From what the user gave (folders, archives) to the folders of single kits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from composer.errors import ComposerError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_OVERSEER = ("privilege.yml", "gunicorn.conf.py")


def find_kits(paths: Sequence[Path]) -> tuple[Path, ...]:
    """The folders of all kits at and directly below the given folders: absolute, each once, in a fixed order.

    Raises:
        ComposerError: Nothing was given, a path does not exist or is no folder, or there is no kit in it.
    """
    found: dict[Path, None] = {}
    for path in paths:
        for kit in _kits_at(path):
            found[kit] = None
    if not found:
        raise ComposerError(
            "no kits were given",
            "name a prod_NN folder or a kit, as in `composer up workspace/project/prod_00`",
        )
    return tuple(found)


def _kits_at(path: Path) -> list[Path]:
    try:
        folder = path.resolve(strict=True)
        if not folder.is_dir():
            raise ComposerError(
                f"{path} is neither a folder nor an archive that composer unpacks",
                "give a folder, a zip or a tar.gz",
            )
        if (folder / "startup").is_dir():
            return [folder]
        children = sorted(folder.iterdir())
        kits = [child for child in children if (child / "startup").is_dir() and not _is_overseer(child)]
    except (FileNotFoundError, NotADirectoryError):
        raise ComposerError(
            f"{path} does not exist", "check the path; kits lie in <workspace>/<project>/prod_NN"
        ) from None
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ComposerError(f"{path} cannot be read: {reason}", "check its owner and modes") from None
    if kits:
        return kits
    below = [child.name for child in children if child.name.startswith("prod_") and child.is_dir()]
    if below:
        raise ComposerError(
            f"{path} is not a kit but holds {', '.join(below)}",
            f"give one of them, such as {path / below[-1]}",
        )
    raise ComposerError(
        f"{path} is not a startup kit: there is no startup/ in it, nor in a folder directly below",
        "give a kit's folder (it holds startup/ and local/) or the prod_NN folder that holds the kits",
    )


def _is_overseer(kit: Path) -> bool:
    return any((kit / "startup" / name).is_file() for name in _OVERSEER)
