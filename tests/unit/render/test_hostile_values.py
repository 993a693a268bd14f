"""Texts that no grammar holds back come out of every file that is rendered as they went in."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from composer.definition import DataMount, Definition, ImageChoice, ParticipantChoice
from composer.images.build_inputs import BuildInputs
from composer.model.errors import ComposerError
from composer.model.federation import Federation
from composer.model.files import Owner
from composer.model.kit import Connection, Kit, Listener, Project
from composer.model.names import compose_project_name
from composer.render.compose import render_compose
from composer.render.dockerfile import render_context
from composer.render.hosts import render_hosts
from composer.resolve import resolve_federation
from tests.conftest import ROOT, missing, run
from tests.golden.cases import SERVER, kit
from tests.unit.render.hostile import ANY, NO_DEADLINE, TRAPS

TEXT = st.one_of(st.sampled_from(TRAPS), st.text(st.characters(exclude_categories=("Cs",)), max_size=40))
PATH = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0/"), min_size=1, max_size=40).map(
    lambda text: Path("/srv", text.replace("..", "_"), "x")
)
# All names at once that the grammar lets through: each of them must also stand beside all others.
SITES = st.one_of(
    st.sampled_from(["089", "1e3", "0o17", "null", "on", "CON", "localhost", "Site-1", "site-1", "y", "N", "1_000"]),
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", fullmatch=True),
)


@st.composite
def federations(draw: st.DrawFn) -> Federation:
    names = draw(st.lists(SITES, min_size=8, max_size=20, unique=True))
    hosts = draw(st.lists(st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True), min_size=1, unique=True))
    choices = {
        name: ParticipantChoice(
            environment={"A_VARIABLE": draw(TEXT), "NULL": draw(TEXT)},
            # Beside the kits and the deployment, which no job may be shown.
            data=(DataMount(Path("/mnt", *draw(PATH).parts[2:]), f"/data/{draw(PATH).parent.name}"),),
            memory=draw(st.sampled_from([None, "16g"])),
            shm_size=draw(st.sampled_from([None, "1g"])),
        )
        for name in names
    }
    kits: list[Kit] = [kit(SERVER, "server", owner=Owner(1, 1))]
    for name in names:
        dialled = Connection(SERVER, draw(st.sampled_from([SERVER, *hosts])), 8002)
        path = draw(PATH) / name
        kits.append(kit(name, "client", path=path, connects_to=(dialled,), listens_on=(Listener(f"h-{len(kits)}", 0),)))
    definition = Definition(participants=choices, extra_hosts=dict.fromkeys(hosts, "fd00::1"))
    deployment = draw(PATH)
    return resolve_federation(Project(draw(ANY), tuple(kits)), definition, BuildInputs(), deployment, Owner(1000, 1000))


@pytest.fixture(scope="module")
def compose() -> None:
    """Docker's Compose, which needs no engine to read a file."""
    if run(["docker", "compose", "version"]).returncode:
        missing("there is no Docker Compose v2 here: use `make test`")


def read_by_compose(federation: Federation, folder: Path) -> dict[str, Any]:
    file = folder / "docker-compose.yml"
    file.write_text(render_compose(federation))
    ended = run(["docker", "compose", "-f", file, "config", "--no-path-resolution", "--format", "json"])
    assert ended.returncode == 0, ended.err
    return dict(json.loads(ended.out))


def plain(text: str) -> str:
    """What ``config`` writes, it escapes for being read again."""
    return text.replace("$$", "$")


@pytest.mark.docker
@pytest.mark.usefixtures("compose")
@settings(NO_DEADLINE, max_examples=25)
@given(federations())
def test_compose_reads_exactly_the_intended_strings(tmp_path: Path, federation: Federation) -> None:
    document = read_by_compose(federation, tmp_path)
    assert document["name"] == compose_project_name(federation.name)
    assert list(document["services"]) == sorted(participant.service for participant in federation.participants)
    for participant in federation.participants:
        service = document["services"][participant.service]
        labels = service["labels"]
        assert plain(labels["flare-composer.participant"]) == participant.name
        assert plain(labels["flare-composer.deployment"]) == str(federation.deployment)
        assert participant.kit.launch is not None
        assert service["command"][-len(participant.kit.launch.settings) :] == list(participant.kit.launch.settings)
        environment = {name: plain(value) for name, value in service["environment"].items()}
        assert dict(participant.environment).items() <= environment.items()
        mounts = [(plain(mount["source"]), plain(mount["target"])) for mount in service["volumes"]]
        assert mounts[1][0] == str(participant.kit.path / "startup")
        assert {(str(mount.source), mount.target) for mount in participant.data} <= set(mounts)
        entries = [f"{entry.name}={entry.address}" for entry in participant.host_entries]
        assert sorted(service["extra_hosts"]) == sorted(entries)
        assert service["image"] == participant.image.tag == participant.image.tag.lower()
        assert set(service) <= SERVICE_KEYS


