"""Which images composer takes for its own: a label says only what an image was copied from, and names are anybody's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from composer.deployment.image_record import ImageRecord, RecordedImage
from composer.deployment.manifest import Manifest
from composer.images import registry
from composer.images.build import find_stale, is_fresh, record_made
from composer.images.registry import pull_stale
from composer.model.command import Command
from composer.model.errors import ComposerError
from composer.model.reporter import Reporter
from composer.render.deployment import deployed_participant
from composer.runtimes.lifecycle import form_of
from tests.fakes.reporter import Heard
from tests.golden.cases import two_sites

OURS, THEIRS = "sha256:" + "1" * 64, "sha256:" + "2" * 64


@dataclass
class Store:
    """An engine's images by tag; ``gets`` is what a pull brings under a name."""

    images: dict[str, RecordedImage] = field(default_factory=dict)
    gets: dict[str, RecordedImage] = field(default_factory=dict)
    pulled: list[str] = field(default_factory=list)
    program: str = "docker"

    def built_images(self) -> Mapping[str, RecordedImage]:
        return self.images

    def has_image(self, tag: str) -> bool:
        return tag in self.images

    def name_image(self, image: str, name: str) -> None:
        self.images[name] = self.images.pop(image)

    def perform(self, command: Command, reporter: Reporter, dry_run: bool = False) -> None:
        """Stands for :func:`composer.system.process.perform`."""
        assert command.argv[:2] == ("docker", "pull")
        name = command.argv[-1]
        self.pulled.append(name)
        self.images[name] = self.gets[name]


@pytest.fixture
def manifest() -> Manifest:
    federation = two_sites()
    site = deployed_participant(federation.participants[1], federation, form_of("docker"))
    site = replace(site, image="registry.example/flare/site-1:2.9.0")
    return Manifest("0", "study", "study", (), None, (site,), {})


def ours(manifest: Manifest, id_: str = OURS) -> dict[str, RecordedImage]:
    """The engine's image with the right name and the right label."""
    (site,) = manifest.participants
    return {site.image: RecordedImage(site.inputs, id_)}


def test_an_image_that_copies_the_label_and_takes_the_name_is_not_the_recorded_one(
    manifest: Manifest, tmp_path: Path
) -> None:
    record, reporter = ImageRecord(tmp_path), Heard()
    record_made(Store(ours(manifest)), manifest.participants, record)
    assert find_stale(Store(ours(manifest)), manifest, record, reporter) == ()
    evil = Store(ours(manifest, THEIRS))
    assert find_stale(evil, manifest, record, reporter) == manifest.participants
    assert "it is not the image that was made for this deployment" in "\n".join(reporter.steps)
    assert not is_fresh(manifest.participants[0], evil.images, record.read())
    # That it was seen does not make it ours.
    assert record.read() == ours(manifest)


def test_what_nothing_is_recorded_of_is_taken_once_and_said(manifest: Manifest, tmp_path: Path) -> None:
    """Trust on first use: after `images load`, or beside another deployment of the same kits."""
    record, reporter = ImageRecord(tmp_path), Heard()
    tag = manifest.participants[0].image
    assert find_stale(Store(ours(manifest)), manifest, record, reporter, dry_run=True) == ()
    assert record.read() == {}
    assert find_stale(Store(ours(manifest)), manifest, record, reporter) == ()
    assert f"Taking {tag} as this engine has it ({OURS[:19]}): nothing is recorded of it yet" in "\n".join(
        reporter.steps
    )
    assert find_stale(Store(ours(manifest, THEIRS)), manifest, record, reporter) == manifest.participants


def test_each_host_has_a_record_of_its_own(manifest: Manifest, tmp_path: Path) -> None:
    """An engine's ID of an image is that engine's own."""
    record_made(Store(ours(manifest)), manifest.participants, ImageRecord(tmp_path))
    assert ImageRecord(tmp_path, "ward").read() == {}


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 1}', '{"a": {"inputs": "x"}}', '{"a": {"more": 1}}'])
def test_a_damaged_record_is_no_empty_one(manifest: Manifest, tmp_path: Path, text: str) -> None:
    (tmp_path / ".images").mkdir()
    (tmp_path / ".images/local.json").write_text(text)
    with pytest.raises(ComposerError, match=r"local\.json is damaged"):
        find_stale(Store(ours(manifest, THEIRS)), manifest, ImageRecord(tmp_path), Heard())


def test_what_was_pushed_is_pulled_by_its_digest(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may write to the registry can put another image under the tag."""
    (site,) = manifest.participants
    digest = "sha256:" + "d" * 64
    by_digest = f"registry.example/flare/site-1@{digest}"
    pushed = replace(ours(manifest)[site.image], digest=digest)
    ImageRecord(tmp_path).add({site.image: pushed})
    there = Store(gets={by_digest: replace(pushed, digest=""), site.image: RecordedImage(site.inputs, THEIRS)})
    there.name_image = lambda image, name: there.images.update({name: there.images.pop(by_digest)})  # type: ignore[method-assign]
    monkeypatch.setattr(registry, "perform", there.perform)
    pull_stale(there, manifest, tmp_path, Heard(), host="ward")
    assert there.pulled == [by_digest]
    assert there.images[site.image].id == OURS


def test_what_was_not_pushed_from_here_is_taken_by_its_label_and_recorded(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first pull trusts the registry; a later one does not take another image for it."""
    (site,) = manifest.participants
    there = Store(gets={site.image: RecordedImage(site.inputs, OURS)})
    monkeypatch.setattr(registry, "perform", there.perform)
    pull_stale(there, manifest, tmp_path, Heard())
    assert ImageRecord(tmp_path).read()[site.image].id == OURS
    there.images[site.image] = RecordedImage(site.inputs, THEIRS)
    assert find_stale(there, manifest, ImageRecord(tmp_path), Heard()) == manifest.participants
    there.gets[site.image] = RecordedImage("0" * 64, THEIRS)
    with pytest.raises(ComposerError, match="was not built from this deployment's Dockerfile"):
        pull_stale(there, manifest, tmp_path, Heard())
