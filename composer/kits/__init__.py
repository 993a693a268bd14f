"""Reads startup kits of every release and form into :class:`composer.model.kit.Kit`. Never writes into one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from composer.kits.certificates import describe
from composer.kits.facts import kit_of, load_facts, settled
from composer.kits.project import project_of
from composer.kits.sources import find_kits
from composer.model.errors import ComposerError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from composer.kits.sources import Source
    from composer.model.kit import Project

__all__ = ["load_kits"]


def load_kits(paths: Sequence[Path], unpack_into: Path, pin: Callable[[Path], str] | None = None) -> Project:
    """Load the kits of one project.

    Args:
        paths: ``prod_NN`` folders, folders of single kits under any name, and archives of either.
        unpack_into: Where archives are unpacked, one folder (0700) per kit. Folders are read where they are.
        pin: Asked for the PIN of an archive that needs one, given its path; without it such are refused.

    Returns:
        The project, its kits sorted: server, relays (parents before children), clients, admins, then by name.

    Raises:
        ComposerError: A path does not exist or is no kit, a kit cannot be read, there are two servers, two
            kits of one name or kits of different projects, or there is nothing at all.
    """
    sources = find_kits(paths, unpack_into, pin)
    try:
        facts = settled(tuple(load_facts(source.folder) for source in sources))
        kits = [kit_of(one) for one in facts]
        return project_of(kits, describe(facts[0].root[0]).common_name)
    except ComposerError as error:
        raise _as_given(error, sources) from None


def _as_given(error: ComposerError, sources: Sequence[Source]) -> ComposerError:
    """The same error in the paths that the user knows: those of archives, not of what came out of them."""
    message = error.message
    for source in sources:
        shown = str(source.shown).replace("\\", r"\\")
        message = re.sub(rf"{re.escape(str(source.folder))}(?![\w.@%+-])", shown, message)
    return ComposerError(message, error.hint)
