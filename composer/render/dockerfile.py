"""A participant's build context: its Dockerfile and the few files that this copies. Nothing of a kit is in it."""

from __future__ import annotations

import functools
import hashlib
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from composer import __version__
from composer.model.federation import Image, Participant
from composer.model.files import GeneratedFile
from composer.model.kinds import ParticipantType
from composer.render.templates import read_template, render_template

LOCK = "requirements.lock"
REQUIREMENTS = "requirements.txt"
# What the resolution leaves in place of a lock where uv cannot be used: why.
WITHOUT_UV = "without-uv"
WHEELS_DOCKERFILE = "images/.wheels/Dockerfile"
# What a build takes from the environment that it is started in: proxies, and the time that stands for now.
BUILD_ARGUMENTS = (
    "SOURCE_DATE_EPOCH",
    *(name for proxy in ("http_proxy", "https_proxy", "no_proxy") for name in (proxy, proxy.upper())),
)
_SCRIPTS = ("entrypoint.sh", "healthcheck.sh")
_DRIVERS = ("acceptance.py", "unix_socket_driver.py")
_PACKAGES = "packages.py"
_INDEX_OPTION = re.compile(
    r"-[if](?![a-z-])|--(?:(?:extra-)?index-url|find-links|no-index|trusted-host|proxy|(?:client-)?cert)\b"
)
# Where a build secret is mounted, and pip's own variable that names it. Under /dev, which is no part of the
# image, nothing of the mount stays behind.
_SECRETS = {
    "ca_bundle": ("/dev/ca_bundle", "PIP_CERT"),
    "pip_config": ("/dev/pip_config", "PIP_CONFIG_FILE"),
}


def build_secrets(image: Image) -> tuple[tuple[str, Path], ...]:
    """Return the BuildKit secrets that building ``image`` needs: the id and the file of each."""
    return tuple((name, file) for name in _SECRETS if (file := getattr(image, name)) is not None)


def render_context(participant: Participant) -> tuple[GeneratedFile, ...]:
    """Return the files of ``images/<service>/``."""
    image, kind = _untagged(participant.image), participant.type
    files = {**_copied(image), "Dockerfile": _dockerfile(image, kind, __version__, _inputs_hash(image, kind)).encode()}
    return _context(PurePosixPath("images", participant.service), files)


def render_contexts(participants: Sequence[Participant]) -> tuple[GeneratedFile, ...]:
    """Return the build contexts of the participants' images, and what those with wheels share."""
    files = list(render_wheels()) if any(one.image.wheels for one in participants) else []
    for one in participants:
        files += render_context(one)
    return tuple(files)


def render_resolution(image: Image) -> tuple[GeneratedFile, ...]:
    """Return a build context that finds out what uv would install (target ``lock``) or collects it (``wheels``).

    It is built with the participant's own base image, since what fits depends on its Python and its platform.
    """
    files = {**_requirements(image), "Dockerfile": render_template("resolve.j2", **_values(image)).encode()}
    return _context(PurePosixPath(), files)


def render_wheels() -> tuple[GeneratedFile, ...]:
    """Return what makes an image of a wheelhouse: its own folder is the context, and only wheels leave it."""
    folder = PurePosixPath(WHEELS_DOCKERFILE)
    return (
        GeneratedFile(folder, b"FROM scratch\nCOPY *.whl /\n"),
        GeneratedFile(folder.with_name("Dockerfile.dockerignore"), b"*\n!*.whl\n"),
    )


def inputs_hash(participant: Participant) -> str:
    """Return the SHA-256 (hex) of all that goes into the image: an image with another label is stale.

    composer's own version is not among it: what it changes in an image, it changes in these files.
    """
    return _inputs_hash(_untagged(participant.image), participant.type)


def _untagged(image: Image) -> Image:
    """The tag is all that tells most images of a federation apart, and it does not enter them."""
    return replace(image, tag="")


@functools.lru_cache
def _inputs_hash(image: Image, kind: ParticipantType) -> str:
    digest = hashlib.sha256(_dockerfile(image, kind, "", "").encode())
    for name, content in sorted(_copied(image).items()):
        digest.update(name.encode() + b"\0" + content)
    return digest.hexdigest()


