"""What :func:`composer.usecases.generate.generate` would change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from composer.usecases.inputs import Inputs
from composer.usecases.planning import plan
from composer.usecases.session import open_session

if TYPE_CHECKING:
    from composer.deployment.difference import Difference


def diff(inputs: Inputs) -> tuple[Difference, ...]:
    """Return what :func:`generate` would change in the deployment folder.

    Raises:
        ComposerError: As for :func:`generate`.
    """
    from composer.deployment.write import differences

    return differences(plan(open_session(inputs)).rendering, inputs.deployment)
