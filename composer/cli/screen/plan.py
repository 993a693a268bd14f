"""What a command would do, on standard output: a line for the files and one for each host, or JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from composer.cli.screen.output import print_json, print_lines
from composer.model.kinds import LOCAL
from composer.model.plan import Plan
from composer.model.reporter import some_of
from composer.system.foreign_text import clean_line


def print_plan(plan: Plan, as_json: bool = False) -> None:
    """Print what a command would do."""
    if as_json:
        print_json(asdict(plan))
    else:
        print_lines("\n".join(_plan_lines(plan)))


def _plan_lines(plan: Plan) -> Iterator[str]:
    yield f"files: {f'{len(plan.write)} would be written' if plan.write else 'nothing would change'}"
    for host in plan.hosts:
        deeds = [
            *(
                [f"prepare what {some_of(host.images)} {'runs' if len(host.images) == 1 else 'run'} from"]
                if host.images
                else []
            ),
            *([f"send the private keys of {some_of(host.keys)}"] if host.keys else []),
            *([f"stop and remove {some_of(host.stop)}"] if host.stop else []),
            *([f"start {some_of(host.start)}"] if host.start else []),
            *(f"restart {name} ({why})" for name, why in host.restart.items()),
            *([f"leave {some_of(host.keep)} alone"] if host.keep else []),
        ]
        where = "this machine" if host.host == LOCAL else host.host
        yield clean_line(f"{where}: {'; '.join(deeds) or 'nothing to do'}")
    for name, why in plan.unreachable.items():
        yield clean_line(f"{name}: not reached ({why})")
