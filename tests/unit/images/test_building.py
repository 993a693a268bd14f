"""What failed builds mean, from what the tools really write; and what the state of images comes to."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from composer.deployment.layout import INPUTS_LABEL, NVFLARE_LABEL
from composer.deployment.manifest import parse_manifest
from composer.images import build
from composer.images.archive import load_archive
from composer.images.building import image_statuses
from composer.images.store import ImageFacts
from composer.model.errors import CommandFailed, ComposerError
from composer.model.federation import Image
from composer.render.compose import render_compose
from composer.render.deployment import render_deployment
from composer.runtimes.lifecycle import form_of
from tests.golden.cases import OWNER, two_sites

IMAGE = Image(tag="p/s:2.9.0", base="debian:12", nvflare="2.9.0")
BUILT = datetime(2026, 11, 24, tzinfo=timezone.utc)

SAID = [
    (
        "#9 3.1 WARNING: Retrying (Retry(total=0)) after connection broken by 'SSLError(SSLCertVerificationError(1, "
        "'[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate in certificate chain')'\n"
        "#9 3.2 ERROR: No matching distribution found for nvflare==2.9.0\n",
        "the package index's TLS certificate is not trusted",
        "image.ca_bundle",
    ),
    (
        "#9 1.0 WARNING: Retrying after connection broken by 'NewConnectionError(<HTTPSConnection>: Failed to "
        "establish a new connection: [Errno -3] Temporary failure in name resolution')\n"
        "#9 9.0 ERROR: No matching distribution found for nvflare==2.9.0\n",
        "the package index cannot be reached",
        "image.wheels",
    ),
    (
        "#9 1.0 ERROR: Could not find a version that satisfies the requirement nvflare==2.9.0 (from versions: none)\n"
        "#9 1.1 ERROR: No matching distribution found for nvflare==2.9.0\n",
        "no package fits nvflare==2.9.0",
        "Python of image.base",
    ),
    (
        "#9 1.0 ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n",
        "not the one that requirements.lock names",
        "requirements.lock",
    ),
    (
        "#9 1.0 error: Failed to fetch: https://index.example/simple/nvflare/\n"
        "#9 1.0   cause: error sending request for url (https://index.example/simple/nvflare/)\n"
        "#9 1.0   cause: client error (Connect)\n#9 1.0   cause: invalid peer certificate: UnknownIssuer\n",
        "the package index's TLS certificate is not trusted",
        "image.ca_bundle",
    ),
    (
        "#9 1.0 error: Failed to fetch: https://index.example/simple/nvflare/\n"
        "#9 1.0   cause: dns error\n#9 1.0   cause: failed to lookup address information\n",
        "the package index cannot be reached",
        "image.wheels",
    ),
    (
        "#9 1.0 error: Failed to download `idna==3.20`\n#9 1.0   cause: Hash mismatch for `idna==3.20`\n",
        "not the one that requirements.lock names",
        "requirements.lock",
    ),
    (
        "#9 1.0 error: No solution found when resolving dependencies\n#9 1.0   cause: Because there is no version of "
        "nvflare==99.9 and you require nvflare==99.9, we can conclude that your requirements are unsatisfiable.\n",
        "no package fits nvflare==99.9",
        "Python of image.base",
    ),
    (
        "#9 1.0 error: No solution found when resolving dependencies\n#9 1.0   cause: Because numpy was not found in "
        "the provided package locations and you require numpy==2.4.6, we can conclude that\n",
        "no package fits numpy==2.4.6",
        "collect image.wheels",
    ),
    (
        "#9 1.0 error: No solution found when resolving dependencies\n#9 1.0   cause: Because only numpy>=1.3.0 is "
        "available and you require numpy<1.0, we can conclude that your requirements are unsatisfiable.\n",
        "the requirements do not go together: Because only numpy>=1.3.0 is available and you require numpy<1.0",
        "image.requirements",
    ),
    ("#6 0.5 E: Unable to locate package libgomp9\n", "Debian has no package libgomp9", "image.packages"),
    (
        "#6 0.5 W: Failed to fetch http://deb.example/x  Temporary failure resolving 'deb.example'\n",
        "Debian's packages cannot be reached",
        "image.base",
    ),
    (
        '#2 ERROR: failed to do request: Head "https://registry.example/v2/": dial tcp: lookup registry.example\n',
        "the base image is not on this engine, and no registry gives it",
        "docker load",
    ),
    (
        "#6 0.2 composer: the base image is neither Debian nor Ubuntu\n",
        "the base image is neither Debian nor Ubuntu",
        "image.base",
    ),
    ("ERROR: write /var/lib/docker/x: no space left on device\n", "the engine's disk is full", "make room"),
]


@pytest.mark.parametrize(("output", "cause", "hint"), SAID)
def test_the_cause_and_the_remedy_are_told(output: str, cause: str, hint: str) -> None:
    told = build.explain(CommandFailed("docker buildx build .", 1, output))
    assert cause in told.message
    assert "\n" not in told.message
    assert hint in told.hint


def test_what_is_not_known_is_told_as_it_is() -> None:
    told = build.explain(CommandFailed("docker buildx build .", 1, "#1 fine\nERROR: failed to solve: strange\nlast\n"))
    assert told.message == "the image cannot be built: ERROR: failed to solve: strange"
    assert "-v" in told.hint


def test_an_offline_build_has_no_network_and_all_get_the_one_image() -> None:
    argv = build.Buildx("default").build(Path("/d/images/site-1"), IMAGE, ["p/a:1", "p/b:1"], offline=True).argv
    assert argv[argv.index("--network") + 1] == "none"
    assert [argv[index + 1] for index, part in enumerate(argv) if part == "--tag"] == ["p/a:1", "p/b:1"]
    assert "--pull" not in argv


def test_a_build_sees_the_proxies_and_the_time_of_its_environment() -> None:
    argv = build.Buildx("default").build(Path("/d"), IMAGE, ["p/a:1"], offline=False).argv
    given = {argv[index + 1] for index, part in enumerate(argv) if part == "--build-arg"}
    assert {"HTTPS_PROXY", "https_proxy", "NO_PROXY", "SOURCE_DATE_EPOCH"} <= given


def test_a_proxy_is_kept_away_from_a_server_that_only_dns_knows() -> None:
    federation = two_sites()
    alone = replace(
        federation,
        participants=tuple(replace(p, host_entries=()) for p in federation.participants if p.type == "client"),
    )
    text = render_compose(alone)
    assert text.count('"no_proxy": "localhost,127.0.0.1,server1"') == 2
    assert text.count('"NO_PROXY": "localhost,127.0.0.1,server1"') == 2


def facts(identity: str, inputs: str, shared: int) -> ImageFacts:
    return ImageFacts(identity, 100, shared, BUILT, {INPUTS_LABEL: inputs, NVFLARE_LABEL: "2.9.0"})


def test_the_state_of_images() -> None:
    federation = two_sites()
    rendering = render_deployment(federation, (), None, OWNER, form_of)
    text = next(file.content.decode() for file in rendering.files if file.path.name == "manifest.json")
    manifest = parse_manifest(text, Path("manifest.json"))
    server, first, second, _ = manifest.participants
    seen = image_statuses(
        manifest,
        {
            server.image: facts("sha256:1", server.inputs, 60),
            first.image: facts("sha256:2", first.inputs, 60),
            second.image: facts("sha256:2", "of another day", 60),
        },
        {},
    )
    assert [(one.state, one.shared, one.own) for one in seen] == [
        ("fresh", 60, 40),
        ("fresh", 100, 0),
        ("stale", 100, 0),
        ("missing", 0, 0),
    ]
    assert (seen[0].nvflare, seen[0].built, seen[3].id) == ("2.9.0", BUILT, "")


@pytest.mark.parametrize("content", [None, "", "{}", '{"sha256": "x", "images": []}', '{"sha256": "x", "images": {}}'])
def test_a_folder_that_holds_no_images_is_refused(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "images.json").write_text(content)
    with pytest.raises(ComposerError, match="there are no images of composer in"):
        load_archive(None, tmp_path, "", print)  # type: ignore[arg-type]


def test_a_damaged_archive_is_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "images.json").write_text('{"sha256": "ab", "images": {"p/a:1": "x"}}')
    (tmp_path / "images.tar").write_bytes(b"half of it")
    with pytest.raises(ComposerError, match="is damaged"):
        load_archive(None, tmp_path, "", print)  # type: ignore[arg-type]
