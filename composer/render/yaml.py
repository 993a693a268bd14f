"""YAML as Compose reads it in the same way as we wrote it: every string double-quoted, every ``$`` doubled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml


class _Quoted(str):
    """A string that is written between double quotes."""


class Interpolated(str):
    """A string in which Compose is to replace ``${NAME}``."""


def _dumper(base: Any) -> Any:
    """Make a dumper that quotes every string and writes what occurs twice twice."""
    dumper: Any = type("Dumper", (base,), {"ignore_aliases": lambda *_: True})
    dumper.add_representer(
        _Quoted, lambda itself, text: itself.represent_scalar("tag:yaml.org,2002:str", str(text), style='"')
    )
    return dumper


# libyaml's, where PyYAML was built with it, writes the same bytes in a fifth of the time.
_DUMPER = _dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper))


def dump_compose(document: Mapping[str, Any]) -> str:
    """Return ``document`` as a Compose file.

    PyYAML writes ``089`` and ``1e3`` without quotes and Compose reads them as numbers; and Compose replaces
    ``$NAME`` in values (compose-spec, 12-interpolation) though not in keys.
    """
    return yaml.dump(_quote(document), Dumper=_DUMPER, sort_keys=False, width=10_000, allow_unicode=False)


def _quote(value: Any) -> Any:
    if isinstance(value, Interpolated):
        return _Quoted(value)
    if isinstance(value, str):
        return _Quoted(value.replace("$", "$$"))
    if isinstance(value, Mapping):
        return {_Quoted(key): _quote(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_quote(item) for item in value]
    return value
