"""What is in an archive, and what its scripts say when it is not what was packed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Ended, composer, missing, provision, run
from tests.passphrase import opened

pytestmark = pytest.mark.nvflare

PORT = 21979
ANYWHERE = [
    {"cwd": "/", "TZ": "Pacific/Kiritimati", "LC_ALL": "C", "PYTHONHASHSEED": "0", "umask": "077"},
    {"cwd": "/tmp", "TZ": "America/St_Johns", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "4242", "umask": "000"},
]


@pytest.fixture(scope="module")
def kits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return provision(tmp_path_factory.mktemp("kits"), "arc", PORT)


@pytest.fixture(scope="module")
def archives(kits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundles")
    ended = composer("bundle", kits, "-o", folder, "--runtime", "process", cwd=folder)
    assert ended.returncode == 0, ended.err
    for line in ended.out.splitlines():
        digest, path = line.split("  ")
        assert hashlib.sha256(Path(path).read_bytes()).hexdigest() == digest
    return folder


@pytest.fixture
def unpacked(archives: Path, tmp_path: Path) -> Path:
    return unpack(archives / "arc-site-1.tar.gz", tmp_path)


def unpack(archive: Path, folder: Path) -> Path:
    ended = run(["tar", "xzf", archive, "-C", folder])
    assert ended.returncode == 0, ended.err
    return folder / archive.name.removesuffix(".tar.gz")


def verify(folder: Path) -> Ended:
    return run(["bash", folder / "lib" / "verify.sh"])


def refuses(folder: Path, cause: str) -> None:
    for script in ("lib/verify.sh", "start.sh"):
        ended = run(["bash", folder / script])
        assert ended.returncode == 1, ended.err
        lines = [line for line in ended.err.splitlines() if not line.startswith(("upgrade:", "modes were"))]
        assert lines[0] == f"error: {cause}", ended.err
        assert lines[1].startswith(" hint: ")
        assert len(lines) == 2
    assert not (folder / "venvs").exists()


def test_one_archive_a_participant_with_its_own_kit_alone(archives: Path, kits: Path) -> None:
    assert len(list(archives.iterdir())) == 4
    for archive in archives.iterdir():
        with tarfile.open(archive) as opened:
            keys = [opened.extractfile(one).read() for one in opened.getmembers() if one.name.endswith(".key")]  # type: ignore[union-attr]
            bodies = [opened.extractfile(one).read() for one in opened.getmembers() if one.isfile()]  # type: ignore[union-attr]
            names = opened.getnames()
        owners = [key for key in kits.glob("*/startup/*.key") if key.read_bytes() in keys]
        assert len(owners) == len(keys) == 1
        assert sum(b"PRIVATE KEY" in body for body in bodies) == 1
        assert not [name for name in names if "state" in name.split("/")]


def test_modes_names_and_owners_in_the_archive(archives: Path) -> None:
    with tarfile.open(archives / "arc-site-1.tar.gz") as opened:
        for one in opened.getmembers():
            assert (one.uid, one.gid, one.mtime) == (0, 0, 315532800)
            if one.isdir():
                assert one.mode == 0o700
            elif one.name.endswith(".key"):
                assert one.mode == 0o600
            assert one.mode & 0o022 == 0


def test_the_same_input_gives_the_same_archives(kits: Path, tmp_path: Path) -> None:
    seen = []
    for place in ANYWHERE:
        target = tmp_path / place["umask"]
        old = os.umask(int(place["umask"], 8))
        try:
            variables = {name: place[name] for name in ("TZ", "LC_ALL", "PYTHONHASHSEED")}
            ended = composer("bundle", kits, "-o", target, "--runtime", "process", cwd=Path(place["cwd"]), **variables)
        finally:
            os.umask(old)
        assert ended.returncode == 0, ended.err
        seen.append({path.name: path.read_bytes() for path in target.iterdir()})
        assert {path.stat().st_mode & 0o777 for path in target.iterdir()} == {0o600}
    assert seen[0] == seen[1]


def test_what_was_packed_is_accepted(unpacked: Path) -> None:
    ended = verify(unpacked)
    assert (ended.returncode, ended.err) == (0, "")


def edit(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


TAMPERED: dict[str, tuple[Callable[[Path], object], str]] = {
    "content": (
        lambda at: edit(at / "kits/site-1/startup/fed_client.json"),
        "kits/site-1/startup/fed_client.json is not as it was packed",
    ),
    "script": (lambda at: edit(at / "stop.sh"), "stop.sh is not as it was packed"),
    "deleted": (
        lambda at: (at / "kits/site-1/local/privacy.json.sample").unlink(),
        "kits/site-1/local/privacy.json.sample is missing",
    ),
    "added": (
        lambda at: (at / "kits/site-1/local/resources.json").write_text("{}"),
        "kits/site-1/local/resources.json is not of this bundle",
    ),
    "hidden": (lambda at: (at / "lib/.profile").write_text("x"), "lib/.profile is not of this bundle"),
    "link": (
        lambda at: ((at / "stop.sh").unlink(), (at / "stop.sh").symlink_to("/bin/true")),
        "stop.sh is a link",
    ),
    "hostile": (
        lambda at: (at / "lib" / "$(touch owned) ]").write_text("x"),
        "lib/$(touch owned) ] is not of this bundle",
    ),
    "no sums": (lambda at: (at / "SHA256SUMS").unlink(), "SHA256SUMS is missing"),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_tampering_is_refused(unpacked: Path, how: str) -> None:
    tamper, cause = TAMPERED[how]
    tamper(unpacked)
    refuses(unpacked, cause)
    assert not list(unpacked.rglob("owned"))


def test_two_files_that_swapped_places_are_refused(unpacked: Path) -> None:
    startup = unpacked / "kits" / "site-1" / "startup"
    one, other = startup / "client.crt", startup / "rootCA.pem"
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)
    refuses(unpacked, "kits/site-1/startup/client.crt is not as it was packed")


def test_lost_modes_are_repaired(unpacked: Path) -> None:
    for path in unpacked.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    ended = verify(unpacked)
    assert ended.returncode == 0
    assert "modes were lost on the way and are repaired" in ended.err
    assert (unpacked / "kits/site-1/startup/client.key").stat().st_mode & 0o777 == 0o600
    assert os.access(unpacked / "start.sh", os.X_OK)
    assert verify(unpacked).err == ""


def test_a_path_that_nvflare_takes_apart_is_refused(archives: Path, tmp_path: Path) -> None:
    folder = tmp_path / "with space"
    folder.mkdir()
    bundle = unpack(archives / "arc-site-1.tar.gz", folder)
    ended = run([bundle / "start.sh"])
    assert ended.returncode == 1
    assert "its path has a blank or a quote in it" in ended.err
    assert not (bundle / "venvs").exists()


def test_an_upgrade_keeps_what_was_written_and_says_what_changed(kits: Path, archives: Path, tmp_path: Path) -> None:
    bundle = unpack(archives / "arc-site-1.tar.gz", tmp_path)
    assert verify(bundle).returncode == 0
    (bundle / "workspaces" / "site-1").mkdir()
    (bundle / "workspaces" / "site-1" / "log.txt").write_text("old\n")
    newer = tmp_path / "newer"
    shutil.copytree(kits, newer / "kits")
    (newer / "kits/site-1/local/privacy.json.sample").unlink()
    (newer / "kits/site-1/local/custom.json").write_text("{}")
    edit(newer / "kits/site-1/local/log_config.json.default")
    ended = composer("bundle", newer / "kits" / "site-1", "-o", newer, "--runtime", "process", cwd=newer)
    assert ended.returncode == 0, ended.err
    assert unpack(newer / "arc-site-1.tar.gz", tmp_path) == bundle
    ended = verify(bundle)
    assert ended.returncode == 0, ended.err
    assert sorted(ended.err.splitlines()) == [
        "upgrade: kits/site-1/local/custom.json is new",
        "upgrade: kits/site-1/local/log_config.json.default is changed",
        "upgrade: kits/site-1/local/privacy.json.sample is gone",
    ]
    assert (bundle / "workspaces" / "site-1" / "log.txt").read_text() == "old\n"
    assert verify(bundle).err == ""


def test_every_script_passes_shellcheck(unpacked: Path) -> None:
    shellcheck = shutil.which("shellcheck", path=f"{Path(os.sys.executable).parent}:{os.environ['PATH']}")  # type: ignore[attr-defined]
    if shellcheck is None:
        missing("there is no shellcheck: use `make venv`")
    scripts = sorted(unpacked.rglob("*.sh"))
    own = [path for path in scripts if "kits" not in path.parts]
    ended = run([shellcheck, "--external-sources", "--severity", "style", *own])
    assert ended.returncode == 0, ended.out
    values = [*unpacked.glob("participants/*.conf"), *unpacked.glob("python/*/*.conf")]
    ended = run([shellcheck, "--shell", "bash", "--exclude", "SC2034", "--severity", "style", *values])
    assert ended.returncode == 0, ended.out


def test_systemd_units_are_what_systemd_accepts(unpacked: Path) -> None:
    unit = run([unpacked / "systemd.sh"]).out
    assert f'ExecStart=/usr/bin/env bash "{unpacked}/start.sh" --no-wait' in unit
    assert "WantedBy=default.target" in unit
    assert "User=" in run([unpacked / "systemd.sh", "--system"]).out


def test_wheels_are_in_an_archive_once_however_many_participants_it_has(kits: Path, tmp_path: Path) -> None:
    wheels = {}
    for name, sites in (("one", ("site-1",)), ("two", ("site-1", "site-2"))):
        placed = "".join(f"  {site}: {{host: ward}}\n" for site in sites)
        definition = tmp_path / f"{name}.yml"
        definition.write_text(f"hosts:\n  ward: {{address: 192.0.2.7}}\nparticipants:\n{placed}")
        chosen = ("-f", definition, "-o", tmp_path / name, "--runtime", "process", "--with-wheels")
        ended = composer("bundle", *(kits / site for site in sites), *chosen, cwd=tmp_path)
        assert ended.returncode == 0, ended.err
        with tarfile.open(tmp_path / name / "arc-ward.tar.gz") as opened:
            wheels[name] = sorted(Path(member).name for member in opened.getnames() if member.endswith(".whl"))
    assert any(wheel.startswith("nvflare-") for wheel in wheels["one"])
    assert wheels["two"] == wheels["one"]
    assert len(set(wheels["two"])) == len(wheels["two"])


def test_a_host_gets_what_its_own_runtime_needs(kits: Path, tmp_path: Path) -> None:
    definition = tmp_path / "composer.yml"
    hosts = "  ward: {address: 192.0.2.7, runtime: process}\n  clinic: {address: 192.0.2.8}\n"
    definition.write_text(f"hosts:\n{hosts}participants:\n  site-1: {{host: ward}}\n  site-2: {{host: clinic}}\n")
    sites = (kits / "site-1", kits / "site-2")
    ended = composer("bundle", *sites, "-f", definition, "-o", tmp_path, cwd=tmp_path)
    assert ended.returncode == 0, ended.err
    for host, has_compose in (("ward", False), ("clinic", True)):
        with tarfile.open(tmp_path / f"arc-{host}.tar.gz") as opened:
            assert any(name.endswith("docker-compose.yml") for name in opened.getnames()) is has_compose


def test_encrypted_for_a_key_and_opened_with_plain_age(kits: Path, archives: Path, tmp_path: Path) -> None:
    age, keygen = shutil.which("age"), shutil.which("age-keygen")
    if age is None or keygen is None:
        missing("there is no age")
    key = run([keygen]).out
    (tmp_path / "key.txt").write_text(key)
    public = next(line.split(": ")[1] for line in key.splitlines() if "public key" in line)
    arguments = ("-o", tmp_path / "out", "--runtime", "process", "--encrypt", public)
    ended = composer("bundle", kits / "site-1", *arguments, cwd=tmp_path)
    assert ended.returncode == 0, ended.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["arc-site-1.tar.gz.age"]
    sealed = tmp_path / "out" / "arc-site-1.tar.gz.age"
    opened = subprocess.run([age, "-d", "-i", tmp_path / "key.txt", sealed], capture_output=True, check=True).stdout
    assert opened == (archives / "arc-site-1.tar.gz").read_bytes()


def test_encrypted_with_a_passphrase(kits: Path, archives: Path, tmp_path: Path) -> None:
    ended = composer(
        "bundle", kits / "site-1", "-o", tmp_path, "--runtime", "process", "--encrypt", "passphrase",
        cwd=tmp_path, COMPOSER_PASSPHRASE="correct horse",
    )  # fmt: skip
    assert ended.returncode == 0, ended.err
    sealed = (tmp_path / "arc-site-1.tar.gz.age").read_bytes()
    assert opened(sealed, "correct horse") == (archives / "arc-site-1.tar.gz").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (["--encrypt", "age1nonsense"], "'age1nonsense' is no public key of age"),
        (["--encrypt", "passphrase"], "there is no passphrase"),
        (["--with-images"], "--with-images is not for bundles of runtime process"),
        (["--with-wheels", "--python", "3.9"], "NVFLARE 2.9.0 does not run on Python 3.9"),
    ],
)
def test_bad_input_is_told_in_two_lines(kits: Path, tmp_path: Path, arguments: list[str], cause: str) -> None:
    target = tmp_path / "out"
    ended = composer("bundle", kits, "-o", target, "--runtime", "process", *arguments, cwd=tmp_path)
    assert ended.returncode == 1
    lines = ended.err.splitlines()
    assert [line[:7] for line in lines if not line.startswith("warning")] == ["error: ", " hint: "], ended.err
    assert cause in ended.err
    assert not target.exists()
