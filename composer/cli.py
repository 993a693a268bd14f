"""The command line: options in, one call of a use case, one print. Nothing else, and nothing imported early."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from composer import __version__
from composer.errors import ComposerError

if TYPE_CHECKING:
    from composer.app import Inputs
    from composer.output import Terminal

_FOLDER = click.Path(path_type=Path)


def _verbosity(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add -v and -q, and hand the command the terminal to talk on."""

    @click.option("-v", "--verbose", is_flag=True, help="Show the commands that run, and their output.")
    @click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
    @functools.wraps(function)
    def wrapper(verbose: bool, quiet: bool, **options: Any) -> Any:
        from composer.output import Terminal

        with Terminal(-1 if quiet else int(verbose or bool(options.get("dry_run")))) as terminal:
            return _reporting(terminal, functools.partial(function, terminal, **options))

    return wrapper


def _reporting(terminal: Terminal, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except ComposerError as error:
        terminal.error(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        terminal.error(ComposerError("interrupted"))
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)


def _deployment(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "-d",
        "--deployment",
        type=_FOLDER,
        default=Path("deployment"),
        envvar="COMPOSER_DEPLOYMENT",
        show_default=True,
        show_envvar=True,
        help="The deployment folder.",
        callback=lambda _context, _option, value: value.absolute(),
    )(function)


def _kits(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add KITS, -f and -d, and hand the command all three as one."""

    @click.argument("kits", nargs=-1, type=_FOLDER)
    @click.option(
        "-f",
        "--file",
        "definition",
        type=_FOLDER,
        help="The definition. [default: ./composer.yml, if it is there]",
    )
    @_deployment
    @functools.wraps(function)
    def wrapper(
        *arguments: Any, kits: tuple[Path, ...], definition: Path | None, deployment: Path, **options: Any
    ) -> Any:
        from composer.app import Inputs

        if definition is None and Path("composer.yml").is_file():
            definition = Path("composer.yml")
        inputs = Inputs(kits, definition.absolute() if definition else None, deployment)
        return function(*arguments, inputs=inputs, **options)

    return wrapper


_FORCE = click.option("--force", is_flag=True, help="Replace generated files that were edited; yours stay as .orig.")
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Show the files and commands, do nothing.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="composer")
def cli() -> None:
    """Turns NVIDIA FLARE startup kits into a running, secure federation.

    KITS are a prod_NN folder, folders of single kits, or archives of either. Without them, composer takes
    those of composer.yml, or of the deployment's last run.
    """


@cli.command()
@_verbosity
@_kits
@_FORCE
@_DRY_RUN
def generate(terminal: Terminal, inputs: Inputs, force: bool, dry_run: bool) -> None:
    """Write the deployment folder; run nothing."""
    from composer import app

    generated = app.generate(inputs, terminal, force, dry_run)
    changes = f"{len(generated.changed)} files written" if generated.changed else "nothing changed"
    terminal.done(f"{inputs.deployment}: {changes}")


@cli.command()
@_verbosity
@_kits
@_FORCE
@_DRY_RUN
def build(terminal: Terminal, inputs: Inputs, force: bool, dry_run: bool) -> None:
    """Generate, then build the images that are missing or stale."""
    from composer import app

    built = app.build(inputs, terminal, force, dry_run)
    terminal.done(f"built the images of {', '.join(built)}" if built else "all images are fresh")


@cli.command()
@_verbosity
@_kits
@click.option("--timeout", type=click.FloatRange(min=0), default=120.0, show_default=True, help="Seconds to wait.")
@_FORCE
@_DRY_RUN
def up(terminal: Terminal, inputs: Inputs, timeout: float, force: bool, dry_run: bool) -> None:
    """Generate and build what is stale, start, and wait until all are registered."""
    from composer import app

    status = app.up(inputs, terminal, timeout, force, dry_run)
    if not dry_run:
        terminal.done(f"{status.federation} is up: {len(status.participants)} participants, all registered")


@cli.command()
@_verbosity
@_deployment
@_JSON
def status(terminal: Terminal, deployment: Path, as_json: bool) -> None:  # noqa: ARG001
    """Show a row per participant; exit with 3 unless all is well."""
    from composer import app, output

    seen = app.status(deployment)
    if as_json:
        output.print_json(output.status_document(seen))
    else:
        output.print_status(seen)
    sys.exit(0 if seen.healthy else 3)


@cli.command()
@_verbosity
@click.argument("names", metavar="[PARTICIPANT]...", nargs=-1)
@_deployment
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes.")
@click.option("-n", "--lines", type=click.IntRange(min=0), help="Only the last lines of each.")
def logs(terminal: Terminal, names: tuple[str, ...], deployment: Path, follow: bool, lines: int | None) -> None:  # noqa: ARG001
    """Print the participants' logs."""
    from composer import app

    sys.exit(app.logs(deployment, names, follow, lines, colour=sys.stdout.isatty()))


@cli.command()
@_verbosity
@_deployment
@click.option("--purge", is_flag=True, help="Delete the deployment folder too, with workspaces and job store.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before deleting.")
@_DRY_RUN
def down(terminal: Terminal, deployment: Path, purge: bool, yes: bool, dry_run: bool) -> None:
    """Stop and remove the containers; kits, workspaces and job store stay."""
    from composer import app

    app.down(deployment, terminal, purge, lambda question: yes or click.confirm(question, err=True), dry_run)


@cli.command()
@_verbosity
@click.argument("name", required=False)
@click.argument("arguments", metavar="[-- ARGS...]", nargs=-1, type=click.UNPROCESSED)
@_deployment
def admin(terminal: Terminal, name: str | None, arguments: tuple[str, ...], deployment: Path) -> None:
    r"""Open NVFLARE's admin console, or run one `nvflare ARGS`.

    \b
    composer admin -- job submit -j ./job
    composer admin lead@hospital.example -- job list
    """
    from composer import app

    sys.exit(app.admin(deployment, name, arguments, sys.stdin.isatty() and sys.stdout.isatty(), terminal))


@cli.command()
@_verbosity
@_kits
def hosts(terminal: Terminal, inputs: Inputs) -> None:
    """Print the /etc/hosts lines of the federation."""
    from composer import app

    click.echo(app.hosts(inputs, terminal), nl=False)


@cli.command()
@_verbosity
@click.argument("project", type=_FOLDER, metavar="PROJECT.yml")
@click.option(
    "-w",
    "--workspace",
    type=_FOLDER,
    default=Path("workspace"),
    show_default=True,
    help="NVFLARE's workspace.",
)
def provision(terminal: Terminal, project: Path, workspace: Path) -> None:
    """Run NVFLARE's own provisioner; print where the kits are."""
    from composer import app

    click.echo(app.provision(project, workspace, terminal))


@cli.command()
def schema() -> None:
    """Print the JSON Schema of composer.yml, for editors."""
    from composer.definition import definition_schema
    from composer.output import print_json

    print_json(definition_schema())


def main() -> NoReturn:
    """Run the ``composer`` command."""
    cli(prog_name="composer")
    raise AssertionError("click exits by itself")
