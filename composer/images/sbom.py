"""A bill of materials (CycloneDX 1.5) of an image, from what is really installed in it."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from composer import __version__
from composer.deployment.manifest import Manifest
from composer.images.store import ImageFacts
from composer.model.command import Command
from composer.model.errors import ComposerError
from composer.render.templates import read_template
from composer.system.process import run

_SECONDS = 60.0


def installed(image: str, tool: str = "docker") -> Mapping[str, Any]:
    """Return what is installed in an image, as ``dockerfiles/installed.py`` finds it in there.

    Raises:
        ComposerError: The image cannot be run.
    """
    program = read_template("installed.py").decode()
    options = ("--rm", "--network", "none", "--read-only", "--cap-drop", "ALL", "--entrypoint", "python3")
    found = json.loads(run(Command((tool, "run", *options, image, "-c", program)), timeout=_SECONDS))
    return dict(found)


def write_sboms(
    manifest: Manifest, facts: Mapping[str, ImageFacts], folder: Path, tool: str = "docker"
) -> tuple[str, ...]:
    """Write ``<service>.cdx.json`` for every participant of a deployment and return the files' names.

    Args:
        manifest: The deployment.
        facts: What the engine says of its images, by tag.
        folder: Where they are put; it is made where it is missing.
        tool: Their engine's command line tool.

    Raises:
        ComposerError: An image is missing, or the folder cannot be written.
    """
    tags = {participant.service: participant.image for participant in manifest.participants}
    missing = [tag for tag in tags.values() if tag not in facts]
    if missing:
        raise ComposerError(f"there is no image {missing[0]}", "build it first: composer build")
    # Participants with the very same image differ in the tag alone.
    found = {facts[tag].id: installed(tag, tool) for tag in {facts[tag].id: tag for tag in tags.values()}.values()}
    texts = {f"{service}.cdx.json": render_sbom(tag, facts[tag], found[facts[tag].id]) for service, tag in tags.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ComposerError(f"cannot write {folder}: {error.strerror}", "name another folder") from error
    return tuple(texts)


def render_sbom(tag: str, facts: ImageFacts, found: Mapping[str, Any]) -> str:
    """Return the bill of materials as JSON. The same image gives the same text.

    Args:
        tag: The image's name.
        facts: What the engine says of it.
        found: What :func:`installed` returned for it.
    """
    name, _, version = tag.rpartition(":")
    built = facts.created.strftime("%Y-%m-%dT%H:%M:%SZ")
    root = {"type": "container", "bom-ref": facts.id, "name": name, "version": version}
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, facts.id)}",
        "version": 1,
        "metadata": {
            "timestamp": built,
            "tools": {"components": [{"type": "application", "name": "flare-composer", "version": __version__}]},
            "component": root,
        },
        "components": [
            {"type": "operating-system", "name": found["distribution"], "version": found["release"]},
            {"type": "platform", "name": "python", "version": found["python"]},
            *(_python(item) for item in found["packages"]),
            *(_debian(item, found) for item in found["debian"]),
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def _python(item: Mapping[str, str]) -> dict[str, Any]:
    normal = re.sub(r"[-_.]+", "-", item["name"]).lower()
    purl = f"pkg:pypi/{quote(normal)}@{quote(item['version'])}"
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl,
        "name": item["name"],
        "version": item["version"],
        "purl": purl,
    }
    if item["licence"]:
        component["licenses"] = [{"expression": item["licence"]}]
    return component


def _debian(item: Mapping[str, str], found: Mapping[str, Any]) -> dict[str, Any]:
    qualifiers = urlencode({"arch": item["architecture"], "distro": f"{found['distribution']}-{found['release']}"})
    purl = f"pkg:deb/{found['distribution']}/{quote(item['name'])}@{quote(item['version'])}?{qualifiers}"
    return {"type": "library", "bom-ref": purl, "name": item["name"], "version": item["version"], "purl": purl}
