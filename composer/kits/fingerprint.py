"""Which release of NVFLARE provisioned a kit: no file says it, so it is told by what changed in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from composer.kits.folder import UnreadableError

if TYPE_CHECKING:
    from composer.kits.folder import KitFolder
    from composer.model.kinds import ParticipantType


def releases_of(folder: KitFolder, kind: ParticipantType, document: dict[str, Any]) -> tuple[str, ...]:
    """The releases that may have provisioned a kit, the likeliest first; more than one where none differs.

    Args:
        folder: The kit.
        kind: The participant's type.
        document: What its ``fed_*.json`` holds.

    Returns:
        ``major.minor`` of each, e.g. ``("2.9", "2.8")`` for an admin's kit, which is the same in both.

    Raises:
        UnreadableError: The kit is older than those that composer runs.
    """
    old = next((name for name in folder.entries if name.startswith("startup/") and name.endswith(".pfx")), None)
    if old is not None:
        raise UnreadableError(
            "it was provisioned by NVFLARE 2.3 or older, which composer does not run",
            "provision the project again with NVFLARE 2.4 or newer",
            file=old,
        )
    if kind == "admin":
        return _of_admin(folder, document)
    script = _text(folder, "startup/sub_start.sh")
    if "NVFL_WORKSPACE" in script:
        return ("2.9",) if "exec python3" in script else ("2.8",)
    if "overseer_agent" not in document and kind != "relay":
        return ("2.9", "2.8")
    if _is_27(folder, document, script):
        return ("2.7",)
    if kind == "relay" or _is_26(folder, document):
        return ("2.6",)
    return _of_start_script(_text(folder, "startup/start.sh"))


def _of_admin(folder: KitFolder, document: dict[str, Any]) -> tuple[str, ...]:
    admin = document.get("admin")
    if isinstance(admin, dict) and "project_name" in admin:
        signed = folder.has("startup/signature.json") or folder.has("local/signature.json")
        return ("2.7",) if signed else ("2.9", "2.8")
    if folder.has("startup/signature.json") or folder.has("startup/system_info.ipynb"):
        return ("2.6",)
    return ("2.5", "2.4")


def _is_27(folder: KitFolder, document: dict[str, Any], script: str) -> bool:
    marks = ("doOnce", "MALLOC_ARENA_MAX")
    return (
        "admin_server" in _first_server(document)
        or any(mark in script for mark in marks)
        or folder.has("local/signature.json")
    )


def _is_26(folder: KitFolder, document: dict[str, Any]) -> bool:
    client = document.get("client")
    return (
        "identity" in _first_server(document)
        or (isinstance(client, dict) and "fqsn" in client)
        or folder.has("local/log_config.json.default")
    )


def _of_start_script(script: str) -> tuple[str, ...]:
    # 2.4 and 2.5 differ in nothing else.
    if "$doCloud ==" in script:
        return ("2.5",)
    return ("2.4",) if "$doCloud =" in script else ("2.5", "2.4")


def _first_server(document: dict[str, Any]) -> dict[str, Any]:
    servers = document.get("servers")
    first = servers[0] if isinstance(servers, list) and servers else {}
    return first if isinstance(first, dict) else {}


def _text(folder: KitFolder, name: str) -> str:
    try:
        return folder.read(name).decode(errors="replace")
    except UnreadableError:
        return ""
