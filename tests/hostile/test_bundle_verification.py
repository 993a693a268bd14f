"""A bundle that somebody has put something into: what its own scripts do before they know that, and in spite of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import Ended, composer, provision, run

pytestmark = pytest.mark.nvflare

SCRIPTS = ("start", "stop", "status", "logs", "check", "admin")


@pytest.fixture(scope="module")
def kits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return provision(tmp_path_factory.mktemp("kits"), "foul", 21969)


@pytest.fixture(scope="module")
def archives(kits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both kinds of bundle of a site, as their sender made them."""
    folder = tmp_path_factory.mktemp("bundles")
    for runtime in ("process", "docker"):
        ended = composer("bundle", kits / "site-1", "-o", folder / runtime, "--runtime", runtime, cwd=folder)
        assert ended.returncode == 0, ended.err
    return folder


@pytest.fixture(params=["process", "docker"])
def bundle(request: pytest.FixtureRequest, archives: Path, tmp_path: Path) -> Path:
    """A bundle as it comes out of its archive."""
    return unpacked(archives / request.param, tmp_path)


@pytest.fixture
def processes(archives: Path, tmp_path: Path) -> Path:
    return unpacked(archives / "process", tmp_path)


def unpacked(archive: Path, folder: Path) -> Path:
    ended = run(["tar", "xzf", archive / "foul-site-1.tar.gz", "-C", folder])
    assert ended.returncode == 0, ended.err
    return folder / "foul-site-1"


def script(bundle: Path, name: str) -> Ended:
    """Run a script where neither an engine nor an index can be had: what it does comes from the bundle alone."""
    return run(
        ["bash", bundle / f"{name}.sh"], env={"DOCKER_HOST": "unix:///nowhere", "PIP_INDEX_URL": "file:///nowhere"}
    )


def verify(bundle: Path, *arguments: str) -> Ended:
    return run(["bash", bundle / "lib" / "verify.sh", *arguments])


def refused(ended: Ended, cause: str) -> None:
    assert ended.returncode == 1, ended.out + ended.err
    assert ended.err.splitlines()[0] == f"error: {cause}", ended.err
    assert len(ended.err.splitlines()) == 2


LEFT_OUT = ("workspaces", "job-store", "venvs", ".env", "compose.override.yml")


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_never_packed_may_not_come_with_the_archive(bundle: Path, name: str) -> None:
    place = bundle / name
    if "." in name:
        place.write_text("services: {site-1: {privileged: true}}\n")
    else:
        place.mkdir()
    for each in SCRIPTS:
        refused(script(bundle, each), f"{name} is here already, and this bundle has not made it here")
    assert not (bundle / "workspaces" / "site-1").exists()


def test_a_list_of_a_former_bundle_that_came_with_the_archive_is_not_believed(bundle: Path) -> None:
    """It would say that this is no first start."""
    (bundle / "workspaces").mkdir()
    shutil.copy(bundle / "SHA256SUMS", bundle / "workspaces" / ".SHA256SUMS")
    (bundle / "workspaces" / ".made-here").write_text("1\n")
    (bundle / "compose.override.yml").write_text("services: {site-1: {privileged: true}}\n")
    for each in SCRIPTS:
        refused(script(bundle, each), "workspaces is here already, and this bundle has not made it here")


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_a_bundle_has_made_and_its_administrator_has_added_stays(bundle: Path, name: str) -> None:
    assert verify(bundle).returncode == 0
    (bundle / name).mkdir(exist_ok=True)
    for quick in ((), ("--quick",)):
        assert (verify(bundle, *quick).returncode, verify(bundle, *quick).err) == (0, "")
    assert (bundle / name).is_dir()


def test_a_copy_is_taken_for_ones_own_when_that_is_said(bundle: Path, tmp_path: Path) -> None:
    assert verify(bundle).returncode == 0
    copy = tmp_path / "copy"
    shutil.copytree(bundle, copy)
    refused(verify(copy), "workspaces is here already, and this bundle has not made it here")
    assert "verify.sh --adopt" in verify(copy).err
    assert verify(copy, "--adopt").returncode == 0
    assert verify(copy).returncode == 0


@pytest.mark.parametrize("name", ["../precious.txt", "lib/../../precious.txt", "{}/precious.txt", "away/precious.txt"])
@pytest.mark.parametrize("listing", ["SHA256SUMS", "workspaces/.SHA256SUMS"])
def test_no_list_leads_out_of_the_bundle(bundle: Path, name: str, listing: str) -> None:
    precious = bundle.parent / "precious.txt"
    precious.write_text("precious")
    assert verify(bundle).returncode == 0
    digest = run(["sha256sum", precious]).out.split()[0]
    # By way of a link to a folder, too.
    if name.startswith("away"):
        (bundle / "away").symlink_to(bundle.parent)
    sums = bundle / listing
    sums.write_text(f"{sums.read_text()}{digest}  {name.format(bundle.parent)}\n")
    for each in ("start", "check", "admin"):
        ended = script(bundle, each)
        assert ended.returncode == 1
        assert ended.err.startswith("error: "), ended.err
        assert "is gone" not in ended.err
    assert precious.read_text() == "precious"


def test_nothing_is_deleted_before_all_is_compared(bundle: Path) -> None:
    assert verify(bundle).returncode == 0
    former = bundle / "kits/site-1/local/custom.json"
    former.write_text("{}")
    digest = run(["sha256sum", former]).out.split()[0]
    sums = bundle / "workspaces" / ".SHA256SUMS"
    sums.write_text(f"{sums.read_text()}{digest}  kits/site-1/local/custom.json\n")
    changed = bundle / "kits/site-1/startup/fed_client.json"
    changed.write_bytes(changed.read_bytes() + b" ")
    refused(script(bundle, "start"), "kits/site-1/startup/fed_client.json is not as it was packed")
    assert former.exists()
    changed.write_bytes(changed.read_bytes()[:-1])
    ended = verify(bundle)
    assert (ended.returncode, ended.err) == (0, "upgrade: kits/site-1/local/custom.json is gone\n")
    assert not former.exists()


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("at", ["participants/site-1.conf", "lib/common.sh", "lib/runtime.sh"])
@pytest.mark.parametrize("started", [False, True])
def test_nothing_of_a_changed_file_runs(bundle: Path, name: str, at: str, started: bool) -> None:
    if started:
        assert verify(bundle).returncode == 0
    with (bundle / at).open("a") as file:
        file.write(f"\ntouch {bundle}/ran\n")
    refused(script(bundle, name), f"{at} is not as it was packed")
    assert not (bundle / "ran").exists()


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_participant_that_was_added_is_not_read(bundle: Path, name: str) -> None:
    assert verify(bundle).returncode == 0
    (bundle / "participants" / "evil.conf").write_text(f"touch {bundle}/ran\n")
    refused(script(bundle, name), "participants/evil.conf is not of this bundle")
    assert not (bundle / "ran").exists()


def test_a_foreign_name_does_not_speak_to_the_terminal(processes: Path) -> None:
    (processes / "kits" / "\x1b]0;PWNED\x07\n\u202egnp").write_text("x")
    ended = script(processes, "start")
    assert ended.returncode == 1
    assert ended.err.replace("\n", "").isprintable()
    assert "\u202e" not in ended.err
    assert "is not of this bundle" in ended.err.splitlines()[0]


def test_its_readme_says_what_verifying_is_good_for(bundle: Path) -> None:
    text = (bundle / "README.md").read_text()
    assert "`SHA256SUMS` has no signature" in text
