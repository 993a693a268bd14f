"""YAML as Compose reads it in the same way as we wrote it: every string double-quoted, every ``$`` doubled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml


class _Quoted(str):
    """A string that is written between double quotes."""


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, indentless=False)


_Dumper.add_representer(
    _Quoted, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style='"')
)


def dump_compose(document: Mapping[str, Any]) -> str:
    """Return ``document`` as a Compose file.

    PyYAML writes ``089`` and ``1e3`` without quotes and Compose reads them as numbers; and Compose replaces
    ``$NAME`` in values (compose-spec, 12-interpolation) though not in keys.
    """
    return yaml.dump(_quote(document), Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=False)


def _quote(value: Any) -> Any:
    if isinstance(value, str):
        return _Quoted(value.replace("$", "$$"))
    if isinstance(value, Mapping):
        return {_Quoted(key): _quote(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_quote(item) for item in value]
    return value
