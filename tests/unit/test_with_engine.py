"""tests/machine/with-engine.sh for a user who has no Docker and cannot install it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, Ended, run

NOBODY = "65534"


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that another user can look into, with the script and the few programs that it needs."""
    folder = Path(tempfile.mkdtemp(prefix="composer-engine-", dir="/var/tmp"))
    folder.chmod(0o755)
    shutil.copy(ROOT / "tests" / "machine" / "with-engine.sh", folder)
    (folder / "bin").mkdir()
    for program in ("bash", "dirname", "basename", "id"):
        (folder / "bin" / program).symlink_to(shutil.which(program) or "")
    yield folder
    shutil.rmtree(folder)


def with_engine(place: Path, **variables: str) -> Ended:
    given = [f"{name}={value}" for name, value in variables.items()]
    user = ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"] if os.geteuid() == 0 else []
    program = ["bash", place / "with-engine.sh", "bash", "-c", 'printf "%s\\n" "$FLARE_COMPOSER_DEFINITION"']
    return run([*user, "env", "-i", f"PATH={place}/bin", *given, *program], cwd=place)


def test_the_command_gets_the_definition_that_needs_no_engine(place: Path) -> None:
    ended = with_engine(place, FLARE_COMPOSER_WITHOUT_ENGINE="plain.yml")
    assert (ended.returncode, ended.out) == (0, "plain.yml\n"), ended.err
    assert "going on without containers" in ended.err


def test_where_only_an_engine_will_do_it_is_told_in_two_lines(place: Path) -> None:
    ended = with_engine(place)
    assert (ended.returncode, ended.out) == (1, "")
    first, second = ended.err.splitlines()
    assert first.startswith("error: this machine has no Docker engine with Compose v2 and buildx")
    assert second.startswith("  hint: install Docker Engine")
