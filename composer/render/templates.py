"""The templates of ``dockerfiles/``, found in a wheel as in a checkout, and the only user of Jinja2."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment


def templates_folder() -> Path:
    """Return the folder of the templates: packaged in a wheel, beside the package in a checkout."""
    package = Path(__file__).resolve().parent.parent
    beside = package.parent / "dockerfiles"
    # An editable install leaves a stale packaged copy elsewhere; the checkout's own is the true one.
    return beside if (beside / "Dockerfile.j2").is_file() else package / "dockerfiles"


@functools.cache
def read_template(name: str) -> bytes:
    """Return the content of a file of ``dockerfiles/`` that needs no rendering."""
    return (templates_folder() / name).read_bytes()


def render_template(name: str, **values: object) -> str:
    """Return the template ``name`` with ``values`` filled in; one that is missing is an error."""
    return _environment().get_template(name).render(**values)


@functools.cache
def _environment() -> SandboxedEnvironment:
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    return SandboxedEnvironment(
        loader=FileSystemLoader(templates_folder()),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