SERVICE_KEYS = {
    *("build", "cap_drop", "command", "depends_on", "entrypoint", "environment", "extra_hosts", "healthcheck", "image"),
    *("init", "labels", "logging", "mem_limit", "network_mode", "pids_limit", "pull_policy", "read_only", "restart"),
    *("security_opt", "shm_size", "stop_grace_period", "tmpfs", "user", "volumes"),
}


@given(federations())
def test_hosts_lines_are_exactly_the_intended_ones(federation: Federation) -> None:
    entries = {(entry.address, entry.name) for one in federation.participants for entry in one.host_entries}
    lines = render_hosts(federation).split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(entries)
    assert {tuple(line.split(" ")) for line in lines} == entries


@given(ANY, st.ip_addresses().map(str))
@example("a\n127.0.0.1 evil", "10.0.0.1")
@example("evil", "10.0.0.1 a\n127.0.0.1")
def test_an_extra_host_is_a_line_of_its_own_or_refused(name: str, address: str) -> None:
    definition = Definition(extra_hosts={name: address})
    try:
        federation = resolve_federation(
            Project("p", (kit("site-1", "client"),)), definition, BuildInputs(), Path("/d"), Owner(1, 1)
        )
    except ComposerError as error:
        assert error.message.isprintable()
        assert error.hint
    else:
        expected = [] if name == "localhost" or re.fullmatch(r"[0-9.]+", name) else [f"{address} {name}"]
        assert render_hosts(federation).splitlines() == expected


def instructions(dockerfile: str) -> list[str]:
    """The instructions of a Dockerfile, each in one line, as Docker's own parser joins them."""
    lines = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [line.split(maxsplit=1)[0] for line in joined.splitlines() if line.strip()]


VARIABLES = st.one_of(ANY, st.from_regex(r"[A-Za-z_][A-Za-z0-9_]*", fullmatch=True))


@given(st.dictionaries(VARIABLES, ANY, max_size=4), st.lists(ANY, max_size=3), st.lists(ANY, max_size=3), ANY)
def test_a_dockerfile_has_the_intended_instructions_or_is_refused(
    environment: dict[str, str], options: list[str], packages: list[str], base: str
) -> None:
    def dockerfile(image: ImageChoice) -> str:
        site = replace(kit("site-1", "client"))
        definition = Definition(image=image)
        federation = resolve_federation(Project("p", (site,)), definition, BuildInputs(), Path("/d"), Owner(1, 1))
        files = {file.path.name: file.content.decode() for file in render_context(federation.participants[0])}
        return files["Dockerfile"]

    choice = ImageChoice(
        base=base if ":" in base else None,
        environment=environment,
        pip_options=tuple(options),
        packages=tuple(packages),
    )
    try:
        text = dockerfile(choice)
    except ComposerError as error:
        assert error.message.isprintable()
        assert error.hint
        return
    usual = instructions(dockerfile(ImageChoice()))
    at = usual.index("LABEL")
    assert instructions(text) == [*usual[:at], *["ENV"] * len(environment), *usual[at:]]


@settings(NO_DEADLINE, max_examples=25)
@given(st.lists(TEXT.filter(lambda text: "\0" not in text), min_size=1, max_size=6))
def test_the_entrypoint_hands_on_exactly_what_it_was_given(tmp_path: Path, arguments: list[str]) -> None:
    workspace, commands = tmp_path / "workspace", tmp_path / "commands"
    workspace.mkdir(exist_ok=True)
    commands.mkdir(exist_ok=True)
    stub = commands / "python3"
    stub.write_text(f'#!/bin/sh\nprintf "%s\\0" "$@" >"{tmp_path}/argv"\n: >"$FLARE_WORKSPACE/shutdown.fl"\n')
    stub.chmod(0o755)
    environment = {"PATH": f"{commands}:{os.environ['PATH']}", "FLARE_WORKSPACE": str(workspace)}
    script = ROOT / "dockerfiles" / "entrypoint.sh"
    ended = run(["bash", script, "server", *arguments], cwd=tmp_path, env=environment)
    assert ended.returncode == 0, ended.err
    assert (tmp_path / "argv").read_bytes().decode().split("\0")[:-1] == ["-u", "-m", *arguments]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["argv", "commands", "workspace"]
