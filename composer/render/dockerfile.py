"""A participant's build context: its Dockerfile and the few files that this copies. Nothing of a kit is in it."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath

from composer.model import GeneratedFile, Image, Participant
from composer.render.templates import read_template, render_template

INPUTS_LABEL = "flare-composer.inputs"
_SCRIPTS = ("entrypoint.sh", "healthcheck.sh")
# Where a build secret is mounted, and pip's own variable that names it.
_SECRETS = {
    "ca_bundle": ("/run/secrets/ca_bundle", "PIP_CERT"),
    "pip_config": ("/run/secrets/pip_config", "PIP_CONFIG_FILE"),
}


def build_secrets(image: Image) -> tuple[tuple[str, Path], ...]:
    """Return the BuildKit secrets that building ``image`` needs: the id and the file of each."""
    return tuple((name, file) for name in _SECRETS if (file := getattr(image, name)) is not None)


def render_context(participant: Participant) -> tuple[GeneratedFile, ...]:
    """Return the files of ``images/<service>/``."""
    folder = PurePosixPath("images", participant.service)
    files = {
        "requirements.txt": _requirements(participant.image).encode(),
        **{name: read_template(name) for name in _SCRIPTS},
    }
    files[".dockerignore"] = ("*\n" + "".join(f"!{name}\n" for name in sorted(files))).encode()
    files["Dockerfile"] = _dockerfile(participant.image, inputs_hash(participant)).encode()
    return tuple(
        GeneratedFile(folder / name, content, 0o755 if name.endswith(".sh") else 0o644)
        for name, content in sorted(files.items())
    )


def inputs_hash(participant: Participant) -> str:
    """Return the SHA-256 (hex) of all that goes into the image: an image with another label is stale."""
    digest = hashlib.sha256(_dockerfile(participant.image, "").encode())
    digest.update(_requirements(participant.image).encode())
    for name in _SCRIPTS:
        digest.update(read_template(name))
    return digest.hexdigest()


def _dockerfile(image: Image, inputs: str) -> str:
    secrets = [
        {"id": name, "target": _SECRETS[name][0], "variable": _SECRETS[name][1]} for name, _ in build_secrets(image)
    ]
    return render_template("Dockerfile.j2", image=image, secrets=secrets, inputs=inputs)


def _requirements(image: Image) -> str:
    own = (
        image.requirements if not image.requirements or image.requirements.endswith("\n") else image.requirements + "\n"
    )
    return f"nvflare=={image.nvflare}\n{own}"
