"""composer: NVIDIA FLARE startup kits in, a running, secure federation out.

The verbs of the command line are functions of the modules of :mod:`composer.usecases`. Those that notebooks and scripts
need are here::

    from pathlib import Path
    from composer import Inputs, check, down, open_session, status, up

    federation = Inputs((Path("workspace/my-project/prod_00"),), None, Path("deployment"))
    assert check(federation).ok
    with open_session(federation).resolved() as planned:
        print([(one.name, one.host) for one in planned.participants])
    up(federation)
    print([one.name for one in status(federation.deployment).participants if one.registered])
    down(federation.deployment)

A :class:`Session` is what each verb itself makes of its inputs: read once, completed, and, resolved, who would run and
how. The verbs raise :class:`ComposerError`, which has a ``message`` and a ``hint``, and speak through a
:class:`Reporter`, by itself a silent one. They are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module

# That of typing takes longer to import than all else here, and it is the first that `python -m composer` imports.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from composer.model.errors import ComposerError, NotHealthy
    from composer.model.plan import Plan
    from composer.model.reporter import Reporter
    from composer.model.status import FederationStatus, ParticipantStatus
    from composer.usecases.build import build
    from composer.usecases.check import check
    from composer.usecases.down import down
    from composer.usecases.generate import generate
    from composer.usecases.inputs import Inputs
    from composer.usecases.logs import logs
    from composer.usecases.session import Session, open_session
    from composer.usecases.status import status
    from composer.usecases.up import plan_up, up
    from composer.usecases.why import why

__version__ = "0.1.0"

__all__ = [
    "ComposerError",
    "FederationStatus",
    "Inputs",
    "NotHealthy",
    "ParticipantStatus",
    "Plan",
    "Reporter",
    "Session",
    "build",
    "check",
    "down",
    "generate",
    "logs",
    "open_session",
    "plan_up",
    "status",
    "up",
    "why",
]

_MODULES = {
    "ComposerError": "model.errors",
    "FederationStatus": "model.status",
    "Inputs": "usecases.inputs",
    "NotHealthy": "model.errors",
    "Plan": "model.plan",
    "ParticipantStatus": "model.status",
    "Reporter": "model.reporter",
    "Session": "usecases.session",
    "open_session": "usecases.session",
    "plan_up": "usecases.up",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"composer.{_MODULES.get(name, f'usecases.{name}')}"), name)