def _context(folder: PurePosixPath, files: Mapping[str, bytes]) -> tuple[GeneratedFile, ...]:
    # The values of image.environment are in it, and the engine reads it as whoever builds.
    modes = {"Dockerfile": 0o600, **{name: 0o755 for name in files if name.endswith(".sh")}}
    ignore = "*\n" + "".join(f"!{name}\n" for name in sorted(files) if name != "Dockerfile")
    return tuple(
        GeneratedFile(folder / name, content, modes.get(name, 0o644))
        for name, content in sorted({**files, ".dockerignore": ignore.encode()}.items())
    )


@functools.lru_cache
def _copied(image: Image) -> Mapping[str, bytes]:
    scripts = {name: read_template(name) for name in _SCRIPTS}
    drivers = {name: read_template(f"drivers/{name}") for name in _DRIVERS}
    return {**_requirements(image), **scripts, **drivers}


def _requirements(image: Image) -> dict[str, bytes]:
    files = {REQUIREMENTS: image.requirements.encode(), _PACKAGES: read_template(_PACKAGES)}
    if image.lock:
        files[LOCK] = image.lock.encode()
    return files


@functools.lru_cache
def _dockerfile(image: Image, kind: ParticipantType, version: str, inputs: str) -> str:
    environment = [(name, _dockerfile_string(value)) for name, value in image.environment]
    return render_template(
        "Dockerfile.j2",
        **_values(image),
        requirements=LOCK if image.lock else REQUIREMENTS,
        environment=environment,
        type=kind,
        version=version,
        inputs=inputs,
    )


def _values(image: Image) -> dict[str, object]:
    names = tuple(_SECRETS) if image.elsewhere else tuple(name for name, _ in build_secrets(image))
    secrets = [(name, *_SECRETS[name]) for name in names]
    seen = {target: _if_mounted(target) if image.elsewhere else target for _, target, _ in secrets}
    mounts = [f"--mount=type=secret,id={name},target={target}" for name, target, _ in secrets]
    certificate, _ = _SECRETS["ca_bundle"]
    apt = "--mount=type=cache,id=flare-composer-apt,target=/var/cache/apt,sharing=locked"
    pip = [f"--mount=type=cache,id=flare-composer-{name},target=/root/.cache/{name}" for name in ("pip", "uv")]
    wheels = [f"--mount=type=bind,from={image.wheels.image},target=/wheels"] if image.wheels else []
    return {
        "image": image,
        "pip_wheel": bool(image.wheels and image.wheels.has_pip),
        "apt_mounts": _lines([apt, *mounts]),
        "apt_options": f"-o Acquire::https::CAInfo={seen[certificate]} " if certificate in seen else "",
        "pip_mounts": _lines([*pip, *wheels, *mounts]),
        # uv takes what it has built without hashes from no cache where hashes count, and the other way round.
        "lock_mounts": _lines([pip[1].replace("-uv", "-uv-lock"), *wheels, *mounts]),
        "settings": "".join(f"{variable}={seen[target]} " for _, target, variable in secrets),
        "uv": _programs(image),
        "pip_options": _after_dashes(_pip_options(image)),
        "index_options": _after_dashes(_index_options(image)),
    }


def _if_mounted(target: str) -> str:
    """Where the secret was not given, nothing is mounted: apt and pip take an empty setting for none."""
    return f'"$(ls {target} 2>/dev/null)"'


def _lines(mounts: list[str]) -> str:
    return " \\\n    ".join(mounts)


def _programs(image: Image) -> str:
    """Where uv and pip are, which are never in the environment that they install into; wheels of them serve as well."""
    uv = "/wheels/uv-*.whl" if image.wheels else "/opt/pip/bin/uv"
    pip = "/wheels/pip-*.whl" if image.wheels and image.wheels.has_pip else "/opt/pip/lib/python3*/site-packages"
    return f"--uv '{uv}' --pip '{pip}'"


def _after_dashes(options: Sequence[str]) -> str:
    return f" -- {shlex.join(options)}" if options else ""


def _pip_options(image: Image) -> tuple[str, ...]:
    return (*image.pip_options, "--no-index", "--find-links=/wheels") if image.wheels else image.pip_options


def _index_options(image: Image) -> list[str]:
    """Those that say where packages are: uv comes from there, too, and again only when they change."""
    lines = [line.partition(" #")[0].strip().split(maxsplit=1) for line in image.requirements.splitlines()]
    given = [[option] for option in _pip_options(image)]
    return [part for parts in [*given, *lines] if parts and _INDEX_OPTION.match(parts[0]) for part in parts]


def _dockerfile_string(value: str) -> str:
    """Return ``value`` between double quotes, so that Docker takes it as it is."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{escaped}"'
