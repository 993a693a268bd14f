"""What commands have in common: the options, how they find kits, and how errors end them."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from composer.cli.before import given_before
from composer.cli.screen.terminal import Terminal
from composer.model.errors import ComposerError
from composer.system.signals import Signalled, ignore

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

PATH = click.Path(path_type=Path)
FORCE = click.option("--force", is_flag=True, help="Replace generated files that were edited; yours stay as .orig.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Show the files and commands, do nothing.")
WAIT = click.option("--wait", is_flag=True, help="Wait for another composer that is at work on the folder.")
IGNORE = click.option("--ignore", multiple=True, metavar="ID", help="Leave out a check; may be given again.")
DETACH = click.option("-d", "--detach", is_flag=True, help="Start, and do not wait until they are registered.")
TIMEOUT = click.option(
    "--timeout", type=click.FloatRange(min=0), default=120.0, show_default=True, help="Seconds to wait."
)
YES = click.option("-y", "--yes", is_flag=True, help="Do not ask before private keys are sent to their hosts.")
PLAN_AS_JSON = click.option("--json", "as_json", is_flag=True, help="With --dry-run: print JSON.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def number_of_lines(context: click.Context, option: click.Parameter, value: str | None) -> int | None:
    """Return a number of lines; None for all of them."""
    return None if value in (None, "all") else click.IntRange(min=0)(value, option, context)


def talking(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add -v and -q, and hand the command the terminal to talk on."""

    @click.option("-v", "--verbose", is_flag=True, help="Show the commands that run, and their output.")
    @click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
    @functools.wraps(function)
    def wrapper(verbose: bool, quiet: bool, **options: Any) -> Any:
        quiet, verbose = quiet or given_before("quiet"), verbose or given_before("verbose")
        with Terminal(-1 if quiet else int(bool(verbose or options.get("dry_run")))) as terminal:
            return _reporting(terminal, functools.partial(_with_good_names, function, terminal, **options))

    return wrapper


def _with_good_names(function: Callable[..., Any], terminal: Terminal, **options: Any) -> Any:
    for value in options.values():
        for path in value if isinstance(value, tuple) else (value,):
            if isinstance(path, Path):
                _refuse_undecodable(path.absolute())
    return function(terminal, **options)


def _refuse_undecodable(path: Path) -> None:
    """What composer writes is UTF-8, so the names in it must be."""
    shown = str(path).encode("utf-8", "backslashreplace").decode()
    if shown != str(path):
        raise ComposerError(f"the name of {shown} is not UTF-8", "rename it, or copy what is there to another folder")


def _reporting(terminal: Terminal, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except ComposerError as error:
        terminal.error(error)
        sys.exit(error.exit_code)
    except Signalled as signalled:
        ignore()
        terminal.error(ComposerError(signalled.told))
        sys.exit(signalled.exit_code)
    except BrokenPipeError:
        sys.exit(141)


def takes_deployment(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add -C, and hand the command the folder's real path: by whichever path it is named, it is the same one."""
    return click.option(
        "-C",
        "--deployment",
        type=PATH,
        default=Path("deployment"),
        envvar="COMPOSER_DEPLOYMENT",
        show_default=True,
        show_envvar=True,
        help="The deployment folder.",
        callback=lambda context, _option, value: _folder(context, value),
    )(function)


def takes_definition(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add -f, and hand the command the definition that was chosen, absolute; None where none was."""
    return click.option(
        "-f",
        "--file",
        "definition",
        type=PATH,
        help="The definition. [default: the deployment's own, else ./composer.yml]",
        callback=lambda _context, _option, value: _absolute(value or given_before("definition")),
    )(function)


def _folder(context: click.Context, value: Path) -> Path:
    if context.get_parameter_source("deployment") is not ParameterSource.COMMANDLINE:
        value = given_before("deployment") or value
    return Path(os.path.realpath(value))


def _absolute(path: Path | None) -> Path | None:
    return path.absolute() if path else None


def nearby_definition() -> Path | None:
    """Return ./composer.yml or ./composer.yaml, absolute, if it is there.

    Raises:
        ComposerError: Both are, and it cannot be told which is meant.
    """
    there = [path.absolute() for path in map(Path, ("composer.yml", "composer.yaml")) if path.is_file()]
    if len(there) > 1:
        raise ComposerError("there are composer.yml and composer.yaml here", "keep one of them, or name it with -f")
    return there[0] if there else None


def complete_participants(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Complete what :mod:`composer.cli.completion` does, which only a shell's question needs."""
    from composer.cli.completion import complete_participants as complete

    return complete(context, parameter, typed)


def _complete_kits(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    from composer.cli.completion import complete_kits

    return complete_kits(context, parameter, typed)


def takes_kits(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add KITS, -f and -C, and hand the command all three as one."""

    @click.argument("kits", nargs=-1, type=PATH, shell_complete=_complete_kits)
    @click.option("--pin-file", type=PATH, help="Holds the PIN of an archive. [default: $COMPOSER_PIN, else a prompt]")
    @takes_definition
    @takes_deployment
    @functools.wraps(function)
    def wrapper(
        *arguments: Any,
        kits: tuple[Path, ...],
        pin_file: Path | None,
        definition: Path | None,
        deployment: Path,
        **options: Any,
    ) -> Any:
        from composer.cli.pin import pin_from
        from composer.usecases.inputs import Inputs

        for path in kits:
            _refuse_participant(path, deployment)
        nearby = None if definition else nearby_definition()
        inputs = Inputs(kits, definition, deployment, pin_from(pin_file), nearby)
        return function(*arguments, inputs=inputs, **options)

    return wrapper


def _refuse_participant(path: Path, deployment: Path) -> None:
    """Users of Compose name a service where composer takes kits."""
    if path.exists() or len(path.parts) != 1:
        return
    from composer.deployment.recorded import read_manifest

    manifest = read_manifest(deployment)
    if manifest and str(path) in [name for one in manifest.participants for name in (one.name, one.service)]:
        raise ComposerError(
            f"{path} is a participant of {deployment}, and no kit lies here under that name",
            f"start it: composer start {path}; up and build take the kits of all who are to run",
        )
