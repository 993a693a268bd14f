"""Values that composer.yml does not hold itself: those of ``env_file``, and ``${NAME}`` of the caller's environment.

The form of an ``env_file`` is that of Compose (compose-go, ``dotenv``), a value to a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from composer.definition import Definition, ParticipantChoice
from composer.model.errors import ComposerError
from composer.system.ownership import require_own

_LINE = re.compile(r"(?:export\s+)?([^\s=:'\"]+)\s*(?:[=:]\s*(.*))?", re.DOTALL)
_SINGLE, _DOUBLE = re.compile(r"'([^']*)'\s*(?:#.*)?"), re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?')
_COMMENT = re.compile(r"(?:^|\s)#.*")
_ESCAPED = re.compile(r"\\([nrt\"\\$])")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
# ${NAME}, ${NAME:-default}, ${NAME-default}, ${NAME:?message}, ${NAME?message}; in an env_file also $NAME.
_BRACED = r"\$\{(?P<name>[A-Za-z_]\w*)(?:(?P<how>:?[-?])(?P<word>[^}]*))?\}"
_IN_DEFINITION = re.compile(rf"\$(?P<literal>\$)(?=\{{)|{_BRACED}", re.ASCII)
_IN_FILE = re.compile(rf"(?P<literal>\\\$)|{_BRACED}|\$(?P<bare>[A-Za-z_]\w*)", re.ASCII)


def private_values(definition: Definition, caller: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return, by participant, the variables whose values are in no composer.yml.

    What ``environment`` says goes before what an ``env_file`` says, and a later file before an earlier one, as in
    Compose.

    Args:
        definition: The user's choices.
        caller: The environment of whoever runs composer.

    Raises:
        ComposerError: A variable is not set, or a file cannot be read, is not of that form, or can be read by others.
    """
    found = {name: dict(_values(name, choice, caller)) for name, choice in definition.participants.items()}
    return {name: values for name, values in found.items() if values}


def is_private(value: str) -> bool:
    """Tell whether a value of ``environment`` names a variable of the caller's environment."""
    return any(match["name"] for match in _IN_DEFINITION.finditer(value))


def written_out(value: str) -> str:
    """Return a value of ``environment`` that names no variable: ``$${`` stands for ``${``."""
    return value.replace("$${", "${")


def _values(name: str, choice: ParticipantChoice, caller: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for path in choice.env_file:
        yield from (pair for pair in _read(path, caller).items() if pair[0] not in choice.environment)
    for variable, value in choice.environment.items():
        if is_private(value):
            yield variable, _filled(value, _IN_DEFINITION, caller, f"participants.{name}.environment.{variable}")


def _read(path: Path, caller: Mapping[str, str]) -> dict[str, str]:
    require_own(path)
    try:
        mode, text = path.stat().st_mode, path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ComposerError(f"cannot read {path}: {reason}", "correct env_file in composer.yml") from error
    if mode & 0o077:
        raise ComposerError(f"{path} holds secrets, and others may read or write it", f"chmod 600 {path}")
    return parse_env_file(text, caller, str(path))


def parse_env_file(text: str, caller: Mapping[str, str], where: str) -> dict[str, str]:
    """Return the variables of an ``env_file``.

    Args:
        text: What is in it.
        caller: The environment of whoever runs composer, in which a name without a value is looked up, too.
        where: What the file is called in messages, which show no value.

    Raises:
        ComposerError: A line is not of Compose's form, or names a variable that is not set.
    """
    values: dict[str, str] = {}
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        place = f"{where}:{number}"
        found = _LINE.fullmatch(stripped)
        if not found:
            raise ComposerError(f"{place}: this is no NAME=value", "write one variable to a line, as for Compose")
        name, written = found[1], found[2]
        if written is None:
            values[name] = _filled(f"${{{name}}}", _IN_FILE, caller, place)
        else:
            values[name] = _value(written, {**caller, **values}, place)
    return values


def _value(written: str, known: Mapping[str, str], where: str) -> str:
    if written[:1] not in ("'", '"'):
        return _filled(_COMMENT.sub("", written).strip(), _IN_FILE, known, where)
    found = (_SINGLE if written[0] == "'" else _DOUBLE).fullmatch(written)
    if not found:
        raise ComposerError(f"{where}: a quote is not closed on its line", r'write the end of a line as "\n"')
    if written[0] == "'":
        return found[1]
    # A dollar that is escaped begins no name.
    kept = _ESCAPED.sub(lambda one: one[0] if one[1] == "$" else _ESCAPES.get(one[1], one[1]), found[1])
    return _filled(kept, _IN_FILE, known, where)


def _filled(text: str, pattern: re.Pattern[str], known: Mapping[str, str], where: str) -> str:
    def fill(found: re.Match[str]) -> str:
        parts = found.groupdict()
        if parts["literal"]:
            return "$"
        name, how = parts.get("bare") or parts["name"], parts["how"] or ""
        value = known.get(name)
        if value is not None and not (how.startswith(":") and not value):
            return value
        if how.endswith("-"):
            return str(parts["word"])
        raise ComposerError(f"{where}: ${{{name}}} is not set", f"export {name}, or write it into an env_file")

    return pattern.sub(fill, text)
