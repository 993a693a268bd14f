"""What generate would change is shown as a unified diff."""

from __future__ import annotations

from pathlib import Path

import pytest

from composer.deployment.difference import Difference, unified
from tests.conftest import composer


@pytest.mark.parametrize(
    ("present", "generated", "shown"),
    [
        (b"a\nb\n", b"a\nc\n", "--- f\n+++ f\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"),
        (None, b"a\n", "--- /dev/null\n+++ f\n@@ -0,0 +1 @@\n+a\n"),
        (b"a\n", None, "--- f\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n"),
        (b"a", b"b\n", "--- f\n+++ f\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n"),
        (b"\xff", b"b\n", "--- f\n+++ f\n(not text)\n"),
    ],
)
def test_a_difference(present: bytes | None, generated: bytes | None, shown: str) -> None:
    assert unified(Difference("f", present, generated)) == shown


@pytest.mark.nvflare
def test_diff_shows_what_generate_would_change_and_changes_nothing(prod_00: Path, tmp_path: Path) -> None:
    target = tmp_path / "deployment"
    new = composer("diff", prod_00, "-C", target)
    assert new.returncode == 3
    assert "+++ docker-compose.yml" in new.out
    assert not target.exists()
    assert composer("generate", prod_00, "-C", target).returncode == 0
    same = composer("diff", "-C", target)
    assert (same.returncode, same.out) == (0, "")
    definition = tmp_path / "composer.yml"
    definition.write_text("participants:\n  site-1: {environment: {OMP_NUM_THREADS: '3'}}\n")
    changed = composer("diff", prod_00, "-C", target, "-f", definition)
    assert changed.returncode == 3
    assert '+      "OMP_NUM_THREADS": "3"\n' in changed.out
    assert "OMP_NUM_THREADS" not in (target / "docker-compose.yml").read_text()


@pytest.mark.fault(25)
@pytest.mark.nvflare
def test_an_edited_file_stops_generate_with_a_diff_and_force_keeps_it(prod_00: Path, tmp_path: Path) -> None:
    target = tmp_path / "deployment"
    assert composer("generate", prod_00, "-C", target).returncode == 0
    before = (target / "hosts").read_text()
    (target / "hosts").write_text(f"{before}10.0.0.9 mine\n")
    refused = composer("generate", "-C", target)
    assert refused.returncode == 1
    assert "-10.0.0.9 mine\n" in refused.err
    assert "error: " in refused.err
    assert "hosts was changed by hand" in refused.err
    assert "mine" in (target / "hosts").read_text()
    forced = composer("generate", "-C", target, "--force")
    assert forced.returncode == 0, forced.err
    assert (target / "hosts").read_text() == before
    assert "mine" in (target / "hosts.orig").read_text()
