"""What people type who know Docker Compose, kubectl or NVFLARE, and the command that does it here."""

from __future__ import annotations

from collections.abc import Collection

from composer.model.nearest import nearest

# Other names that commands answer to.
ALIASES = {"ps": "status"}

_MEANINGS = {
    "composer up": "apply create deploy launch recreate run reload scale",
    "composer down": "delete destroy kill prune rm terminate uninstall undeploy",
    "composer add KITS": "enroll join add_client add-client",
    "composer remove PARTICIPANT": "evict leave remove_client remove-client revoke",
    "composer status": "describe events get health info inspect ls list nodes pods state top port",
    "composer logs": "log tail",
    "composer admin": "attach cli connect console login repl",
    "composer admin -- job list": "job jobs list_jobs list-jobs",
    "composer admin -- job submit -j FOLDER": "submit submit_job submit-job",
    "composer check KITS": "config-check lint preflight preflight-check preflight_check test validate verify",
    "composer generate KITS": "config convert export init kustomize render template",
    "composer images": "image rmi",
    "composer images push": "push publish upload",
    "composer build": "pull fetch install",
    "composer bundle KITS -o DIR": "archive pack package prepare ship zip",
    "composer exec PARTICIPANT -- COMMAND": "cmd",
    "composer shell PARTICIPANT": "bash sh ssh terminal",
    "composer demo": "example hello poc quickstart sample simulator",
    "composer doctor": "diagnostics env",
    "composer why": "cause debug diagnose explain reason troubleshoot",
    "docker pause CONTAINER": "pause",
    "docker unpause CONTAINER": "unpause resume",
    "docker cp, or copy from workspaces/ in the deployment folder": "cp copy",
}
_BY_WORD = {word: command for command, words in _MEANINGS.items() for word in words.split()}


def meant(word: str, known: Collection[str]) -> str:
    """Return the command line that does what somebody meant; empty where nobody can tell.

    Args:
        word: What was typed in place of a command.
        known: The commands that there are.
    """
    typed = word.lower()
    if typed in _BY_WORD:
        return _BY_WORD[typed]
    near = nearest(typed, [*known, *_BY_WORD])
    return _BY_WORD.get(near, f"composer {near}" if near else "")
