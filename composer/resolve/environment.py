"""Which Python environment of the user's own plain processes run in. Pure."""

from __future__ import annotations

import re

from composer.definition import Definition
from composer.model.errors import ComposerError
from composer.model.kinds import LOCAL


def resolve_own_environment(definition: Definition, host: str) -> str:
    """Return the folder of the Python environment that participants on a host run in.

    Args:
        definition: The user's choices.
        host: The host's name; LOCAL: this machine.

    Returns:
        An absolute path on that host; empty where composer makes an environment, or participants run in containers.

    Raises:
        ComposerError: The definition gives one to containers, or it is no path that NVFLARE can start jobs from.
    """
    _refuse_for_containers(definition)
    here = next((name for name, one in definition.hosts.items() if one.endpoint == LOCAL), "")
    name = here if host == LOCAL else host
    choice = definition.hosts.get(name)
    if (choice.runtime if choice and choice.runtime else definition.runtime) != "process":
        return ""
    own = choice.nvflare_environment if choice else None
    key = f"hosts.{name}.nvflare_environment" if own else "nvflare_environment"
    folder = own or str(definition.nvflare_environment or "")
    if own and not own.startswith("/"):
        raise ComposerError(f"{key}: {own!r} is not absolute", "write the path on that host from / on: /opt/flare")
    # NVFLARE starts jobs by command lines that it takes apart at blanks and quotes.
    if re.search(r"[\s'\"\\:]", folder) or not folder.isprintable():
        raise ComposerError(
            f"{key}: {folder!r} has a blank, a colon or a quote in it", "NVFLARE cannot run jobs from there: move it"
        )
    return folder if folder == "/" else folder.rstrip("/")


def _refuse_for_containers(definition: Definition) -> None:
    hint = "write runtime: process there, or leave it out: images have their packages from image.base and requirements"
    for name, choice in definition.hosts.items():
        if choice.nvflare_environment and (choice.runtime or definition.runtime) != "process":
            raise ComposerError(f"hosts.{name}.nvflare_environment: participants run in containers there", hint)
    runtimes = {definition.runtime, *(choice.runtime for choice in definition.hosts.values())}
    if definition.nvflare_environment and "process" not in runtimes:
        raise ComposerError("nvflare_environment is given, but all participants run in containers", hint)
