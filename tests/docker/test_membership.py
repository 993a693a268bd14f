"""A site joins a federation and leaves it again while a job runs on the others, who notice nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT, Deployment, composer, eventually, free_port, nvflare, provision
from tests.docker.faults.stack import containers

pytestmark = [pytest.mark.docker, pytest.mark.nvflare, pytest.mark.usefixtures("engine")]

SITE_3 = "  - name: site-3\n    type: client\n    org: ward_c\n  - name: admin@"


def test_a_site_comes_and_goes_while_a_job_runs(definition: Path | None, tmp_path: Path) -> None:
    port = free_port()
    kits = provision(tmp_path, f"grows{port}", port)
    one = Deployment(tmp_path / "deployment", kits, definition)
    with one.running():
        before = containers(one)
        job = nvflare(one, "job", "submit", "-j", "./job", cwd=_slow_job(tmp_path).parent)["job_id"]
        eventually(lambda: "RUNNING" in str(nvflare(one, "job", "meta", job)), 60)
        project = tmp_path / "project.yml"
        project.write_text(project.read_text().replace("  - name: admin@", SITE_3))
        anew = Path(composer("provision", project, "-w", tmp_path / "workspace").out.strip())
        assert anew.name == "prod_01"
        ended = composer("add", anew, "-C", one.folder)
        assert ended.returncode == 0, ended.err
        assert "joined: site-3" in ended.err
        rows = {row["name"]: row for row in one.status()["participants"]}
        assert rows["site-3"]["registered"]
        assert before.items() <= containers(one).items()
        # A plain `up` knows who is of it.
        again = composer("up", "-C", one.folder)
        assert "runs already, nothing changed: 4 participants" in again.err
        ended = composer("remove", "site-3", "-C", one.folder)
        assert ended.returncode == 0, ended.err
        assert containers(one) == before
        assert (one.folder / "workspaces" / "site-3").is_dir()
        assert "RUNNING" in str(nvflare(one, "job", "meta", job)), "the job was over before"
        waited = nvflare(one, "job", "wait", job, "--timeout", "120", "--interval", "1")
        assert waited["status"] == "FINISHED:COMPLETED"


def _slow_job(folder: Path) -> Path:
    """The quickstart's job, each of whose rounds takes seconds."""
    made = folder / "job"
    shutil.copytree(ROOT / "examples" / "quickstart" / "job", made)
    script = made / "app" / "custom" / "train.py"
    text = script.read_text()
    slow = text.replace("        weights =", "        time.sleep(6)\n        weights =")
    assert slow != text
    script.write_text(slow.replace("import nvflare", "import time\n\nimport nvflare"))
    return made
