"""What composer.yml says of a participant and cannot be run is refused when it is read, and not by the engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from composer.definition import DataMount, Definition, ImageChoice, ParticipantChoice, Ulimit
from composer.images.native_wheels import default_target
from composer.model.errors import ComposerError
from composer.model.federation import Federation
from composer.render.compose import compose_document
from composer.render.docker_run import run_options
from composer.render.metal import render_metal
from composer.render.process_form import ProcessForm
from composer.resolve.choices import resolve_shm_size
from composer.runtimes.gpus import require_cpus
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
        (ParticipantChoice(shm_size=""), "'' is no size"),
        (ParticipantChoice(cpus=0), "cpus: 0 is no number of at least 0.01"),
        (ParticipantChoice(cpus=float("nan")), "cpus: nan is no number"),
        (ParticipantChoice(cpus=float("inf")), "cpus: inf is no number"),
        (ParticipantChoice(ulimits={"nofiles": Ulimit(1, 1)}), "ulimits.nofiles is no limit"),
        (ParticipantChoice(ulimits={"nofile": Ulimit(-2, 1)}), "ulimits.nofile: a limit is no less than 0"),
        (ParticipantChoice(ulimits={"nofile": Ulimit(2, 1)}), "soft (2) is more than hard (1)"),
        (ParticipantChoice(ulimits={"nofile": Ulimit(-1, 1)}), "soft (-1) is more than hard (1)"),
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


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("/", "the private key of server1"),
        ("/etc", "the host's /etc"),
        ("/etc/ssl/private", "the host's /etc"),
        ("/run", "the host's /run/docker.sock"),
        ("/var/run/docker.sock", "the host's /var/run"),
        ("/home", "all of the host's /home"),
        ("/d", "the deployment folder"),
        ("/d/kits/x", "the deployment folder"),
        ("/srv/flare/workspace", "the private key of server1"),
        ("/srv/flare/workspace/example/prod_00/server1/startup", "the private key of server1"),
    ],
)
def test_no_job_is_shown_what_belongs_to_the_host_or_to_another_participant(source: str, shown: str) -> None:
    with pytest.raises(ComposerError) as caught:
        chosen(ParticipantChoice(data=(DataMount(Path(source), "/data"),)))
    assert caught.value.message == f"participants.site-1.data: {source} would show jobs {shown}"


@pytest.mark.parametrize("source", ["/home/me/ct", "/srv/flare/data", "/var/lib/ct", "/etcetera"])
def test_data_beside_it_is_shown(source: str) -> None:
    assert chosen(ParticipantChoice(data=(DataMount(Path(source), "/data"),))).participants[1].data[0].read_only


@pytest.mark.parametrize("name", ["FLARE_WORKSPACE", "PATH"])
def test_nor_do_images_set_what_composer_sets(name: str) -> None:
    with pytest.raises(ComposerError, match=f"image.environment: '{name}' is set by composer itself"):
        chosen(ParticipantChoice(), ImageChoice(environment={name: "/x"}))


@pytest.mark.parametrize("size", ["8g", "512m", "1.5GiB", "1073741824", "64 mb"])
def test_sizes(size: str) -> None:
    assert chosen(ParticipantChoice(shm_size=size)).participants[1].shm_size == size


GIB = 1 << 30


@pytest.mark.parametrize(
    ("memory", "machine", "size"),
    [(None, 0, "1024m"), (None, 64 * GIB, "1024m"), (None, GIB + 12345, "512m"), ("16g", 64 * GIB, "8192m")],
)
def test_shared_memory_is_enough_for_data_loaders_and_never_most_of_the_memory(
    memory: str | None, machine: int, size: str
) -> None:
    assert resolve_shm_size("site-1", ParticipantChoice(memory=memory), True, machine) == size
    # Who runs without a container has the machine's own.
    assert resolve_shm_size("site-1", ParticipantChoice(memory=memory), False, machine) == ""


@pytest.mark.parametrize(("cpus", "written"), [(4, "4"), (1.5, "1.5"), (0.01, "0.01"), (100, "100")])
def test_processors(cpus: float, written: str) -> None:
    assert chosen(ParticipantChoice(cpus=cpus)).participants[1].cpus == written


def test_more_processors_than_there_are_are_refused_before_the_engine_does() -> None:
    site = chosen(ParticipantChoice(cpus=8)).participants[1]
    with pytest.raises(ComposerError, match="site-1 is to have 8 CPUs, and its machine has 2") as caught:
        require_cpus([site], 2)
    assert "cpus: 2" in caught.value.hint
    require_cpus([site], 8)
    require_cpus([site], 0)


def test_plain_processes_are_told_what_limits_none_of_them() -> None:
    definition = Definition(
        runtime="process",
        participants={"site-1": ParticipantChoice(memory="2g", cpus=2, tmp="disk", ulimits={"nofile": Ulimit(9, 9)})},
    )
    federation = resolve(kit(SERVER, "server"), kit("site-1", "client"), definition=definition)
    told = list(ProcessForm().warnings(federation))
    assert [text.split(" ha")[0] for text in told] == [
        "site-1: without containers memory",
        "site-1: without containers cpus",
        "site-1: without containers tmp",
        "site-1: without containers ulimits",
    ]


def test_without_compose_limits_are_the_same() -> None:
    site = chosen(ParticipantChoice(cpus=1.5, ulimits={"nofile": Ulimit(1024, 4096), "memlock": Ulimit(-1, -1)}))
    options = run_options(compose_document(site)["services"]["site-1"], "")
    assert {"--cpus=1.5", "--ulimit=nofile=1024:4096", "--ulimit=memlock=-1:-1", "--shm-size=1024m"} <= set(options)


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
