"""A set of files that is replaced as one: staged first, then moved into place, whatever comes between.

All are staged in ``.staged/``, a marker says that the set is whole, and only then are they moved. A run that finds the
marker finishes the move; one that finds staged files without it throws them away.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from composer.deployment.files import hash_of, make_folder, write
from composer.deployment.layout import COMPOSE_FILE, STARTED
from composer.deployment.manifest import MANIFEST
from composer.deployment.place import HOSTS, STAGED
from composer.model.errors import ComposerError
from composer.model.files import GeneratedFile

ASIDE = ".orig"
_COMPLETE = ".complete"
_WRITERS = 8


def stage(files: Iterable[GeneratedFile], abandoned: Mapping[str, str], staged: Path) -> None:
    """Write files below a folder, and the marker that says that they are all there.

    Args:
        files: To be written.
        abandoned: Those that :func:`settle` is to delete, by path, with the hash that they had when they were written.
        staged: The folder, which is there.
    """
    # It takes longer to import than most commands, which write nothing, take to look.
    from concurrent.futures import ThreadPoolExecutor

    for folder in sorted({(staged / file.path).parent for file in files}):
        make_folder(folder, 0o755)
    # A disk makes many files durable in the time of one, if it is asked for all of them at once.
    with ThreadPoolExecutor(_WRITERS) as writers:
        list(writers.map(lambda file: write(staged / file.path, file.content, file.mode), files))
    write(staged / (_COMPLETE + ".part"), json.dumps(abandoned).encode(), 0o600)
    (staged / (_COMPLETE + ".part")).rename(staged / _COMPLETE)


def settle(deployment: Path) -> None:
    """Finish, or undo, what an interrupted run has staged. Does nothing where nothing was interrupted."""
    staged = deployment / STAGED
    marker = staged / _COMPLETE
    refuse_links(deployment, [PurePosixPath(STAGED, _COMPLETE)])
    if marker.exists():
        abandoned = below_the_folder(json.loads(marker.read_bytes()))
        found = [path.relative_to(staged) for path in staged.rglob("*")]
        names = [*map(PurePosixPath, found), *map(PurePosixPath, abandoned)]
        refuse_links(deployment, names)
        refuse_links(staged, map(PurePosixPath, found))
        _remove(deployment, abandoned)
        _move(staged, deployment)
        # From here on, what is staged counts as nothing.
        marker.unlink()
    if staged.exists():
        shutil.rmtree(staged)


def _move(source: Path, target: Path) -> None:
    """Move what is in one folder into another, whole folders where there is none of the name yet."""
    # The manifest goes last: until it is there, a run that is not composer's sees the old one. What a user wrote goes
    # first: it is never out of sight.
    for entry in sorted(source.iterdir(), key=lambda path: (path.name == MANIFEST, ASIDE not in path.name)):
        place = target / entry.name
        if entry.is_dir() and place.is_dir():
            _move(entry, place)
        elif entry.name != _COMPLETE:
            entry.replace(place)


def _remove(deployment: Path, abandoned: Mapping[str, str]) -> None:
    """Delete abandoned files, but for those that were edited, and folders that this empties."""
    for name, digest in abandoned.items():
        target = deployment / name
        with contextlib.suppress(FileNotFoundError):
            if hash_of(target) == digest:
                target.unlink()
                _forget_start(target)
        for parent in list(PurePosixPath(name).parents)[:-1]:
            with contextlib.suppress(OSError):
                (deployment / parent).rmdir()


def _forget_start(gone: Path) -> None:
    """Delete what was kept of a host's last start, with the Compose file that it is a copy of."""
    if gone.name == COMPOSE_FILE and gone.parent.parent.name == HOSTS:
        shutil.rmtree(gone.parent / STARTED, ignore_errors=True)


def require_room(deployment: Path, files: Iterable[GeneratedFile], abandoned: Mapping[str, str]) -> None:
    """Make sure that nothing of somebody else lies where files are to go: no folder of their names, no file above them.

    Raises:
        ComposerError: Something does.
    """
    paths = [file.path for file in files]
    # Each folder once: a thousand sites share theirs.
    above = {parent: path for path in paths for parent in list(path.parents)[:-1]}
    for path, places in (
        *((path, [deployment / parent]) for parent, path in above.items()),
        *((path, (deployment / path).rglob("*")) for path in paths if (deployment / path).is_dir()),
    ):
        for place in _not_ours(deployment, places, abandoned):
            raise ComposerError(
                f"{place} is in the way of {deployment / path}, and composer has not written it", "move it away"
            )


def _not_ours(deployment: Path, places: Iterable[Path], abandoned: Mapping[str, str]) -> Iterator[Path]:
    for place in places:
        name = place.relative_to(deployment)
        own = STARTED in name.parts or (place.is_file() and abandoned.get(str(name)) == hash_of(place))
        if place.exists() and not place.is_dir() and not own:
            yield place


def below_the_folder(named: Mapping[str, str]) -> dict[str, str]:
    """Return those of the named paths that lead to nowhere else."""
    paths = {name: PurePosixPath(name) for name in named}
    return {name: named[name] for name, path in paths.items() if not path.is_absolute() and ".." not in path.parts}


def refuse_links(deployment: Path, paths: Iterable[PurePosixPath]) -> None:
    """Only who may write to the deployment folder makes links there, and that is not composer."""
    for place in {part for path in paths for part in (path, *list(path.parents)[:-1])}:
        if (deployment / place).is_symlink():
            raise ComposerError(
                f"{deployment / place} is a link, and composer writes through none", "see where it leads, and remove it"
            )
