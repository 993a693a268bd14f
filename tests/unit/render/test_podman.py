"""What Podman and systemd get to read: what a service says, whatever signs are in it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from composer.deployment.layout import QUADLETS, RUN_FILE
from composer.model.errors import ComposerError
from composer.model.federation import Federation
from composer.render.podman_form import PodmanForm
from tests.golden.cases import bridge, one_site, three_hosts, two_sites


def _files(federation: Federation, rootless: bool = True) -> dict[str, str]:
    files = PodmanForm(rootless).files(replace(federation, runtime="podman"))
    return {str(file.path): file.content.decode() for file in files if "images" not in file.path.parts}


def _options(federation: Federation, service: str, rootless: bool = True) -> list[str]:
    document = json.loads(_files(federation, rootless)[RUN_FILE])
    return list(document["services"][service]["options"])


def test_the_server_starts_first_and_nobody_starts_an_admin() -> None:
    services = json.loads(_files(two_sites())[RUN_FILE])["services"]
    assert next(iter(services)) == "server1"
    assert [name for name, one in services.items() if one["by_hand"]] == [list(services)[-1]]
    units = {name for name in _files(two_sites()) if name.startswith(QUADLETS)}
    assert units == {f"{QUADLETS}/example-{name}.container" for name in ("server1", "site-1", "site-2")}


def test_who_runs_podman_without_root_is_the_same_user_in_the_container() -> None:
    assert "--userns=keep-id" in _options(two_sites(), "site-1")
    assert "--userns=keep-id" not in _options(two_sites(), "site-1", rootless=False)
    assert "--user=1000:1000" in _options(two_sites(), "site-1", rootless=False)


def test_a_change_of_one_value_is_another_configuration() -> None:
    def configurations(federation: Federation) -> dict[str, str]:
        services = json.loads(_files(federation)[RUN_FILE])["services"]
        return {name: one["configuration"] for name, one in services.items()}

    before = two_sites()
    participants = tuple(
        replace(one, environment=(("COLOUR", "blue"),)) if one.name == "site-1" else one for one in before.participants
    )
    after = configurations(replace(before, participants=participants))
    assert {name for name, one in configurations(before).items() if after[name] != one} == {"site-1"}


def test_systemd_replaces_nothing_in_a_value() -> None:
    federation = one_site()
    participants = tuple(
        replace(one, environment=(("ODD", 'a "b" 100% $HOME \\ end'),)) for one in federation.participants
    )
    (unit,) = (
        text for name, text in _files(replace(federation, participants=participants)).items() if QUADLETS in name
    )
    assert 'Environment="ODD=a \\"b\\" 100%% $$HOME \\\\ end"' in unit
    assert "AddDevice=nvidia.com/gpu=0\nAddDevice=nvidia.com/gpu=1\n" in unit
    assert 'PodmanArgs="--memory=16g"' in unit
    assert 'PodmanArgs="--mount=type=bind,source=/srv/ct $$2024,target=/data/ct,readonly"' in unit
    assert "Mount=type=bind,source=/srv/out,target=/out\n" in unit


def test_passwords_are_for_their_owner_alone() -> None:
    files = PodmanForm(rootless=True).files(replace(one_site(), runtime="podman"))
    modes = {file.path: file.mode for file in files if "images" not in file.path.parts}
    assert modes[PurePosixPath(RUN_FILE)] == 0o600
    assert {mode for path, mode in modes.items() if path.parts[0] == QUADLETS} == {0o600}


def with_secrets() -> Federation:
    federation = one_site()
    participants = tuple(replace(one, private=(("TOKEN", "x"),)) for one in federation.participants)
    return replace(federation, participants=participants)


@pytest.mark.parametrize(
    ("federation", "said"),
    [(bridge(), "network: bridge"), (three_hosts(), "only on this machine"), (with_secrets(), "env_file")],
)
def test_what_podman_cannot_do_yet_is_refused(federation: Federation, said: str) -> None:
    with pytest.raises(ComposerError, match=said):
        PodmanForm(rootless=True).files(replace(federation, runtime="podman"))
