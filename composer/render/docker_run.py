"""A service of docker-compose.yml → the arguments of ``docker run`` that amount to it, for engines without Compose."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

_SWITCHES = {"init": "--init", "read_only": "--read-only"}
_LISTS = {"extra_hosts": "--add-host", "cap_drop": "--cap-drop", "security_opt": "--security-opt"}
_VALUES = {
    "network_mode": "--network",
    "pids_limit": "--pids-limit",
    "mem_limit": "--memory",
    "cpus": "--cpus",
    "restart": "--restart",
    "shm_size": "--shm-size",
}


def run_options(service: Mapping[str, Any], network: str) -> tuple[str, ...]:
    """Return the options of ``docker run`` for what a service says, but for its user, labels, tmpfs and volumes.

    Args:
        service: As docker-compose.yml has it.
        network: The name of the network that stands for Compose's default one, where the service is on it.
    """
    options = [option for key, option in _SWITCHES.items() if service.get(key)]
    options += [f"{option}={value}" for key, option in _LISTS.items() for value in service.get(key, ())]
    options += [f"{option}={service[key]}" for key, option in _VALUES.items() if key in service]
    options += [f"--ulimit={name}={one['soft']}:{one['hard']}" for name, one in service.get("ulimits", {}).items()]
    options += [f"--env={name}={value}" for name, value in service["environment"].items()]
    options += [f"--stop-timeout={service['stop_grace_period'].removesuffix('s')}"]
    options += [f"--log-driver={service['logging']['driver']}"]
    options += [f"--log-opt={name}={value}" for name, value in service["logging"]["options"].items()]
    return (*options, *_bridge(service, network), *_gpus(service), *_health(service.get("healthcheck")))


def mounts(service: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a service's volumes as ``SOURCE<tab>REST``, REST being the end of a ``--mount type=bind,...``."""
    return tuple(
        f"{volume['source']}\t{_csv('target=' + volume['target'])}{',readonly' if volume['read_only'] else ''}"
        for volume in service["volumes"]
    )


def _bridge(service: Mapping[str, Any], network: str) -> Iterator[str]:
    if "networks" not in service:
        return
    yield f"--network={network}"
    yield from (f"--network-alias={alias}" for alias in service["networks"]["default"]["aliases"])
    for port in service.get("ports", ()):
        address = f"[{port['host_ip']}]" if ":" in port["host_ip"] else port["host_ip"]
        yield f"--publish={address}:{port['published']}:{port['target']}/{port['protocol']}"


def _gpus(service: Mapping[str, Any]) -> Iterator[str]:
    for device in service.get("deploy", {}).get("resources", {}).get("reservations", {}).get("devices", ()):
        yield "--gpus=all" if device.get("count") == "all" else f'--gpus="device={",".join(device["device_ids"])}"'


def _health(check: Mapping[str, Any] | None) -> Iterator[str]:
    if check is None:
        return
    # `docker run` has no form of it but that for a shell.
    yield f"--health-cmd={shlex.join(check['test'][1:])}"
    yield f"--health-interval={check['interval']}"
    yield f"--health-timeout={check['timeout']}"
    yield f"--health-start-period={check['start_period']}"
    yield f"--health-retries={check['retries']}"


def _csv(field: str) -> str:
    quoted = field.replace('"', '""')
    return f'"{quoted}"'
