"""Clocks that are wrong, and time that runs out: composer itself under a moved clock, and real kits that end soon."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Deployment, composer, eventually, free_port, missing, provision
from tests.docker.faults.stack import containers, healthy, rows

pytestmark = [pytest.mark.docker, pytest.mark.nvflare, pytest.mark.fault(26)]

SLOW, LATE = "-10m", "+400d"


def clock(offset: str) -> dict[str, str]:
    """Return the environment in which a program sees another time; files and waiting keep the machine's own."""
    libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not libraries:
        missing("there is no libfaketime here: use `make test-faults`")
    return {
        "LD_PRELOAD": str(libraries[0]),
        "FAKETIME": offset,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
        "PYTHONPATH": str(Path(__file__).with_name("moved_clock")),
    }


@pytest.mark.parametrize(
    ("offset", "cause", "hint"),
    [
        (SLOW, "is not yet valid: it begins at", "set this machine's clock (is it synchronised?), or wait"),
        (LATE, "expired on", "provision the project again"),
    ],
)
def test_kits_of_now_under_a_moved_clock_are_refused_before_anything_starts(
    engine: None, prod_00: Path, tmp_path: Path, offset: str, cause: str, hint: str
) -> None:
    checked = composer("check", prod_00, **clock(offset))
    assert checked.returncode == 3, checked.err
    assert cause in checked.out
    assert hint in checked.out
    ended = composer("up", prod_00, "-C", tmp_path / "deployment", **clock(offset))
    assert ended.returncode == 3, ended.err
    assert cause in ended.err
    assert "Traceback" not in ended.err
    assert not (tmp_path / "deployment").exists()


def test_a_moved_clock_over_a_running_federation_is_told(running: Deployment) -> None:
    slow = Deployment(running.folder, running.kits, environment=clock(SLOW))
    late = Deployment(running.folder, running.kits, environment=clock(LATE))
    assert slow.run("status").returncode == late.run("status").returncode == 3
    assert "certificate is not yet valid" in rows(slow)["server1"]["detail"]
    for name, row in rows(late).items():
        assert row["certificate_days_left"] < 0
        assert "its certificate has expired" in row["detail"], name
    assert "the engine's clock is off by 6" in slow.run("doctor").out
    assert healthy(running)


def test_certificates_that_end_while_the_federation_runs_are_told(
    definition: Path | None, tmp_path: Path, engine: None
) -> None:
    port, seconds = free_port(), 100
    # NVFLARE's own certificates live for 360 days: made almost so long ago, they are about to end.
    kits = provision(tmp_path, f"ends{port}", port, **clock(f"{seconds - 360 * 86400}"))
    deployment = Deployment(tmp_path / "deployment", kits, definition)
    try:
        ended = deployment.up()
        assert ended.returncode == 0, ended.err
        assert "VALID" in ended.err
        assert healthy(deployment)
        before = containers(deployment)
        eventually(lambda: all(row["certificate_days_left"] < 0 for row in rows(deployment).values()), seconds)
        assert deployment.run("status").returncode == 3
        assert all("its certificate has expired" in row["detail"] for row in rows(deployment).values())
        again = deployment.up()
        assert again.returncode == 3
        assert "expired on" in again.err
        assert containers(deployment) == before
    finally:
        deployment.forget()
