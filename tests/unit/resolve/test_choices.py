"""What composer.yml says of a participant and cannot be run is refused when it is read, and not by the engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from composer.definition import DataMount, Definition, ImageChoice, ParticipantChoice
from composer.images.native_wheels import default_target
from composer.model.errors import ComposerError
from composer.model.federation import Federation
from composer.render.metal import render_metal
from tests.golden.cases import SERVER, kit
from tests.unit.resolve.test_resolve import resolve

PLACE = Path("/srv/ct")


def chosen(choice: ParticipantChoice, image: ImageChoice | None = None) -> Federation:
    definition = Definition(image=image or ImageChoice(), participants={"site-1": choice})
    return resolve(kit(SERVER, "server"), kit("site-1", "client"), definition=definition)


def mounted(*targets: str) -> ParticipantChoice:
    return ParticipantChoice(data=tuple(DataMount(PLACE / str(at), target) for at, target in enumerate(targets)))


@pytest.mark.parametrize(
    ("choice", "cause"),
    [
        (mounted("data"), "the target 'data' is not absolute"),
        (mounted("/data", "/data/"), "/data is the target of two mounts"),
        (mounted("/workspace/startup"), "/workspace/startup would hide what site-1 has in /workspace"),
        (mounted("/workspace/mine"), "/workspace/mine would hide"),
        (mounted("/data/../workspace"), "would hide what site-1 has in /workspace"),
        (mounted("/tmp"), "/tmp would hide what site-1 has in /tmp/nvflare"),
        (mounted("/"), "/ would hide"),
        (mounted("/usr"), "/usr would hide"),
        (ParticipantChoice(shm_size="lots"), "'lots' is no size"),
        (ParticipantChoice(gpus=("0", "a,b")), "'a,b' is no GPU"),
        (ParticipantChoice(environment={"FLARE_WORKSPACE": "/x"}), "'FLARE_WORKSPACE' is set by composer itself"),
        (ParticipantChoice(environment={"PATH": "/x"}), "'PATH' is set by composer itself"),
        (ParticipantChoice(environment={"A B": "c"}), "'A B' is no variable's name"),
    ],
)
def test_what_cannot_be_run_is_refused(choice: ParticipantChoice, cause: str) -> None:
    with pytest.raises(ComposerError) as caught:
        chosen(choice)
    assert cause in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("name", ["FLARE_WORKSPACE", "PATH"])
def test_nor_do_images_set_what_composer_sets(name: str) -> None:
    with pytest.raises(ComposerError, match=f"image.environment: '{name}' is set by composer itself"):
        chosen(ParticipantChoice(), ImageChoice(environment={name: "/x"}))


@pytest.mark.parametrize("size", ["8g", "512m", "1.5GiB", "1073741824", "64 mb"])
def test_sizes(size: str) -> None:
    assert chosen(ParticipantChoice(shm_size=size)).participants[1].shm_size == size


@pytest.mark.parametrize("gpu", ["0", 1, "GPU-8f2e1c4a-1", "MIG-1/2/3", "nvidia.com/gpu=0"])
def test_gpus(gpu: str | int) -> None:
    assert chosen(ParticipantChoice(gpus=(gpu,))).participants[1].gpus == (str(gpu),)


@pytest.mark.parametrize("target", ["/data", "/usr/share/ct", "/local/custom", "/mnt/a", "/workspaces"])
def test_targets(target: str) -> None:
    assert [mount.target for mount in chosen(mounted(target)).participants[1].data] == [target]


@pytest.mark.parametrize(
    ("release", "nvflare", "newest"),
    [("2.9", "2.10.0", "3.14"), ("2.9", "2.11.0rc1", "3.14"), ("2.4", "2.3.9", "3.10")],
)
def test_a_release_of_nvflare_that_is_not_known_runs_on_the_pythons_of_its_neighbour(
    release: str, nvflare: str, newest: str
) -> None:
    site = kit("site-1", "client", release=release)
    federation = resolve(site, definition=Definition(image=ImageChoice(nvflare=nvflare)))
    (conf,) = (file for file in render_metal(federation.participants) if file.path.name == "python.conf")
    assert f"newest={newest}\n" in conf.content.decode()
    images = [one.image for one in federation.participants]
    with pytest.raises(ComposerError, match=f"NVFLARE {nvflare} does not run on Python 3.99"):
        default_target(images, "3.99", None)
