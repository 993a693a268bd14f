"""ImageChoice → Image: what a participant's image is made of. Pure."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path

from composer.definition import ImageChoice
from composer.images.build_inputs import BuildInputs
from composer.images.lock import lock_key
from composer.kits.releases import RELEASES, minor_release, python_for
from composer.model.errors import ComposerError
from composer.model.federation import Image
from composer.model.names import fault_of_variable

# These end up in the instructions of a Dockerfile: nothing else than such a name may get there.
_BASE = re.compile(r"[a-z0-9][A-Za-z0-9._/:-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*|@sha256:[0-9a-f]{64})", re.ASCII)
_OFFICIAL = re.compile(r"python:(\d+)\.(\d+)\b", re.ASCII)
# As Docker reads names: the first part is a host only if it has a dot or a port, or is localhost.
_REGISTRY = re.compile(
    r"(?:localhost|[a-z0-9][a-z0-9-]*(?:\.[a-z0-9][a-z0-9-]*)+(?::\d{1,5})?|[a-z0-9][a-z0-9-]*:\d{1,5})"
    r"(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*",
    re.ASCII,
)
_NVFLARE = re.compile(r"[0-9][0-9A-Za-z.+!]*", re.ASCII)
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9]+)?(=[A-Za-z0-9.+:~-]+)?", re.ASCII)
_OPTION = re.compile(r"--?[A-Za-z][^\x00-\x1f\x7f]*")
_ONE_LINE = re.compile(r"[^\x00-\x1f\x7f]*")
_PASSWORD = re.compile(r"://[^/\s@]+@")
_OTHER_FILE = re.compile(r"^\s*(-[rce]\b|--requirement|--constraint|--editable|\.{0,2}/|file:).*", re.MULTILINE)


def resolve_image(
    repository: str, nvflare: str, own: ImageChoice, common: ImageChoice, build_inputs: BuildInputs
) -> Image:
    """Resolve what goes into a participant's image.

    Args:
        repository: The image's name without its tag.
        nvflare: The version of NVFLARE that fits the kit.
        own: The participant's choice; what it leaves out, ``common`` fills in.
        common: The federation's choice.
        build_inputs: The contents of the files that the choices name.

    Raises:
        ComposerError: A choice is not what its key stands for.
    """
    choice = _laid_over(own, common)
    version = _checked("nvflare", choice.nvflare or nvflare, _NVFLARE, "write a version, such as 2.9.0")
    base = _base(choice.base or default_base(version), version)
    packages = {
        _checked("packages", name, _PACKAGE, "write names of Debian packages") for name in choice.packages or ()
    }
    registry = _registry(choice.registry)
    image = Image(
        tag=f"{registry}{'/' if registry else ''}{repository}:{version.replace('+', '-').replace('!', '-')}",
        base=base,
        nvflare=version,
        packages=tuple(sorted(packages)),
        requirements=_requirements(version, choice.requirements, build_inputs),
        pip_options=tuple(
            _secretless("pip_options", _checked("pip_options", option, _OPTION, "write one option an item"))
            for option in choice.pip_options or ()
        ),
        environment=_environment({**dict(common.environment or {}), **dict(own.environment or {})}),
        wheels=build_inputs.wheelhouses[choice.wheels] if choice.wheels else None,
        ca_bundle=choice.ca_bundle,
        pip_config=choice.pip_config,
        pythons=_pythons(base, version),
        registry=registry,
        build_network="host" if choice.build_network == "host" else "",
    )
    return replace(image, lock=build_inputs.locks.get((choice.wheels, lock_key(image)), ""))


def _laid_over(own: ImageChoice, common: ImageChoice) -> ImageChoice:
    chosen = {field.name: getattr(own, field.name) for field in fields(ImageChoice)}
    return replace(common, **{name: value for name, value in chosen.items() if value is not None})


def default_base(nvflare: str) -> str:
    """Return the base image that fits a version of NVFLARE."""
    major, minor = python_for(nvflare)
    return f"python:{major}.{minor}-slim-bookworm"


def _base(base: str, nvflare: str) -> str:
    _checked("base", base, _BASE, "write it with its tag, such as python:3.12-slim-bookworm")
    if base.endswith(":latest"):
        raise ComposerError(f"image.base: {base} is another image every day", "name the tag that you mean")
    release, python = RELEASES.get(minor_release(nvflare)), _OFFICIAL.match(base)
    if release and python and not release.runs_on((int(python[1]), int(python[2]))):
        newest = ".".join(map(str, release.newest_python))
        raise ComposerError(
            f"image.base: NVFLARE {nvflare} does not run on {base}", f"it runs on Python until {newest}"
        )
    return base


def _registry(chosen: str | None) -> str:
    if chosen is None:
        return ""
    return _checked(
        "registry", chosen, _REGISTRY, "write it as in an image's name, such as registry.example:5000/flare"
    )


def _pythons(base: str, nvflare: str) -> tuple[tuple[int, int], tuple[int, int]] | None:
    release = RELEASES.get(minor_release(nvflare))
    return (release.oldest_python, release.newest_python) if release and not _OFFICIAL.match(base) else None


def _requirements(nvflare: str, file: Path | None, build_inputs: BuildInputs) -> str:
    """Return what is asked of pip: NVFLARE in its version, unless the user's own file says which, and that file."""
    own = build_inputs.requirements[file] if file else ""
    elsewhere = _OTHER_FILE.search(own)
    if elsewhere:
        raise ComposerError(
            f"{file}: {elsewhere[0].strip()!r} names another file, and only this one comes into the build",
            "write all requirements into it, and local packages as wheels into image.wheels",
        )
    _secretless(str(file), own)
    named = re.search(r"^nvflare\b", own, re.MULTILINE | re.IGNORECASE)
    if "--hash=" in own and not named:
        raise ComposerError(
            f"{file} has hashes, but not those of nvflare", "add nvflare and all that it needs, or leave out the hashes"
        )
    asked = own if named else f"nvflare=={nvflare}\n{own}"
    return asked if asked.endswith("\n") else asked + "\n"


def _environment(values: dict[str, str]) -> tuple[tuple[str, str], ...]:
    for name in values:
        if fault := fault_of_variable(name):
            raise ComposerError(f"image.environment: {name!r} {fault}", "write NAME: value, with another name")
    return tuple(
        (name, _checked(f"environment.{name}", values[name], _ONE_LINE, "write it in one line"))
        for name in sorted(values)
    )


def _checked(key: str, value: str, pattern: re.Pattern[str], hint: str) -> str:
    if not pattern.fullmatch(value):
        raise ComposerError(f"image.{key}: {value!r} will not do", hint)
    return value


def _secretless(where: str, text: str) -> str:
    if _PASSWORD.search(text):
        raise ComposerError(
            f"{where} holds a password, and it would be kept with the image",
            "put it into a pip.conf and name that as image.pip_config: it never gets into an image",
        )
    return text
