"""What is rendered is kept as files: a change of them is seen in review. ``make golden`` writes them anew."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
from pathlib import Path

import pytest

from composer.deployment.layout import QUADLETS, RUN_FILE
from composer.model.federation import Federation
from composer.model.kinds import LOCAL
from composer.render.deployment import render_deployment
from composer.render.podman_form import PodmanForm
from composer.runtimes.lifecycle import form_of
from tests.conftest import run
from tests.golden.cases import CASES, OWNER, podman

HERE = Path(__file__).parent


def rendered(federation: Federation) -> dict[str, bytes]:
    kits = tuple(participant.kit.path for participant in federation.participants)
    files = render_deployment(federation, kits, None, OWNER, form_of).files
    return {str(file.path): file.content for file in files}


def worth_keeping(files: dict[str, bytes]) -> dict[str, str]:
    """Without what says nothing of its own: scripts that are copied as they are, hashes, contexts like one before."""
    texts = {
        name: re.sub(r"\b[0-9a-f]{64}\b", "SHA256", content.decode())
        for name, content in sorted(files.items())
        if not name.endswith((".sh", ".py", "manifest.json")) and "/lib/" not in name
    }
    kept: dict[str, str] = {}
    seen: set[tuple[tuple[str, str], ...]] = set()
    for folder, names in itertools.groupby(texts, key=lambda name: str(Path(name).parent)):
        group = {name: texts[name] for name in names}
        alike = tuple((Path(name).name, re.sub(r'type="\w+"', "", text)) for name, text in group.items())
        if "images/" not in folder or alike not in seen:
            kept |= group
        seen.add(alike)
    return kept


@pytest.mark.parametrize("case", CASES)
def test_rendering_is_what_was_reviewed(case: str) -> None:
    assert_reviewed(case, worth_keeping(rendered(CASES[case]())))


def assert_reviewed(case: str, found: dict[str, str]) -> None:
    expected = HERE / case
    if os.environ.get("UPDATE_GOLDEN"):
        shutil.rmtree(expected, ignore_errors=True)
        for name, content in found.items():
            (expected / name).parent.mkdir(parents=True, exist_ok=True)
            (expected / name).write_text(content)
    kept = {str(path.relative_to(expected)): path.read_text() for path in expected.rglob("*") if path.is_file()}
    assert set(found) == set(kept)
    for name, content in found.items():
        assert content == kept[name], name


def test_what_podman_gets_is_what_was_reviewed() -> None:
    files = PodmanForm(rootless=True).files(podman())
    found = worth_keeping(
        {str(file.path): file.content for file in files if file.path.name == RUN_FILE or file.path.parts[0] == QUADLETS}
    )
    assert_reviewed("podman", found)


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("case", CASES)
def test_compose_reads_what_was_meant(case: str, tmp_path: Path) -> None:
    """Compose's own reading of the file has the strings that went into it, ``$`` and all."""
    federation = CASES[case]()
    for name, content in rendered(federation).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    ended = run(
        ["docker", "compose", "-f", tmp_path / "docker-compose.yml", "--profile", "admin", "config", "--format", "json"]
    )
    assert ended.returncode == 0, ended.err
    assert ended.err == ""
    services = json.loads(ended.out)["services"]
    here = [participant for participant in federation.participants if participant.host == LOCAL]
    assert set(services) == {participant.service for participant in here}
    for participant in here:
        service = services[participant.service]
        if federation.network == "host":
            assert service["network_mode"] == "host"
            assert "ports" not in service
        else:
            aliases = (service["networks"]["default"] or {}).get("aliases", [])
            assert aliases == list(participant.aliases)
            published = [(int(port["published"]), port["host_ip"]) for port in service.get("ports", ())]
            assert published == [(port, federation.publish) for port in participant.ports]
        # `config` writes a `$` as the file must have it: doubled.
        sources = [volume["source"].replace("$$", "$") for volume in service["volumes"]]
        assert {str(mount.source) for mount in participant.data} <= set(sources)
        assert str(participant.kit.path / "startup") in sources
        for name, value in participant.environment:
            assert service["environment"][name].replace("$$", "$") == value
        entries = {entry.name: entry.address for entry in participant.host_entries}
        assert dict(entry.split("=", 1) for entry in service.get("extra_hosts", ())) == entries


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
def test_compose_reads_another_hosts_file_as_of_that_host(tmp_path: Path) -> None:
    compose_file = tmp_path / "docker-compose.yml"
    compose_file.write_bytes(rendered(CASES["three-hosts"]())["hosts/ward-a/docker-compose.yml"])
    arguments = ["docker", "compose", "-f", compose_file, "config", "--format", "json"]
    assert run(arguments).returncode != 0
    ended = run(arguments, env={"FLARE_UID": "1500", "FLARE_GID": "1501"})
    assert ended.returncode == 0, ended.err
    (service,) = json.loads(ended.out)["services"].values()
    assert service["user"] == "1500:1501"
    assert service["tmpfs"] == ["/tmp:uid=1500,gid=1501,mode=0700,size=10%"]
    below = "/data/flare $$1/example"
    assert {volume["target"]: volume["source"] for volume in service["volumes"]} == {
        "/workspace": f"{below}/workspaces/site-1",
        "/workspace/startup": f"{below}/kits/site-1/startup",
        "/workspace/local": f"{below}/local/site-1",
        "/data/ct": "/srv/ct",
    }
    assert service["extra_hosts"] == ["server1=10.77.0.2"]
