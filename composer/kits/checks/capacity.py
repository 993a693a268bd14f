"""MAX-CLIENTS, PORTS, MEMORY, SHM, PIDS, FILES: whether all that is to run has room.

What one participant needs was measured with NVFLARE 2.9.0, idle and with its Python packages alone: 87 MB resident and
10 to 14 threads in the participant's process, a supervisor beside it, and in the server 13 open files and one more for
each site. A job adds a process of about the same size to the server and to each of its sites.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from composer.kits.checks.listener import comm_config
from composer.kits.checks.subject import Check, CheckOptions, Problem, Subject
from composer.kits.folder import UnreadableError, load_folder
from composer.kits.internal import fixed_port
from composer.kits.resources import RESOURCES, max_num_clients_of
from composer.model.kinds import LOCAL
from composer.model.reporter import some_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Found = Iterator[tuple[int, Problem]]

_MIB = 1 << 20
_MEMORY = 100 * _MIB
_THREADS = 16
_FILES = 64
_FILES_OF_A_SITE = 2


def _max_clients(subjects: Sequence[Subject], options: CheckOptions) -> Found:
    sites = sum(subject.facts.type == "client" for subject in subjects)
    for index, subject in enumerate(subjects):
        if subject.facts.type != "server":
            continue
        most = max(options.room.max_num_clients or 0, 0) or max_num_clients_of(_resources(subject, options))
        if sites > most:
            message = f"it takes {most} sites (max_num_clients in local/resources.json), and there are {sites}: "
            message += f"{sites - most} would be rejected, and would try for ever"
            yield index, Problem(message, f"write into composer.yml: max_num_clients: {sites}")


def _resources(subject: Subject, options: CheckOptions) -> dict[str, Any]:
    """The server's resources as it will read them: composer.yml may lay files of the site's own over its ``local``."""
    overlay = options.overlays.get(subject.facts.name)
    layers = [(load_folder(overlay), "")] if overlay and overlay.is_dir() else []
    layers.append((subject.facts.folder, "local/"))
    for name in RESOURCES:
        for folder, below in layers:
            if below + name in folder.entries:
                try:
                    return folder.document(below + name)
                except UnreadableError:
                    return {}
    return {}


def _on_hosts(subjects: Sequence[Subject], options: CheckOptions) -> dict[str, list[int]]:
    """Who is to run on which host; admins are not started."""
    hosts = defaultdict(list)
    for index, subject in enumerate(subjects):
        if subject.facts.type in ("server", "client", "relay"):
            hosts[options.room.hosts.get(subject.facts.name, LOCAL)].append(index)
    return hosts


def _ports(subjects: Sequence[Subject], options: CheckOptions) -> Found:
    for indices in _on_hosts(subjects, options).values():
        taken: dict[int, int] = {}
        for index in indices:
            facts = subjects[index].facts
            listening = [listener.port for listener in facts.wiring.listens_on] if facts.wiring else []
            for port in filter(None, [*listening, *_for_own_jobs(subjects[index], options)]):
                other = taken.setdefault(port, index)
                # A second server is an error of its own, and what its kit says twice is one port.
                alike = subjects[other].facts.type == facts.type == "server" and port in listening
                if other != index and not alike:
                    yield index, _same_port(port, subjects[other].facts.name, options.room.starts)


def _for_own_jobs(subject: Subject, options: CheckOptions) -> list[int]:
    """The port that its own or the site's ``comm_config.json`` fixes for its jobs, which composer leaves as it is."""
    return [fixed_port(json.dumps(comm_config(subject, options)[1]).encode())]


def _same_port(port: int, other: str, starts: bool) -> Problem:
    return Problem(
        f"it listens on port {port}, and so does {other}: on one host, only one can",
        "put them on two hosts (hosts in composer.yml), or provision another port",
        severity="error" if starts else "warning",
    )


def _here(subjects: Sequence[Subject], options: CheckOptions) -> list[int]:
    return _on_hosts(subjects, options)[LOCAL]


def _memory(subjects: Sequence[Subject], options: CheckOptions) -> Found:
    here, there = _here(subjects, options), options.room.machine.memory
    needed = len(here) * _MEMORY
    for index in here:
        limit = options.room.memories.get(subjects[index].facts.name, _MEMORY)
        if limit < _MEMORY:
            yield (
                index,
                _warning(
                    f"its memory limit is {limit // _MIB} MiB, and it needs {_MEMORY // _MIB} MiB without any job",
                    "raise memory in composer.yml; each job takes as much again",
                ),
            )
    if here and 0 < there < needed:
        yield (
            here[0],
            _warning(
                f"{len(here)} participants × {_MEMORY // _MIB} MiB = {needed // _MIB} MiB without any job, and this "
                f"machine has {there // _MIB} MiB of memory",
                "spread them over several hosts: hosts in composer.yml",
            ),
        )


def _shm(subjects: Sequence[Subject], options: CheckOptions) -> Found:
    here, there = _here(subjects, options), options.room.machine.memory
    sizes = {index: options.room.shm_sizes.get(subjects[index].facts.name, 0) for index in here}
    asking = [index for index in here if sizes[index]]
    needed = sum(sizes.values())
    if asking and 0 < there < needed:
        names = some_of([subjects[index].facts.name for index in asking])
        yield (
            asking[0],
            _warning(
                f"shm_size of {names} is {needed // _MIB} MiB together, which is memory, and this machine has "
                f"{there // _MIB} MiB",
                "write a smaller shm_size in composer.yml, or put them on several hosts",
            ),
        )


def _pids(subjects: Sequence[Subject], options: CheckOptions) -> Found:
    here, there = _here(subjects, options), options.room.machine.threads
    needed = len(here) * _THREADS
    if here and 0 < there < needed:
        yield (
            here[0],
            _warning(
                f"{len(here)} participants × {_THREADS} threads = {needed} without any job, and this machine allows "
                f"{there} (kernel.pid_max, kernel.threads-max, ulimit -u)",
                f"raise the least of them, such as: sysctl -w kernel.pid_max={2 * needed}",
            ),
        )


def _files(subjects: Sequence[Subject], options: CheckOptions) -> Found:
    """Containers get their limit from the engine; plain processes have that of whoever runs composer."""
    there = options.room.machine.open_files
    sites = sum(subject.facts.type == "client" for subject in subjects)
    needed = _FILES + sites * _FILES_OF_A_SITE
    for index in _here(subjects, options):
        if subjects[index].facts.type == "server" and 0 < there < needed:
            yield (
                index,
                _warning(
                    f"{_FILES} + {sites} sites × {_FILES_OF_A_SITE} = {needed} open files, and ulimit -n is {there}",
                    f"before composer up, in the same shell: ulimit -n {2 * needed}",
                ),
            )


def _warning(message: str, fix: str) -> Problem:
    return Problem(message, fix, severity="warning")


MAX_CLIENTS = Check("MAX-CLIENTS", "the server takes as many sites as there are", of_set=_max_clients)
PORTS = Check("PORTS", "no two participants of one host listen on one port", of_set=_ports)
MEMORY = Check("MEMORY", "this machine has the memory for all who run on it", of_set=_memory)
SHM = Check("SHM", "this machine has the memory for every shm_size on it", of_set=_shm)
PIDS = Check("PIDS", "this machine allows the threads of all who run on it", of_set=_pids)
FILES = Check("FILES", "a server without a container may open files for all its sites", of_set=_files)
