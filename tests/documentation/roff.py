"""The manual page, made of click's own commands: roff as man-pages(7) has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from inspect import cleandoc

import click

from composer import __version__

_FILES = (
    ("composer.yml", "The definition. It is optional; composer schema prints what may be in it."),
    ("deployment/", "The deployment folder: generated files, workspaces and the server's job store."),
)
_ENVIRONMENT = (
    ("COMPOSER_DEPLOYMENT", "The deployment folder, where -C is not given."),
    ("COMPOSER_PIN", "The PIN of an archive of kits."),
    ("COMPOSER_PASSPHRASE", "The passphrase of composer bundle --encrypt passphrase."),
    ("DOCKER_HOST", "The Docker engine, as for docker(1)."),
    ("NO_COLOR", "Draw without colours."),
)
_STATUS = (
    ("0", "Done."),
    ("1", "An error; the message says what to do."),
    ("2", "Wrong usage."),
    ("3", "Somebody is not healthy, or a check failed."),
    ("129, 130, 143", "Ended by the end of its terminal, by Ctrl-C, by SIGTERM."),
)


def manual(commands: Iterable[tuple[str, click.Context]]) -> str:
    """Return composer(1).

    Args:
        commands: Every command with its whole name, the group of all first.
    """
    (_, top), *rest = commands
    text = [
        f'.TH COMPOSER 1 "" "composer {__version__}" "User Commands"',
        ".SH NAME",
        r"composer \- turn NVIDIA FLARE startup kits into a running, secure federation",
        ".SH SYNOPSIS",
        r".B composer",
        r"[OPTIONS] COMMAND [ARGS]...",
        ".SH DESCRIPTION",
        *_paragraphs(top.command.help or ""),
        ".SH OPTIONS",
        *_options(top),
        ".SH COMMANDS",
    ]
    for name, context in rest:
        usage = " ".join(context.command.collect_usage_pieces(context))
        text += [f'.SS "{_escaped(name)} {_escaped(usage)}"', *_paragraphs(context.command.help or "")]
        text += _options(context)
    for title, rows in (("EXIT STATUS", _STATUS), ("ENVIRONMENT", _ENVIRONMENT), ("FILES", _FILES)):
        text += [f".SH {title}", *(line for term, said in rows for line in _row(term, said))]
    text += [".SH SEE ALSO", ".BR docker (1)"]
    return "\n".join(text) + "\n"


def _options(context: click.Context) -> Iterator[str]:
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context)
        if record:
            yield from _row(*record)


def _row(term: str, said: str) -> Iterator[str]:
    yield from (".TP", rf"\fB{_escaped(term)}\fR", _escaped(said))


def _paragraphs(text: str) -> Iterator[str]:
    # Python 3.13 itself takes the indentation away.
    for paragraph in cleandoc(text).split("\n\n"):
        lines = paragraph.splitlines()
        if lines and lines[0].strip() == "\b":
            # click's mark of lines that stay as they are.
            yield from (".PP", ".nf", *(_escaped(line) for line in lines[1:]), ".fi")
        elif paragraph.strip():
            yield from (".PP", _escaped(" ".join(paragraph.split())))


def _escaped(text: str) -> str:
    """A backslash, a hyphen that one may copy, and a dot or quote at the beginning of a line mean something to roff."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace('"', r"\(dq")
    return rf"\&{escaped}" if escaped[:1] in (".", "'") else escaped
