"""The shapes that images come in; each is kept as a file, and really built in ``tests/docker/images``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from composer.definition import ImageChoice
from composer.images.build_inputs import BuildInputs
from composer.images.lock import key_of_lock, lock_key
from composer.model.federation import Participant, Wheelhouse
from composer.resolve.image import resolve_image
from tests.golden.cases import two_sites

REQUIREMENTS = "packaging==25.0\n"
_FILE, _WHEELS = Path("/srv/flare/requirements.txt"), Path("/srv/flare/wheels")

SHAPES = {
    "slim": ImageChoice(),
    "without-python": ImageChoice(base="debian:12-slim"),
    "requirements": ImageChoice(
        base="debian:12",
        packages=("libgomp1",),
        requirements=_FILE,
        pip_options=("--retries=2",),
        environment={"GREETING": 'a "b" $c \\d'},
    ),
    "wheels": ImageChoice(base="debian:12", wheels=_WHEELS),
    "gpu-framework": ImageChoice(base="nvcr.io/nvidia/pytorch:25.04-py3"),
}


def shape(name: str) -> Participant:
    """A site whose image has this shape, pinned to a lock where it has one."""
    house = Wheelhouse(_WHEELS, "flare-composer-wheels:0123456789abcdef", has_pip=True)
    choice = SHAPES[name]
    build_inputs = BuildInputs({_FILE: REQUIREMENTS}, wheelhouses={_WHEELS: house})
    image = resolve_image("example/site-1", "2.9.0", choice, ImageChoice(), build_inputs)
    lock = f"# Found out by composer for {lock_key(image)}\nnvflare==2.9.0 --hash=sha256:{'a' * 64}\n"
    assert key_of_lock(lock)
    site = next(participant for participant in two_sites().participants if participant.name == "site-1")
    return replace(site, image=replace(image, lock=lock))
