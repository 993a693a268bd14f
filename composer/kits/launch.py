"""How a kit's ``sub_start.sh`` starts the participant."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from composer.kits.folder import UnreadableError
from composer.model.kit import Launch

if TYPE_CHECKING:
    from composer.kits.folder import KitFolder

SCRIPT = "startup/sub_start.sh"
_COMMAND = re.compile(
    r"python3[ \t]+(?:-u[ \t]+)?-m[ \t]+(?P<module>nvflare(?:\.[A-Za-z_][A-Za-z0-9_]*)+)"
    r"[ \t]+-m[ \t]+\S+[ \t]+-s[ \t]+(?P<config>fed_[a-z]+\.json)[ \t]+--set[ \t]+(?P<rest>[^\n]*)"
)
_SETTING = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*=[A-Za-z0-9_.:@%+-]*")


def launch_of(folder: KitFolder, config: str) -> Launch:
    """Read the module, the configuration file and the settings that ``sub_start.sh`` starts NVFLARE with.

    Settings are taken as they are and not put together again: those of ``nvflare package`` differ from those
    of ``nvflare provision``.

    Args:
        folder: The kit.
        config: The ``fed_*.json`` that the participant's type has.

    Raises:
        UnreadableError: The script is missing or starts something else.
    """
    script = folder.text(SCRIPT)
    if "\r" in script:
        raise UnreadableError(
            f"{SCRIPT} has Windows line ends, which bash does not run",
            "unpack the kit again without converting line ends",
            file=SCRIPT,
        )
    found = _COMMAND.search(script)
    if found is None or found["config"] != config:
        raise UnreadableError(
            f"{SCRIPT} does not start NVFLARE with {config}",
            "ask for the kit again: this one is not as NVFLARE writes it",
            file=SCRIPT,
        )
    settings = []
    for word in found["rest"].split():
        if not _SETTING.fullmatch(word):
            break
        settings.append(word)
    return Launch(found["module"], found["config"], tuple(settings))


def setting(launch: Launch | None, name: str) -> str:
    """The value of a setting such as ``uid`` or ``org``; empty where there is none."""
    if launch is None:
        return ""
    return next((value for key, _, value in (item.partition("=") for item in launch.settings) if key == name), "")
