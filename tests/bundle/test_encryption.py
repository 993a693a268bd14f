"""A bundle that is encrypted is never on a disk in the clear, whatever ends its making."""

from __future__ import annotations

import fcntl
import os
import re
import resource
import shutil
import subprocess
from pathlib import Path

import pytest
from pyrage import decrypt, x25519

from tests import passphrase
from tests.conftest import COMPOSER, Ended, composer, missing, provision, run

pytestmark = pytest.mark.nvflare

NAME = "sealed-site-1.tar.gz"
_HARMLESS = re.compile(r'write\(\d+<(?:pipe:|socket:|anon_inode:|/dev/|/[^>]*>, "blat", 4\))')


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kit whose archive is larger than a chunk of age's."""
    found = provision(tmp_path_factory.mktemp("kits"), "sealed", 21989) / "site-1"
    (found / "local" / "weights.bin").write_bytes(os.urandom(200_000))
    return found


@pytest.fixture(scope="module")
def identity() -> x25519.Identity:
    return x25519.Identity.generate()


@pytest.fixture(params=["key", "passphrase"])
def how(request: pytest.FixtureRequest, identity: x25519.Identity) -> str:
    return str(identity.to_public()) if request.param == "key" else "passphrase"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "out"
    made.mkdir()
    return made


def arguments(kit: Path, folder: Path, *how: str) -> tuple[str | Path, ...]:
    encrypt = ("--encrypt", *how) if how else ()
    return ("bundle", kit, "-o", folder, "--runtime", "process", "-C", folder.parent / "none", *encrypt)


def bundle(kit: Path, folder: Path, *how: str) -> Ended:
    return composer(*arguments(kit, folder, *how), cwd=folder.parent, COMPOSER_PASSPHRASE="correct horse")


def opened(sealed: Path, how: str, identity: x25519.Identity) -> bytes:
    content = sealed.read_bytes()
    if how == "passphrase":
        return passphrase.opened(content, "correct horse")
    return bytes(decrypt(content, [identity]))


def test_no_file_but_the_encrypted_one_is_ever_written(
    kit: Path, how: str, folder: Path, identity: x25519.Identity
) -> None:
    if shutil.which("strace") is None:
        missing("there is no strace")
    trace = folder.parent / "trace"
    # All calls by which a file gets content, with the file's name.
    calls = "write,writev,pwrite64,pwritev,pwritev2,sendfile,copy_file_range,splice,memfd_create,link,linkat"
    watched = ("strace", "-f", "-qq", "-y", "-s", "64", "-o", trace, "-e", f"trace={calls}")
    ended = run(
        [*watched, *COMPOSER, *arguments(kit, folder, how)],
        cwd=folder.parent,
        env={"COMPOSER_PASSPHRASE": "correct horse", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert ended.returncode == 0, ended.err
    lines = [line for line in trace.read_text().splitlines() if not line.endswith("unfinished ...>")]
    part = f"write(3<{folder}/.{NAME}.age.part>, "
    assert any(
        re.sub(r"^\d+ +write\(\d+", "write(3", line).startswith(f'{part}"age-encryption.org/v1') for line in lines
    )
    # Besides it: pipes, devices, and the four bytes by which Python finds out where it may have temporary files.
    others = [line for line in lines if f"/.{NAME}.age.part>" not in line and not _HARMLESS.search(line)]
    assert others == []
    assert [path.name for path in folder.iterdir()] == [f"{NAME}.age"]
    assert (folder / f"{NAME}.age").read_bytes().startswith(b"age-encryption.org/v1\n")


def test_it_is_the_same_archive_and_its_sum_is_printed(
    kit: Path, how: str, folder: Path, identity: x25519.Identity
) -> None:
    assert bundle(kit, folder).returncode == 0
    plain = (folder / NAME).read_bytes()
    ended = bundle(kit, folder, how)
    assert ended.returncode == 0, ended.err
    assert opened(folder / f"{NAME}.age", how, identity) == plain
    assert run(["sha256sum", folder / f"{NAME}.age"]).out == ended.out
    # That of an earlier run is the user's, and is not passed over in silence.
    assert (folder / NAME).read_bytes() == plain
    assert f"warning: {folder / NAME}, which is not encrypted, lies beside it from before" in ended.err


def test_nothing_is_left_where_the_disk_is_full(kit: Path, how: str, folder: Path) -> None:
    assert bundle(kit, folder).returncode == 0
    limit = (folder / NAME).stat().st_size
    (folder / NAME).unlink()
    # Room for the archive, and not for what it is encrypted to.
    done = subprocess.run(
        [str(item) for item in (*COMPOSER, *arguments(kit, folder, how))],
        cwd=folder.parent,
        env={**os.environ, "COMPOSER_PASSPHRASE": "correct horse"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert done.returncode == 1
    assert [line[:7] for line in done.stderr.splitlines()[-2:]] == ["error: ", " hint: "], done.stderr
    assert not list(folder.iterdir())


def test_what_a_killed_composer_left_is_written_over(kit: Path, folder: Path) -> None:
    left = folder / f".{NAME}.part"
    left.write_bytes(os.urandom(1 << 20))
    ended = bundle(kit, folder)
    assert ended.returncode == 0, ended.err
    assert [path.name for path in folder.iterdir()] == [NAME]
    assert run(["tar", "tzf", folder / NAME]).returncode == 0
    assert (folder / NAME).stat().st_mode & 0o777 == 0o600


def test_a_bundle_that_another_composer_is_writing_is_let_alone(kit: Path, folder: Path) -> None:
    part = folder / f".{NAME}.part"
    with part.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(b"theirs")
        file.flush()
        ended = bundle(kit, folder)
        assert ended.returncode == 1
        assert ended.err.splitlines()[-2:] == [
            f"error: another composer is writing {NAME}",
            " hint: wait until it has finished",
        ]
        assert part.read_bytes() == b"theirs"


def test_a_check_that_is_ignored_is_so_for_a_bundle_too(kit: Path, folder: Path) -> None:
    open_kit = folder.parent / "kits" / "site-1"
    shutil.copytree(kit, open_kit)
    (open_kit / "startup").chmod(0o777)
    ended = bundle(open_kit, folder)
    assert ended.returncode == 3
    assert "everybody may write startup" in ended.err
    ended = composer(*arguments(open_kit, folder), "--ignore", "MODE", cwd=folder.parent)
    assert ended.returncode == 0, ended.err
