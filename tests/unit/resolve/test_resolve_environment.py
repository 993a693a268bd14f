"""Plain processes run in a Python environment of the user's own where composer.yml names one."""

from __future__ import annotations

from pathlib import Path

import pytest

from composer.definition import Definition, HostChoice, ParticipantChoice
from composer.images.build_inputs import BuildInputs
from composer.model.errors import ComposerError
from composer.model.federation import Federation
from composer.model.kit import Project
from composer.render.process_form import ProcessForm
from composer.resolve import resolve_federation
from tests.golden.cases import OWNER, SERVER, kit

FLARE = Path("/opt/flare")
WARD = HostChoice("10.77.0.3", "ssh://ward", "/srv/flare", runtime="process", nvflare_environment="/opt/conda/envs/fl/")


def resolve(definition: Definition, apart: bool = False) -> Federation:
    project = Project("example", (kit(SERVER, "server"), kit("site-1", "client")))
    return resolve_federation(project, definition, BuildInputs(), Path("/d"), OWNER, apart=apart)


def environments(federation: Federation) -> dict[str, str]:
    return {one.name: one.image.existing_environment for one in federation.participants}


@pytest.mark.parametrize("apart", [False, True])
def test_each_host_may_have_its_own(apart: bool) -> None:
    definition = Definition(
        runtime="process",
        nvflare_environment=FLARE,
        hosts={"ward": WARD},
        participants={"site-1": ParticipantChoice(host="ward")},
    )
    assert environments(resolve(definition, apart)) == {SERVER: "/opt/flare", "site-1": "/opt/conda/envs/fl"}


def test_a_host_that_is_this_machine_may_say_it_too() -> None:
    desk = HostChoice("10.77.0.1", "local", nvflare_environment="/usr")
    definition = Definition(runtime="process", nvflare_environment=FLARE, hosts={"desk": desk})
    assert environments(resolve(definition)) == {SERVER: "/usr", "site-1": "/usr"}


def test_containers_have_nothing_of_it() -> None:
    definition = Definition(
        nvflare_environment=FLARE, hosts={"ward": WARD}, participants={"site-1": ParticipantChoice(host="ward")}
    )
    assert environments(resolve(definition)) == {SERVER: "", "site-1": "/opt/conda/envs/fl"}


def test_it_is_what_the_participant_is_said_to_run_from() -> None:
    participant = resolve(Definition(runtime="process", nvflare_environment=FLARE)).participants[0]
    assert ProcessForm().origin(participant).name == "/opt/flare"


@pytest.mark.parametrize(
    ("definition", "cause"),
    [
        (Definition(nvflare_environment=FLARE), "all participants run in containers"),
        (
            Definition(runtime="process", hosts={"a": HostChoice("10.0.0.1", "ssh://a", "/f", "here", "docker", "/o")}),
            "hosts.a.nvflare_environment: participants run in containers there",
        ),
        (Definition(runtime="process", nvflare_environment=Path("/opt/my flare")), "has a blank, a colon or a quote"),
        (
            Definition(
                hosts={"a": HostChoice("10.0.0.1", "ssh://a", "/f", "here", "process", "opt/flare")},
                participants={"site-1": ParticipantChoice(host="a")},
            ),
            "hosts.a.nvflare_environment: 'opt/flare' is not absolute",
        ),
    ],
)
def test_what_cannot_be_is_refused(definition: Definition, cause: str) -> None:
    with pytest.raises(ComposerError) as caught:
        resolve(definition)
    assert cause in caught.value.message
