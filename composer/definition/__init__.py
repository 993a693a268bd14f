"""composer.yml, the definition: read strictly, every finding reported at once with its line.

The dataclasses below are the schema: pydantic checks a file against them, and ``composer schema`` prints them
as JSON Schema. Unknown keys are errors. Paths are relative to the file and come out absolute.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from composer.definition.accepted import accept, accept_in_schema
from composer.definition.spelling import suggestion
from composer.model.errors import ComposerError, DefinitionError
from composer.model.kinds import LOCAL, Built, Network, RuntimeName
from composer.system.foreign_text import clip, escape_line
from composer.system.ownership import require_own

if TYPE_CHECKING:
    import yaml
    from pydantic import TypeAdapter

T = TypeVar("T")
_STRICT = {"extra": "forbid"}
_DOCUMENTED = "`composer schema` describes every key, with an example"


@dataclass(frozen=True)
class ImageChoice:
    """What goes into an image; what a participant leaves out, the federation's own choice fills in.

    With a ``registry`` (``HOST[:PORT]/PATH``) images have names in it, and `up` pulls them from there instead of
    building them; only `composer images push` brings them there. ``build_network: host`` has the steps of a build on
    the host's network.
    """

    __pydantic_config__: ClassVar[Any] = _STRICT
    base: str | None = None
    nvflare: str | None = None
    packages: tuple[str, ...] | None = None
    requirements: Path | None = None
    pip_options: tuple[str, ...] | None = None
    environment: Mapping[str, str] | None = None
    wheels: Path | None = None
    ca_bundle: Path | None = None
    pip_config: Path | None = None
    registry: str | None = None
    build_network: Literal["default", "host"] | None = None


@dataclass(frozen=True)
class DataMount:
    """A folder of the host that a participant's jobs may see."""

    __pydantic_config__: ClassVar[Any] = _STRICT
    source: Path
    target: str
    read_only: bool = True


@dataclass(frozen=True)
class Ulimit:
    """A limit of the kernel for each process: what it begins with, and how far it may raise that; -1: no limit."""

    __pydantic_config__: ClassVar[Any] = _STRICT
    soft: int
    hard: int


@dataclass(frozen=True)
class HostChoice:
    """A machine that participants run on: where the others find it, and how composer reaches it.

    ``endpoint`` is ``ssh://[USER@]HOST[:PORT]``, ``context://NAME`` (of Docker's own contexts), or ``local`` for this
    machine; without one composer does not go there itself. ``path`` is the folder there that kits are put into.
    ``build: remote`` has the images built by that host's own engine, and none sent there. ``runtime`` is how its
    participants run, where that is not as the federation's others do, and ``nvflare_environment`` an absolute path
    there, where that is another than the federation's.
    """

    __pydantic_config__: ClassVar[Any] = _STRICT
    address: str
    endpoint: str | None = None
    path: str | None = None
    build: Built = "here"
    runtime: RuntimeName | None = None
    nvflare_environment: str | None = None


