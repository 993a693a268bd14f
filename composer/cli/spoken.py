"""What people type who know Docker Compose, kubectl or NVFLARE, and the command that does it here."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Sequence

from composer.model.nearest import nearest

# Other names that commands answer to.
ALIASES = {"ps": "status"}

_MEANINGS = {
    "composer up": "apply create deploy launch recreate run reload scale wait",
    "composer down": "delete destroy prune rm terminate uninstall undeploy",
    "composer add KITS": "enroll join add_client add-client",
    "composer stop PARTICIPANT": "cordon drain evacuate kill shutdown",
    "composer restart PARTICIPANT": "rollout",
    "composer remove PARTICIPANT": "evict leave remove_client remove-client revoke",
    "composer status": "check_status describe events get health info inspect list_clients ls list nodes pods state top",
    "composer status --watch": "stats watch",
    "composer topology": "network networks port port-forward",
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
    "composer provision PROJECT.yml": "dashboard",
    "composer down --purge": "system volume volumes",
    "composer admin -- job abort JOB": "abort_job",
    "composer admin -- job download JOB": "download_job",
    "composer admin -- recipe list": "recipe recipes",
    "composer admin -- study list": "studies study",
    "docker pause CONTAINER": "pause",
    "docker unpause CONTAINER": "unpause resume",
    "docker cp, or copy from workspaces/ in the deployment folder": "cp copy",
}
_PLAIN = re.compile(r"[\w./:@=-]{1,100}", re.ASCII)
# Programs that have commands of the same names, and those of NVFLARE's own commands that an admin runs.
_PROGRAMS = ("docker", "docker-compose", "compose", "kubectl", "nvflare", "composer")
_OF_NVFLARE = ("job", "recipe", "study")
# Options of the same commands elsewhere, and what does it here.
_OPTIONS = {
    "up": {
        "--force-recreate": "composer restart",
        "--no-build": "composer start PARTICIPANT",
        "--no-deps": "composer start PARTICIPANT",
        "--no-recreate": "composer start PARTICIPANT",
        "--pull": "docker pull, then composer build",
        "--scale": "composer add KITS",
    },
    "build": {"--no-cache": "docker builder prune, then composer build", "--pull": "docker pull, then composer build"},
    "down": {"--rmi": "docker rmi IMAGE", "--volumes": "composer down --purge"},
    "provision": {"-p": "composer provision PROJECT.yml", "--project_file": "composer provision PROJECT.yml"},
}
_BY_WORD = {word: command for command, words in _MEANINGS.items() for word in words.split()}


def meant_by_option(command: str, words: Sequence[str]) -> tuple[str, str]:
    """Return an option that users of others type for a command, and the command line that does it; else nothing.

    Args:
        command: The command.
        words: What was typed behind it.
    """
    known = _OPTIONS.get(command, {})
    options = (word.split("=")[0] for word in itertools.takewhile("--".__ne__, words))
    return next(((option, known[option]) for option in options if option in known), ("", ""))


def meant(words: Sequence[str], known: Collection[str]) -> str:
    """Return the command line that does what somebody meant; empty where nobody can tell.

    Args:
        words: What was typed, beginning with what stands in place of a command.
        known: The commands that there are.
    """
    typed, behind = words[0].lower(), words[1:]
    if behind and typed in _PROGRAMS:
        return f"composer {behind[0]}" if behind[0] in known else meant(behind, known)
    if behind and typed in _OF_NVFLARE and all(map(_PLAIN.fullmatch, behind)):
        return f"composer admin -- {typed} {' '.join(behind)}"
    if typed in _BY_WORD:
        return _BY_WORD[typed]
    near = nearest(typed, [*known, *_BY_WORD])
    return _BY_WORD.get(near, f"composer {near}" if near else "")
