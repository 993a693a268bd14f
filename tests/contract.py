"""What every runtime holds to: the fake one, on which use cases are tested, and the real ones alike."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from composer.deployment.manifest import Manifest
from composer.deployment.recorded import read_manifest
from composer.model.reporter import SILENT
from composer.runtimes.lifecycle import Lifecycle
from tests.conftest import Deployment


def hold_to_the_contract(make: Callable[[], Lifecycle], manifest: Manifest, watch_until_registered: bool) -> None:
    """Start, start again, take back and stop a deployment of which nothing runs yet, and leave nothing of it.

    Args:
        make: Returns the lifecycle of one command; each command has its own.
        manifest: Of the deployment, whose files lie ready and whose images or environments are built.
        watch_until_registered: Whether participants can register.
    """
    from composer.runtimes.readiness import wait_until_federated

    names = {one.name for one in manifest.started}
    services = {one.service for one in manifest.started}
    first = make()
    assert first.remember().names == ()
    assert first.running(manifest) == ()
    first.start(manifest, SILENT, dry_run=True)
    assert first.running(manifest) == ()

    # From nothing and back to nothing.
    first.start(manifest, SILENT)
    assert set(first.running(manifest)) == names
    first.roll_back(manifest, SILENT)
    assert make().running(manifest) == ()
    assert make().remember().names == ()

    second = make()
    second.remember()
    second.start(manifest, SILENT)
    if watch_until_registered:
        status = wait_until_federated(second.watched(manifest), 120, lambda _: None)
        assert {one.name for one in status.participants if one.registered} == names
    assert {one.name for one in second.watched(manifest).observe(_now()).participants} == names
    second.settle(manifest)

    # Who runs already goes on, whatever becomes of the command.
    third = make()
    present = third.remember()
    assert set(present.names) in (names, services)
    assert set(present.authorities) in (names, services)
    third.start(manifest, SILENT)
    assert set(third.running(manifest)) == names
    third.roll_back(manifest, SILENT)
    assert set(make().running(manifest)) == names

    # One alone is stopped and started; stopped twice, or started twice, it is as it was after the first time.
    one = manifest.only(["site-1"])
    for remain in (True, False, False):
        make().stop_only(one, SILENT, remain)
        assert set(make().running(manifest)) == names - {"site-1"}
    assert make().jobs(manifest) == ()
    for _ in range(2):
        make().start_only(one, SILENT)
        assert set(make().running(manifest)) == names

    last = make()
    last.stop(manifest, SILENT, dry_run=True)
    assert set(last.running(manifest)) == names
    for _ in range(2):
        last.stop(manifest, SILENT, dry_run=False)
        assert make().running(manifest) == ()
        assert make().remember().names == ()


def hold_to_the_contract_for_real(lifecycle: Callable[[Path], Lifecycle], deployment: Deployment) -> None:
    """Build a deployment, hold what runs it to the contract, and leave nothing of it."""
    ended = deployment.on_kits("build")
    assert ended.returncode == 0, ended.err
    manifest = read_manifest(deployment.folder)
    assert manifest
    try:
        hold_to_the_contract(lambda: lifecycle(deployment.folder), manifest, watch_until_registered=True)
    finally:
        deployment.forget()


def hold_to_the_plan(deployment: Deployment, runtime: str) -> None:
    """Change one participant: what a dry run says of everybody is what happens then, and it is said again as data."""
    definition = deployment.folder.parent / "changed.yml"
    definition.write_text(f"{runtime}participants: {{site-1: {{environment: {{COLOUR: blue}}}}}}\n")
    changed = replace(deployment, definition=definition)
    with deployment.running():
        before = _since(deployment)
        assert _plan(deployment)["keep"] == ["server1", "site-1", "site-2"]
        plan = _plan(changed)
        assert (plan["restart"], plan["keep"]) == (
            {"site-1": "its settings have changed"},
            ["server1", "site-2"],
        )
        assert _since(deployment) == before
        ended = changed.up()
        assert ended.returncode == 0, ended.err
        after = _since(deployment)
        assert {name for name in after if after[name] != before[name]} == {"site-1"}
        ended = changed.run("up", str(changed.kits / "server1"), str(changed.kits / "site-1"), "--dry-run")
        assert "stop and remove site-2" in ended.out


def hold_to_single_participants(deployment: Deployment) -> None:
    """Stop, start, restart and enter one participant by the command line; all others go on."""
    with deployment.running():
        before = _since(deployment)
        ended = deployment.run("stop", "site-2")
        assert (ended.returncode, "stopped: site-2" in ended.err) == (0, True), ended.err
        rows = {one["name"]: one for one in deployment.status()["participants"]}
        assert [one["state"] for one in rows.values()] == ["running", "running", "absent"]
        assert "composer start site-2" in rows["site-2"]["detail"]
        assert "site-2 does not run" in deployment.run("exec", "site-2", "true").err
        assert "none of them ran; nothing changed" in deployment.run("stop", "site-2").err
        ended = deployment.run("start", "site-2")
        assert (ended.returncode, "registered: site-2" in ended.err) == (0, True), ended.err
        assert "already running, nothing changed: site-2" in deployment.run("start", "site-2").err
        ended = deployment.run("restart", "site-1")
        assert (ended.returncode, "registered: site-1" in ended.err) == (0, True), ended.err
        after = _since(deployment)
        assert {name for name in before if before[name] != after[name]} == {"site-1", "site-2"}

        program = "import nvflare, os, sys; print(os.getcwd(), sys.argv[1:]); sys.exit(7)"
        ended = deployment.run("exec", "site-1", "--", "python3", "-c", program, "-v", "two words")
        assert (ended.returncode, ended.err) == (7, "")
        assert ended.out.endswith("['-v', 'two words']\n")
        assert deployment.status()["healthy"]


def _plan(deployment: Deployment) -> dict[str, Any]:
    ended = deployment.on_kits("up", "--dry-run", "--json")
    assert ended.returncode == 0, ended.err
    (here,) = json.loads(ended.out)["hosts"]
    assert here["host"] == "local"
    return dict(here)


def _since(deployment: Deployment) -> dict[str, str]:
    return {one["name"]: one["since"] for one in deployment.status()["participants"]}


def _now() -> datetime:
    return datetime.now(timezone.utc)