@dataclass(frozen=True)
class ParticipantChoice:
    """What one participant has of its own.

    Values that are secret are in ``env_file``, or are ``${NAME}`` of the environment of whoever runs composer.
    ``memory`` and ``cpus`` are the most that it may take, ``shm_size`` that of ``/dev/shm``; ``ulimits`` are by
    Docker's names (``nofile``, ``memlock``, ...). With ``tmp: disk`` temporary files are in its workspace, as large as
    the disk and executable, rather than in a tenth of the machine's memory.
    """

    __pydantic_config__: ClassVar[Any] = _STRICT
    host: str | None = None
    image: ImageChoice = field(default_factory=ImageChoice)
    gpus: Literal["all"] | tuple[str | int, ...] | None = None
    memory: str | None = None
    cpus: float | None = None
    shm_size: str | None = None
    ulimits: Mapping[str, Ulimit] = field(default_factory=dict)
    tmp: Literal["memory", "disk"] = "memory"
    data: tuple[DataMount, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    env_file: tuple[Path, ...] = ()
    local: Path | None = None


@dataclass(frozen=True)
class Definition:
    """The whole of composer.yml. An empty one is what a user without the file has.

    ``max_num_clients`` is how many sites the server takes, in place of what its kit says. ``nvflare_environment`` is
    the folder of a Python environment (of venv or conda, or the system's: ``/usr``) that has NVFLARE and what the jobs
    import: with ``runtime: process`` participants run in it, and nothing is installed.
    """

    __pydantic_config__: ClassVar[Any] = _STRICT
    kits: tuple[Path, ...] = ()
    runtime: RuntimeName = "docker"
    nvflare_environment: Path | None = None
    network: Network = "host"
    publish: str | None = None
    max_num_clients: int | None = None
    image: ImageChoice = field(default_factory=ImageChoice)
    hosts: Mapping[str, HostChoice] = field(default_factory=dict)
    extra_hosts: Mapping[str, str] = field(default_factory=dict)
    participants: Mapping[str, ParticipantChoice] = field(default_factory=dict)

    @property
    def runtime_here(self) -> RuntimeName:
        """How the participants on this machine run."""
        own = (host.runtime for host in self.hosts.values() if host.endpoint == LOCAL)
        return next((runtime for runtime in own if runtime), self.runtime)

    def runtime_on(self, host: str) -> RuntimeName:
        """How the participants on a host run, by the host's name; LOCAL is this machine."""
        if host == LOCAL:
            return self.runtime_here
        return (self.hosts[host].runtime if host in self.hosts else None) or self.runtime

    @property
    def in_containers_here(self) -> bool:
        """Whether they run in containers, which have limits of their own."""
        return self.runtime_here != "process"


def without_wheels(definition: Definition) -> Definition:
    """Return the definition as it is where wheels are collected, which need not be there yet."""
    participants = {
        name: replace(choice, image=replace(choice.image, wheels=None))
        for name, choice in definition.participants.items()
    }
    return replace(definition, image=replace(definition.image, wheels=None), participants=participants)


def without_own_environments(definition: Definition) -> Definition:
    """Return the definition as it is for containers, which have no use for a Python environment of their host."""
    hosts = {name: replace(host, nvflare_environment=None) for name, host in definition.hosts.items()}
    return replace(definition, nvflare_environment=None, hosts=hosts)


def load_definition(path: Path) -> Definition:
    """Read composer.yml.

    Args:
        path: The file.

    Returns:
        The definition, its paths absolute.

    Raises:
        DefinitionError: The file holds something that it must not; the message has a line for each finding.
        ComposerError: There is no such file, it cannot be read, or somebody else may have written it.
    """
    require_own(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ComposerError(f"cannot read {path}: {reason}", "name the definition with -f FILE") from error
    if not text.strip():
        # An editor that writes it at this moment has emptied it first; without it everything would run otherwise.
        raise DefinitionError(f"{path} is empty", "if an editor is writing it, try again; for the defaults, write: {}")
    return _absolute(_validate(text, path), path.resolve().parent)


def definition_schema() -> dict[str, Any]:
    """Return the JSON Schema of composer.yml, for editors: each key with a description and an example."""
    from composer.definition.keys import describe_in_schema

    return describe_in_schema(accept_in_schema(_adapter().json_schema()))


@functools.cache
def _adapter() -> TypeAdapter[Definition]:
    from pydantic import TypeAdapter

    return TypeAdapter(Definition)


def _validate(text: str, path: Path) -> Definition:
    from pydantic import ValidationError

    lines: dict[tuple[str | int, ...], int] = {}
    texts: dict[tuple[str | int, ...], str] = {}
    data = accept(_parse(text, path, lines, texts), texts)
    try:
        return _adapter().validate_python({} if data is None else data)
    except ValidationError as error:
        findings = sorted({_describe(dict(problem), path, lines) for problem in error.errors()})
        raise DefinitionError("\n".join(text for _, text in findings), _DOCUMENTED) from None


def _parse(
    text: str, path: Path, lines: dict[tuple[str | int, ...], int], texts: dict[tuple[str | int, ...], str]
) -> Any:
    """Return what the YAML says; ``lines`` gets the line of every key and item, ``texts`` each scalar as written.

    A key given twice is an error.
    """
    import yaml

    twice: list[str] = []
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is not None:
            found = _walk(node, (), lines, texts, set())
            twice += [f"{path}:{line}: {_shown(key)} is given twice" for key, line in found]
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise DefinitionError(f"{where}: not YAML: {_shown(problem)}", _DOCUMENTED) from None
    except (ValueError, RecursionError) as error:
        raise DefinitionError(f"{path}: not YAML that can be read: {_shown(str(error))}", _DOCUMENTED) from None
    if twice:
        raise DefinitionError("\n".join(twice), "keep one of the two")
    return data


def _walk(
    node: yaml.Node,
    where: tuple[str | int, ...],
    lines: dict[tuple[str | int, ...], int],
    texts: dict[tuple[str | int, ...], str],
    visited: set[int],
) -> Iterator[tuple[str, int]]:
    """Yield each key that is given twice, with its line. An alias leads to a node that was visited before."""
    import yaml

    lines.setdefault(where, node.start_mark.line + 1)
    if isinstance(node, yaml.ScalarNode):
        texts[where] = node.value
    if id(node) in visited:
        return
    visited.add(id(node))
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            inner = (*where, str(key.value))
            lines[inner] = key.start_mark.line + 1
            if str(key.value) in seen:
                yield ".".join(map(str, inner)), lines[inner]
            seen.add(str(key.value))
            yield from _walk(value, inner, lines, texts, visited)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _walk(value, (*where, index), lines, texts, visited)


def _describe(problem: dict[str, Any], path: Path, lines: dict[tuple[str | int, ...], int]) -> tuple[int, str]:
    """Say one of pydantic's findings in composer's words, with its line."""
    where: tuple[str | int, ...] = tuple(problem["loc"])
    # pydantic's location may go on past the file's keys, into the branches of a union.
    while where and where not in lines:
        where = where[:-1]
    line = lines.get(where, 1)
    name = ".".join(map(str, where)) or "the file"
    kind = problem["type"]
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        text = f"unknown key {name}{_suggestion(where)}"
    elif kind in ("missing", "missing_argument"):
        text = f"{name} lacks {problem['loc'][-1]}"
    elif kind == "dataclass_type":
        text = f"{name} must be a mapping of keys to values"
    else:
        given = problem.get("input")
        shown = f" (it is {given!r})" if isinstance(given, str | int | float | bool) else ""
        text = f"{name}: {problem['msg'][:1].lower()}{problem['msg'][1:]}{shown}"
    return line, f"{path}:{line}: {_shown(text)}"


def _suggestion(where: tuple[str | int, ...]) -> str:
    """Say what an unknown key was probably meant to be."""
    keys: dict[type[Any], tuple[str, ...]] = {
        kind: tuple(one.name for one in fields(kind))
        for kind in (Definition, ImageChoice, ParticipantChoice, HostChoice, DataMount)
    }
    places = {"participants.NAME": ParticipantChoice, "image": ImageChoice, "hosts.NAME": HostChoice}
    elsewhere = {place: keys[kind] for place, kind in places.items()}
    parents: tuple[str | int, ...] = where[:-1]
    kind: type[Any] = Definition
    if parents[-1:] == ("image",):
        kind = ImageChoice
    elif parents[:1] == ("participants",):
        kind = DataMount if len(parents) > 2 else ParticipantChoice
    elif parents[:1] == ("hosts",):
        kind = HostChoice
    return suggestion(str(where[-1]), keys[kind], elsewhere if kind is Definition else {})


def _shown(text: str) -> str:
    """What the file says may be somebody else's, so that it is shown as one line in which nothing is hidden."""
    return clip(escape_line(text))


def _absolute(value: T, folder: Path) -> T:
    """Return ``value`` with every path in it made absolute, relative ones below ``folder``."""
    if isinstance(value, Path):
        return Path(folder / value.expanduser()).resolve()  # type: ignore[return-value]
    if isinstance(value, tuple):
        return tuple(_absolute(item, folder) for item in value)  # type: ignore[return-value]
    if isinstance(value, Mapping):
        return {key: _absolute(item, folder) for key, item in value.items()}  # type: ignore[return-value]
    if is_dataclass(value) and not isinstance(value, type):
        changed = {f.name: _absolute(getattr(value, f.name), folder) for f in fields(value)}
        return replace(value, **changed)
    return value
