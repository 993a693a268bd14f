"""What is wrong with kits, found offline."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from composer.model.errors import ChecksFailed
from composer.model.reporter import Reporter
from composer.usecases.inputs import Inputs
from composer.usecases.room import room_of
from composer.usecases.session import Session, open_session

if TYPE_CHECKING:
    from composer.kits.checks import CheckReport


def check(
    inputs: Inputs, ignore: Sequence[str] = (), root_fingerprint: str = "", warn_days: int | None = None
) -> CheckReport:
    """Look at the kits offline and say what is wrong with them.

    Args:
        inputs: Kits, or where they are named.
        ignore: Ids of checks whose findings are left out.
        root_fingerprint: SHA-256 that the authority's certificate must have; empty: any.
        warn_days: Warn of certificates that end in fewer days.

    Raises:
        ComposerError: There is no kit, or an archive is refused.
    """
    return check_session(open_session(inputs), ignore, root_fingerprint, warn_days)


def check_session(
    session: Session,
    ignore: Sequence[str] = (),
    root_fingerprint: str = "",
    warn_days: int | None = None,
    *,
    starts: bool = False,
) -> CheckReport:
    """Look at the kits of a session as :func:`check` does.

    Raises:
        ComposerError: As for :func:`check`.
    """
    from tempfile import TemporaryDirectory

    from composer.kits.checks import CheckOptions, check_kits

    choices = session.definition.participants.items()
    overlays = {name: choice.local for name, choice in choices if choice.local is not None}
    room = room_of(session.definition, starts)
    options = CheckOptions(datetime.now(timezone.utc), warn_days, frozenset(ignore), root_fingerprint, overlays, room)
    with TemporaryDirectory(prefix="composer-") as folder:
        return check_kits(session.kits, Path(folder), options, session.inputs.pin)


def require_good_kits(session: Session, reporter: Reporter, ignore: Sequence[str] = ()) -> str:
    """Check the kits, warn of what stops nothing, and return the fingerprint of the authority that they all trust.

    Args:
        session: What was given.
        reporter: Hears the warnings.
        ignore: Ids of checks whose findings are left out.

    Raises:
        ChecksFailed: One is bad.
    """
    from composer.kits.project import require_one_server

    report = check_session(session, ignore, starts=True)
    require_one_server([kit.path for kit in report.kits if kit.type == "server"])
    if not report.ok:
        raise ChecksFailed(report.findings, "`composer check` on the same kits says all and what to do")
    for finding in report.findings:
        reporter.warn(f"{finding.kit}: {finding.message} ({finding.id}); {finding.fix}")
    return report.kits[0].root_fingerprint


def require_good_inputs(session: Session, reporter: Reporter, ignore: Sequence[str] = ()) -> str:
    """Check where the deployment folder is to lie, then the kits, as :func:`require_good_kits` does.

    Raises:
        ComposerError: The folder is, holds or lies in kits, or holds what is not composer's.
        ChecksFailed: A kit is bad.
    """
    from composer.deployment.place import require_place

    file = session.definition_file
    require_place(session.deployment, [*session.kits, *([file] if file else [])])
    return require_good_kits(session, reporter, ignore)
