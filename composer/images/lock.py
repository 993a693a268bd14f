"""requirements.lock: every Python package of an image with its version and hashes. Pure: text in, text out.

The first line says for what it was found out, so that a lock which no longer fits is known from its own text.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from composer.model.errors import ComposerError
from composer.model.federation import Image

_HEADER = "# Found out by composer for "
_OPTIONS = re.compile(r"(?:--|-i\b|-f\b).*")
# PEP 427; distribution and version of a wheel's file name.
_WHEEL = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)(-\d[^-]*)?-[^-]+-[^-]+-[^-]+\.whl")


def lock_key(image: Image) -> str:
    """Return the SHA-256 (hex) of what decides which packages pip would take for ``image``."""
    asked = [image.base, *image.packages, "", *image.pip_options, "", image.requirements]
    return hashlib.sha256("\0".join(asked).encode()).hexdigest()


def key_of_lock(text: str) -> str:
    """Return the key that a lock was found out for; empty where it is none of composer's."""
    first = text.partition("\n")[0]
    return first.removeprefix(_HEADER).strip() if first.startswith(_HEADER) else ""


def render_lock(report: str, image: Image) -> str:
    """Return the lock that pip's installation report amounts to.

    Args:
        report: What ``pip install --dry-run --report`` wrote (PyPA, pip's installation report, version 1).
        image: What it was made for; its requirements' options, such as another index, are kept.

    Raises:
        ComposerError: The index does not give the hash of some package.
    """
    document = json.loads(report)
    environment = document.get("environment", {})
    pins = sorted(_pin(item) for item in document["install"])
    lines = [
        f"{_HEADER}{lock_key(image)}",
        f"# Python {environment.get('python_version', '?')}, {environment.get('platform_machine', '?')}; "
        "to update the packages, delete this file and build again.",
        *_options(image.requirements),
        *(f"{name}=={version} --hash=sha256:{digest}" for name, version, digest in pins),
    ]
    return "\n".join(lines) + "\n"


def add_wheels(lock: str, wheels: Mapping[str, str]) -> str:
    """Return ``lock`` with the hashes of wheels (file name → SHA-256) added, as some were built from source."""
    digests: dict[tuple[str, str], str] = {}
    for file, digest in wheels.items():
        match = _WHEEL.fullmatch(file)
        if match:
            digests[_normal(match["name"]), match["version"]] = digest
    lines = []
    for line in lock.splitlines():
        requirement = line.split(" ")[0]
        name, _, version = requirement.partition("==")
        known = f" --hash=sha256:{digests.get((_normal(name), version), '')}"
        lines.append(line if known.endswith(":") or known in line else line + known)
    return "\n".join(lines) + "\n"


def _pin(item: Mapping[str, Any]) -> tuple[str, str, str]:
    name, version = item["metadata"]["name"], item["metadata"]["version"]
    digest = item["download_info"].get("archive_info", {}).get("hashes", {}).get("sha256", "")
    if not digest:
        raise ComposerError(f"the package index gives no SHA-256 of {name} {version}", "use an index that does")
    return _normal(name), version, digest


def _options(requirements: str) -> Iterable[str]:
    return (line for line in map(str.strip, requirements.splitlines()) if _OPTIONS.fullmatch(line))


def _normal(name: str) -> str:
    """PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()
