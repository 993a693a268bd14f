"""One composer at a time, as a use case asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from composer.deployment.manifest import Manifest
from composer.model.reporter import Reporter
from composer.runtimes.lifecycle import Lifecycle
from composer.usecases.inputs import Inputs


@contextmanager
def lock_inputs(inputs: Inputs, reporter: Reporter, wait: bool, dry_run: bool) -> Iterator[None]:
    """Be the only composer at work on a folder that these inputs may be written to; what is there is read only then.

    Raises:
        ComposerError: The folder is no place for a deployment, or another composer is at work there.
    """
    from composer.deployment.place import require_place

    # Not even a lock may be made in a kit.
    require_place(inputs.deployment, [*inputs.kits, *([inputs.definition] if inputs.definition else [])])
    with locked_deployment(inputs.deployment, reporter, wait, dry_run):
        yield


def locked_deployment(
    deployment: Path, reporter: Reporter, wait: bool, dry_run: bool, needed: bool = True
) -> AbstractContextManager[None]:
    """Be the only composer at work on a deployment folder, for the time of the block; a dry run need not be.

    Raises:
        ComposerError: Another is, and this was not asked to wait for it; or nothing can be written there, and the lock
            is ``needed``.
    """
    from composer.deployment.locks import lock_deployment

    if dry_run:
        return nullcontext()
    return lock_deployment(deployment, wait, lambda who: reporter.step(f"Waiting for {who}"), needed)


def reserved(
    lifecycle: Lifecycle, manifest: Manifest, reporter: Reporter, wait: bool, dry_run: bool
) -> AbstractContextManager[None]:
    """Be the only composer at work on what the runtime shares with other folders; a dry run need not be.

    Raises:
        ComposerError: Another is, and this was not asked to wait for it.
    """
    if dry_run:
        return nullcontext()
    return lifecycle.reserved(manifest, wait, lambda who: reporter.step(f"Waiting for {who}"))
