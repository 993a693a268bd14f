"""What checks find."""

from __future__ import annotations

from dataclasses import dataclass

from composer.model.kinds import Severity


@dataclass(frozen=True)
class Finding:
    """One thing that a check found: its id (docs/checks.md), what is wrong and what to do."""

    id: str
    severity: Severity
    kit: str
    message: str
    fix: str
