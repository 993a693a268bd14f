"""Every default is filled in once, and what cannot be run is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from composer.definition import Definition, ImageChoice, ParticipantChoice
from composer.images.build_inputs import BuildInputs, load_build_inputs
from composer.model.errors import ComposerError
from composer.model.federation import Federation, HostEntry
from composer.model.files import Owner
from composer.model.kit import Connection, Kit, Listener, Project
from composer.resolve import resolve_federation
from tests.golden.cases import OWNER, SERVER, kit

ROOT_USER = Owner(0, 0)


def resolve(*kits: Kit, definition: Definition | None = None, caller: Owner = OWNER) -> Federation:
    chosen = definition or Definition()
    return resolve_federation(Project("Example", kits), chosen, BuildInputs(), Path("/d"), caller)


def test_defaults() -> None:
    server, site = resolve(kit(SERVER, "server"), kit("site-1", "client")).participants
    assert server.image.base == "python:3.12-slim-bookworm"
    assert server.image.tag == "example-d029f8/server1:2.9.0"
    assert server.ports == (8002,)
    assert site.ports == ()
    assert server.host_entries == site.host_entries == (HostEntry("server1", "127.0.0.1"),)


def test_a_participants_choice_wins_over_the_federations() -> None:
    definition = Definition(
        image=ImageChoice(base="common:1", packages=("git", "curl", "curl")),
        participants={"site-1": ParticipantChoice(image=ImageChoice(base="own:1", packages=()))},
    )
    server, site = resolve(kit(SERVER, "server"), kit("site-1", "client"), definition=definition).participants
    assert (server.image.base, server.image.packages) == ("common:1", ("curl", "git"))
    assert (site.image.base, site.image.packages) == ("own:1", ())


def test_containers_run_as_the_kits_owner_where_the_caller_may_do_that() -> None:
    site = kit("site-1", "client", owner=Owner(1234, 99))
    assert resolve(site, caller=ROOT_USER).participants[0].user == Owner(1234, 99)
    assert resolve(site, caller=OWNER).participants[0].user == OWNER


def test_a_server_elsewhere_is_left_to_dns() -> None:
    assert resolve(kit("site-1", "client")).participants[0].host_entries == ()


def test_extra_hosts_say_where_a_server_elsewhere_is() -> None:
    definition = Definition(extra_hosts={SERVER: "10.1.2.3"})
    site = resolve(kit("site-1", "client"), definition=definition).participants[0]
    assert site.host_entries == (HostEntry(SERVER, "10.1.2.3"),)


def test_before_2_6_a_kit_does_not_name_the_server_that_it_dials() -> None:
    site = kit("site-1", "client", connects_to=(Connection("", "alias.example.com", 8002),))
    assert resolve(kit(SERVER, "server"), site).participants[1].host_entries == (
        HostEntry("alias.example.com", "127.0.0.1"),
    )


def test_an_address_needs_no_entry() -> None:
    site = kit("site-1", "client", connects_to=(Connection(SERVER, "10.0.0.5", 8002),))
    assert resolve(kit(SERVER, "server"), site).participants[1].host_entries == ()


def test_names_that_differ_only_in_case_have_images_and_services_of_their_own() -> None:
    one, other = resolve(kit("site-1", "client"), kit("Site-1", "client")).participants
    assert one.service != other.service
    assert one.image.tag != other.image.tag
    assert other.image.tag == other.image.tag.lower()


def test_a_participant_without_a_kit_is_refused() -> None:
    with pytest.raises(ComposerError, match="names site-9, but no kit has that name") as caught:
        resolve(kit("site-1", "client"), definition=Definition(participants={"site-9": ParticipantChoice()}))
    assert "site-1" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "address"), [("a b", "10.0.0.1"), ("a\nb", "10.0.0.1"), ("a", "10.0.0.256"), ("a", "b")]
)
def test_what_cannot_stand_in_etc_hosts_is_refused(name: str, address: str) -> None:
    with pytest.raises(ComposerError) as caught:
        resolve(kit("site-1", "client"), definition=Definition(extra_hosts={name: address}))
    assert caught.value.hint


def test_an_overlay_is_laid_over_a_copy_of_the_kits_local(tmp_path: Path) -> None:
    site = kit("site-1", "client", path=tmp_path / "site-1", listens_on=(Listener("x", 0),))
    for name, text in {
        "site-1/local/a.json": "kit",
        "site-1/local/b.json": "kit",
        "own/b.json": "own",
        "own/c/d": "own",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    definition = Definition(participants={"site-1": ParticipantChoice(local=tmp_path / "own")})
    files = load_build_inputs(Project("p", (site,)), definition, tmp_path / "deployment").local["site-1"]
    assert {str(file.path): file.content for file in files} == {"a.json": b"kit", "b.json": b"own", "c/d": b"own"}
    assert (tmp_path / "site-1/local/b.json").read_text() == "kit"


def test_a_link_in_an_overlay_is_refused(tmp_path: Path) -> None:
    site = kit("site-1", "client", path=tmp_path / "site-1")
    (tmp_path / "site-1/local").mkdir(parents=True)
    (tmp_path / "own").mkdir()
    (tmp_path / "own/secret").symlink_to("/etc/shadow")
    definition = Definition(participants={"site-1": ParticipantChoice(local=tmp_path / "own")})
    with pytest.raises(ComposerError, match="is a link or a device"):
        load_build_inputs(Project("p", (site,)), definition, tmp_path / "deployment")


def test_a_missing_requirements_file_is_named(tmp_path: Path) -> None:
    definition = Definition(image=ImageChoice(requirements=tmp_path / "none.txt"))
    with pytest.raises(ComposerError, match=r"cannot read .*none\.txt: No such file"):
        load_build_inputs(Project("p", (replace(kit("site-1", "client")),)), definition, tmp_path / "deployment")


def test_the_version_of_nvflare_and_of_python_follow_from_the_kit() -> None:
    old, new = resolve(kit("site-1", "client", release="2.4"), kit("site-2", "client", release="2.7")).participants
    assert (old.image.nvflare, old.image.base) == ("2.4.2", "python:3.10-slim-bookworm")
    assert (new.image.nvflare, new.image.base) == ("2.7.3", "python:3.12-slim-bookworm")


@pytest.mark.parametrize(
    ("release", "image", "reason"),
    [
        ("2.7", ImageChoice(nvflare="2.9.0"), "does not find the server's address"),
        ("2.9", ImageChoice(nvflare="2.7.3"), "not signed"),
        ("2.6", ImageChoice(nvflare="2.7.3"), "same protocol"),
        ("2.4", ImageChoice(base="python:3.12-slim-bookworm"), "NVFLARE 2.4.2 does not run on python:3.12"),
    ],
)
def test_what_cannot_work_together_is_refused(release: str, image: ImageChoice, reason: str) -> None:
    with pytest.raises(ComposerError, match=reason):
        resolve(kit("site-1", "client", release=release), definition=Definition(image=image))


def test_within_a_generation_the_version_is_the_users_choice() -> None:
    image = ImageChoice(nvflare="2.9.0", base="python:3.14-slim")
    assert resolve(kit("site-1", "client", release="2.8"), definition=Definition(image=image)).participants
