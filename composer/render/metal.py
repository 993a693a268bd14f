"""Federation → what runs it without containers: scripts, and what they must know of each participant. Pure.

The same files make a deployment of ``runtime: process`` and a bundle. The scripts are composer's own and hold no
value of anybody's; every value is in ``participants/*.conf`` and ``python/*/python.conf``, quoted for the shell.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from composer.kits.releases import nearest_release
from composer.model.federation import Image, Participant
from composer.model.files import GeneratedFile
from composer.render.compose import no_proxy
from composer.render.templates import read_template, templates_folder

VENVS = "venvs"
_SHARED = ("entrypoint.sh", "healthcheck.sh")
_Value = str | Sequence[str]
_PYTHON_FILES = ("packages.py", "drivers/acceptance.py", "drivers/unix_socket_driver.py")


def render_metal(
    participants: Sequence[Participant], kits: PurePosixPath | None = None, python: str | None = None
) -> tuple[GeneratedFile, ...]:
    """Return the scripts and the configuration of participants that run as plain processes.

    Args:
        participants: Those of one host.
        kits: Where their kits lie, relative to the scripts; None: where they were found.
        python: The only version that will do, since wheels are for it; None: what NVFLARE accepts.
    """
    files = [*scripts("scripts", "metal"), *_shared()]
    for participant in participants:
        # In a bundle, always: where it is unpacked, modes may be all that keeps others away.
        private = kits is not None or bool(list(_chosen(participant)))
        kit = str(participant.kit.path if kits is None else kits / participant.service)
        content = _participant(participant, kit)
        files.append(_file(f"participants/{participant.service}.conf", content, 0o600 if private else 0o644))
        if participant.private:
            files += _private_conf(participant)
    for image in {environment_name(p.image): p.image for p in participants}.values():
        folder = f"python/{environment_name(image)}"
        files.append(_file(f"{folder}/python.conf", _python(image, python, at_home=kits is None)))
        files.append(_file(f"{folder}/requirements.txt", image.requirements))
    return tuple(files)


def environment_name(image: Image) -> str:
    """Return the name of the virtual environment that has what ``image`` asks for: its version and a short hash."""
    wheels = image.wheels.image if image.wheels else ""
    asked = "\0".join([image.requirements, *image.pip_options, wheels, *filter(None, [image.existing_environment])])
    return f"{image.nvflare}-{hashlib.sha256(asked.encode()).hexdigest()[:8]}"


def environment_folder(image: Image) -> str:
    """Return where the Python environment is that ``image`` is for: below the scripts, unless it is the user's own."""
    return image.existing_environment or f"{VENVS}/{environment_name(image)}"


def scripts(*folders: str) -> Iterator[GeneratedFile]:
    """Yield the scripts of folders of ``dockerfiles/``, with their paths below these."""
    for top in (templates_folder() / folder for folder in folders):
        for path in sorted(top.rglob("*")):
            if path.suffix in (".sh", ".py"):
                mode = 0o755 if path.suffix == ".sh" else 0o644
                yield GeneratedFile(PurePosixPath(path.relative_to(top)), path.read_bytes(), mode)


def _shared() -> Iterator[GeneratedFile]:
    for name in _SHARED:
        yield GeneratedFile(PurePosixPath("lib", name), read_template(name), 0o755)
    for name in _PYTHON_FILES:
        yield GeneratedFile(PurePosixPath("lib", name), read_template(name))


def _participant(participant: Participant, kit: str) -> str:
    launch = participant.kit.launch
    dialled = participant.kit.connects_to[0] if participant.kit.connects_to else None
    own = participant.kit.listens_on[0] if participant.kit.listens_on else None
    return assignments(
        name=participant.name,
        type=participant.type,
        kit=kit,
        local=f"local/{participant.service}" if participant.local_files else "",
        module=launch.module if launch else "",
        config=launch.config if launch else "",
        settings=launch.settings if launch else (),
        python=participant.image.existing_environment or environment_name(participant.image),
        dials=dialled.host if dialled else "127.0.0.1",
        port=str(dialled.port if dialled else own.port if own else 0),
        security=participant.kit.connection_security,
        identity=(dialled.identity or participant.kit.server_identity) if dialled else participant.name,
        hosts=[f"{entry.address} {entry.name}" for entry in participant.host_entries],
        no_proxy=no_proxy(participant),
        environment=[f"{name}={value}" for name, value in _environment(participant)],
        # Who runs is started anew where this is another one.
        **({"private_digest": _private_digest(participant)} if participant.private else {}),
    )


def _private_conf(participant: Participant) -> Iterator[GeneratedFile]:
    # Most participants have none.
    from composer.render.private import private_conf

    return private_conf(participant)


def _private_digest(participant: Participant) -> str:
    from composer.render.private import private_digest

    return private_digest(participant)


def _chosen(participant: Participant) -> Iterator[tuple[str, str]]:
    """What composer.yml says, which may be passwords."""
    yield from participant.image.environment
    yield from participant.environment
    yield from participant.private


def _environment(participant: Participant) -> Iterator[tuple[str, str]]:
    yield from participant.image.environment
    if participant.gpus and participant.gpus != "all":
        yield "CUDA_VISIBLE_DEVICES", ",".join(participant.gpus)
    yield from participant.environment


def _python(image: Image, python: str | None, at_home: bool) -> str:
    """What is this machine's own, a proxy's certificate and pip's configuration, stays ``at_home``."""
    release = nearest_release(image.nvflare)
    wheels = ["--no-index", f"--find-links={image.wheels.folder}"] if image.wheels and at_home else []
    return assignments(
        nvflare=image.nvflare,
        existing=image.existing_environment,
        oldest=python or ".".join(map(str, release.oldest_python)),
        newest=python or ".".join(map(str, release.newest_python)),
        options=[*image.pip_options, *wheels],
        ca_bundle=str(image.ca_bundle or "") if at_home else "",
        pip_config=str(image.pip_config or "") if at_home else "",
    )


def assignments(**values: _Value) -> str:
    """Return shell assignments, each value quoted once; a sequence becomes an array."""
    return "".join(f"{name}={_quoted(value)}\n" for name, value in values.items())


def _quoted(value: _Value) -> str:
    return shlex.quote(value) if isinstance(value, str) else f"({' '.join(map(shlex.quote, value))})"


def _file(path: str, content: str, mode: int = 0o644) -> GeneratedFile:
    return GeneratedFile(PurePosixPath(path), content.encode(), mode)
