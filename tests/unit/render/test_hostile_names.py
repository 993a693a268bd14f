"""Names are data: what is no name is refused in plain words, and all else comes out of every file as it went in."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from composer.definition import DataMount, Definition, ImageChoice, ParticipantChoice
from composer.images.build_inputs import BuildInputs
from composer.kits import load_kits
from composer.model.errors import ComposerError
from composer.model.federation import Federation
from composer.model.files import Owner
from composer.model.kinds import ParticipantType
from composer.model.kit import Connection, Kit, Listener, Project
from composer.model.names import compose_project_name, fault_of_name, is_host_name, is_organization
from composer.render.compose import render_compose
from composer.render.dockerfile import render_context
from composer.render.hosts import render_hosts
from composer.resolve import resolve_federation
from tests import kitmaker
from tests.conftest import ROOT, Ended, composer, missing, run
from tests.golden.cases import SERVER, kit

# As NVFLARE writes them (nvflare/apis/utils/format_check.py), and as it uses them: with re.match.
ALLOWED = {
    "client": r"^[A-Za-z0-9-_]+$",
    "admin": r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Z|a-z]{2,}$",
    "server": (
        r"^(([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9\-]*[a-zA-Z0-9])\.)*"
        r"([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9\-]*[A-Za-z0-9])$"
    ),
}
TRAPS = (
    *["-rf", "--privileged", "_", "089", "1e3", "1e-3", "-1e3", "0o17", "null", "~", "on", "CON", "localhost"],
    "x" * 300,
    *(
        "a\n",
        "\n",
        "a\r\nb",
        "a\tb",
        "a\0b",
        "",
        " ",
        "a b",
        "a@x.com|reboot",
        "-v@x.com",
        "..@..aa",
        "%",
        "+",
        "0x7f.1",
    ),
    *(
        "${HOME}",
        "$HOME",
        "$$",
        "$(touch canary)",
        "`touch canary`",
        "; touch canary",
        "&& touch canary",
        "| touch canary",
    ),
    *(
        "{{7*7}}",
        "{% raw %}",
        "!!python/object:os.system",
        "&a",
        "*a",
        "a: b",
        "- a",
        "#a",
        "'",
        '"',
        "\\",
        "\\n",
        "%s",
    ),
    *(
        "\u202eevil",
        "\u2028",
        "\ufeff",
        "é",
        "10.0.0.1",
        "10.0.0.1 evil",
        "a\n127.0.0.1 evil",
        "../../etc",
        "/etc/passwd",
    ),
)
ANY = st.one_of(
    st.sampled_from(TRAPS),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=80),
    *(st.from_regex(re.compile(pattern)) for pattern in ALLOWED.values()),
)
KINDS: st.SearchStrategy[ParticipantType] = st.sampled_from(["server", "client", "relay", "admin"])
NO_DEADLINE = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


# --- the gate ---------------------------------------------------------------------------------------------


@given(ANY, KINDS)
def test_a_name_is_no_option_no_expression_and_more_than_nothing(name: str, kind: ParticipantType) -> None:
    if fault_of_name(name, kind):
        return
    assert name.isascii()
    assert name.isprintable()
    assert 0 < len(name) <= 253
    assert name[0].isalnum()
    # Which is also to say that no shell does anything with it.
    assert shlex.quote(name) == name


@given(ANY)
def test_an_organization_and_a_host_are_plain_words(name: str) -> None:
    if is_organization(name) or is_host_name(name):
        assert shlex.quote(name) == name
        assert name[0] != "-"


@pytest.mark.parametrize("name", ["site-1", "Site_1", "089", "1e3", "null", "a", "x" * 63])
def test_sites_that_only_look_odd_are_taken(name: str) -> None:
    assert fault_of_name(name, "client") == fault_of_name(name, "relay") == ""


@pytest.mark.parametrize("name", ["-rf", "_", "x" * 64, "site-1\n", "", "a.b", "é"])
def test_sites_that_are_refused(name: str) -> None:
    assert "letters, digits" in fault_of_name(name, "client")


@pytest.mark.parametrize("name", ["a@x.com|reboot", "-v@x.com", "..@..aa", "a@b", "a@x.com\n", "a b@x.com"])
def test_admins_that_are_refused(name: str) -> None:
    assert "e-mail" in fault_of_name(name, "admin")


@pytest.mark.parametrize(
    "name", ["0x7f.1", "1.2.3", "256.1.1.1", "a..b", "-a", "a\n", "a_.", "x" * 64, "a." * 127 + "b"]
)
def test_hosts_that_are_refused(name: str) -> None:
    assert "host name" in fault_of_name(name, "server")


# --- kits that hold such names ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> kitmaker.Provisioned:
    return kitmaker.provision(tmp_path_factory.mktemp("kits"), kitmaker.Project("2.9"))


@pytest.fixture
def renamed(made: kitmaker.Provisioned) -> Iterator[Any]:
    """Give the kit of site-1 a certificate of another name or organization, for as long as a test runs."""
    site = made.kit("site-1")
    before = (site / "startup/client.crt").read_bytes()

    def rename(name: str, organization: str = "nvidia") -> Path:
        made.reissue(site, "client", name=name, names=("DNS:x",), organization=organization)
        return site

    yield rename
    (site / "startup/client.crt").write_bytes(before)


# What a certificate can be made with at all: one to 64 bytes.
COMMON_NAMES = ANY.filter(lambda name: 0 < len(name.encode()) <= 64)


@NO_DEADLINE
@given(name=COMMON_NAMES, organization=COMMON_NAMES)
@example(name="site-1", organization="ward\n")
def test_a_kit_is_read_with_a_name_of_the_grammar_or_refused(
    renamed: Any, tmp_path: Path, name: str, organization: str
) -> None:
    site = renamed(name, organization)
    try:
        found = load_kits([site], tmp_path / "unpacked").kits[0]
    except ComposerError as error:
        assert fault_of_name(name, "client") or not is_organization(organization)
        assert error.message.isprintable()
        assert error.hint.isprintable()
        assert error.hint
    else:
        assert (found.name, found.organization) == (name, organization)
        assert fault_of_name(found.name, "client") == ""
        assert is_organization(found.organization)


def refused(ended: Ended, code: int) -> None:
    assert ended.returncode == code, ended.err
    assert [line[:7] for line in ended.err.splitlines()] == ["error: ", " hint: "], ended.err
    assert "is not a name that composer runs" in ended.err


@pytest.mark.parametrize("name", ["-rf", "$(touch canary)", "a\nb", "x" * 64])
def test_nothing_is_written_for_a_name_that_is_none(renamed: Any, tmp_path: Path, name: str) -> None:
    site = renamed(name)
    refused(composer("generate", site, cwd=tmp_path), 3)
    refused(composer("hosts", site, cwd=tmp_path), 1)
    ended = composer("check", site, cwd=tmp_path)
    assert ended.returncode == 3
    assert "KIT-NAME" in ended.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", ["a,*:8002", "a b:8002", "$(touch canary):8002", "-h:8002", "0x7f.1:8002", ":8002"])
def test_a_host_that_is_none_is_refused(made: kitmaker.Provisioned, tmp_path: Path, target: str) -> None:
    site = shutil.copytree(made.kit("site-2"), tmp_path / "site-2")
    document = json.loads((site / "startup/fed_client.json").read_text())
    document["servers"][0]["service"]["target"] = target
    kitmaker.write_json(site / "startup/fed_client.json", document)
    with pytest.raises(ComposerError, match=r"fed_client\.json: .*target is not of the form host:port"):
        load_kits([site], tmp_path / "unpacked")


# --- what is rendered: texts that no grammar holds back ---------------------------------------------------

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
            data=(DataMount(draw(PATH), f"/data/{draw(PATH).parent.name}"),),
            memory=draw(st.sampled_from([None, "16g"])),
            shm_size=draw(st.sampled_from(["", "1g"])),
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
