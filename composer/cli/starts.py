"""What commands that bring participants up have in common: the plan, the questions, and what is said at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from composer.cli.prompts import can_ask, confirmed

if TYPE_CHECKING:
    from collections.abc import Callable

    from composer.cli.screen.terminal import Terminal
    from composer.model.plan import Plan
    from composer.model.status import FederationStatus


def show_plan(plan: Plan, as_json: bool) -> None:
    """Print what a command would do."""
    from composer.cli.screen.plan import print_plan

    print_plan(plan, as_json)


def asking(terminal: Terminal, agreed: bool) -> Callable[[str], bool]:
    """Return what asks the user, who may have agreed to everything before."""

    def ask(question: str) -> bool:
        terminal.pause()
        return agreed or (can_ask() and confirmed(question))

    return ask


def tell_of_start(terminal: Terminal, status: FederationStatus, detach: bool, as_json: bool) -> None:
    """Say what has become of a start that went well, and print it as JSON where that was asked for."""
    if as_json:
        from composer.cli.screen import output

        output.print_json(output.status_document(status))
    if not status.participants:
        terminal.done(f"{status.federation}: nobody is to be started here; open the administrator's: composer admin")
    elif not status.changed:
        terminal.done(f"{status.federation} runs already, nothing changed: {len(status.participants)} participants")
    elif detach:
        terminal.done(f"{status.federation} is starting; see who is registered with: composer status")
    else:
        terminal.done(f"{status.federation} is up: {len(status.participants)} participants, all registered")
