"""What people write into composer.yml as they do for Compose, turned into the form that the schema has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from composer.model.names import VARIABLE

# The scalars of the file as they are written in it, by the keys and numbers that lead to them.
Texts = Mapping[tuple[str | int, ...], str]


# More than any machine has.
_MOST_GPUS = 64


def accept(document: Any, texts: Texts) -> Any:
    """Return the document in the form of the schema; what is no such form is left for the schema to refuse.

    Args:
        document: What the YAML says.
        texts: Its scalars as they are written: ``1.10`` is no number to an environment.
    """
    if not isinstance(document, dict):
        return document
    accepted = dict(document)
    if isinstance(accepted.get("kits"), str):
        accepted["kits"] = [accepted["kits"]]
    if isinstance(accepted.get("extra_hosts"), list):
        accepted["extra_hosts"] = _pairs(accepted["extra_hosts"], ":=")
    _take(accepted, "image", lambda image: _image(image, texts, ("image",)))
    participants = accepted.get("participants")
    if isinstance(participants, dict):
        accepted["participants"] = {
            name: _participant(one, texts, ("participants", str(name))) for name, one in participants.items()
        }
    return accepted


def _participant(choice: Any, texts: Texts, where: tuple[str | int, ...]) -> Any:
    if not isinstance(choice, dict):
        return choice
    accepted = dict(choice)
    _take(accepted, "image", lambda image: _image(image, texts, (*where, "image")))
    _take(accepted, "environment", _of_caller)
    _take(accepted, "environment", lambda value: _environment(value, texts, (*where, "environment")))
    _take(accepted, "env_file", lambda value: [value] if isinstance(value, str) else value)
    _take(accepted, "gpus", _gpus)
    _take(accepted, "data", _data)
    _take(accepted, "ulimits", _ulimits)
    return accepted


def _image(image: Any, texts: Texts, where: tuple[str | int, ...]) -> Any:
    if not isinstance(image, dict):
        return image
    accepted = dict(image)
    _take(accepted, "environment", lambda value: _environment(value, texts, (*where, "environment")))
    return accepted


def _take(mapping: dict[str, Any], key: str, change: Any) -> None:
    if key in mapping:
        mapping[key] = change(mapping[key])


def _environment(value: Any, texts: Texts, where: tuple[str | int, ...]) -> Any:
    if isinstance(value, list):
        return _pairs(value, "=")
    if not isinstance(value, dict):
        return value
    numbers = {name: texts.get((*where, str(name)), one) for name, one in value.items() if isinstance(one, int | float)}
    return {**value, **numbers}


def _of_caller(value: Any) -> Any:
    """A name without a value is that of the caller's environment, as to Compose."""
    if isinstance(value, list):
        return [f"{one}=${{{one}}}" if isinstance(one, str) and VARIABLE.fullmatch(one) else one for one in value]
    if not isinstance(value, dict):
        return value
    return {name: f"${{{name}}}" if one is None else one for name, one in value.items()}


def _pairs(items: list[Any], between: str) -> Any:
    """``["A=b"]`` as a mapping; as it is where one of the items is no pair."""
    pairs = {}
    for item in items:
        at = min((item.find(sign) for sign in between if sign in item), default=0) if isinstance(item, str) else 0
        if at <= 0:
            return items
        pairs[item[:at]] = item[at + 1 :]
    return pairs


def _gpus(value: Any) -> Any:
    """A number means the first ones, as it does to Docker (daemon/nvidia_linux.go: countToDevices)."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _MOST_GPUS:
        return value
    return [str(number) for number in range(value)]


def _ulimits(value: Any) -> Any:
    """A number is both the soft and the hard limit, as it is to Compose."""
    if not isinstance(value, dict):
        return value
    return {
        name: {"soft": one, "hard": one} if isinstance(one, int) and not isinstance(one, bool) else one
        for name, one in value.items()
    }


def _data(value: Any) -> Any:
    items = [value] if isinstance(value, str) else value
    return [_mount(item) for item in items] if isinstance(items, list) else value


def _mount(item: Any) -> Any:
    """``SOURCE:TARGET[:ro|rw]``: only to be read unless it says ``rw``, as where it is written out."""
    parts = item.split(":") if isinstance(item, str) else []
    if len(parts) not in (2, 3) or parts[-1] not in ("ro", "rw", parts[1]):
        return item
    return {"source": parts[0], "target": parts[1], "read_only": parts[2:] != ["rw"]}


def accept_in_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of composer.yml with the forms that :func:`accept` takes, so that no editor marks them."""
    choices, kinds = schema["properties"], schema["$defs"]
    texts = {"type": "array", "items": {"type": "string"}}
    pairs = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}}
    mount = {"anyOf": [{"$ref": "#/$defs/DataMount"}, {"type": "string"}]}
    _allow(choices, "kits", {"type": "string"})
    _allow(choices, "extra_hosts", texts)
    for kind in ("ImageChoice", "ParticipantChoice"):
        _allow(kinds[kind]["properties"], "environment", pairs, texts)
    _allow(kinds["ParticipantChoice"]["properties"], "env_file", {"type": "string"})
    _allow(kinds["ParticipantChoice"]["properties"], "gpus", {"type": "integer", "minimum": 1, "maximum": _MOST_GPUS})
    limit = {"anyOf": [{"$ref": "#/$defs/Ulimit"}, {"type": "integer"}]}
    _allow(kinds["ParticipantChoice"]["properties"], "ulimits", {"type": "object", "additionalProperties": limit})
    _allow(kinds["ParticipantChoice"]["properties"], "data", {"type": "array", "items": mount}, {"type": "string"})
    return schema


def _allow(properties: dict[str, Any], key: str, *forms: dict[str, Any]) -> None:
    known = properties[key]
    beside = {name: known.pop(name) for name in ("default", "title", "description") if name in known}
    properties[key] = {"anyOf": [*known.get("anyOf", [known]), *forms], **beside}
