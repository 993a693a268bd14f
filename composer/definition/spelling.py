"""The key that was meant by one that composer.yml does not have: by its meaning to Compose users, else by spelling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from composer.model.nearest import nearest

# What others call it, by composer's own name.
_CALLED = {
    "address": "addr hostname ip",
    "base": "base_image from parent_image",
    "build_network": "network",
    "ca_bundle": "ca cacert ca_cert certificates",
    "cpus": "cpu cpu_count cpu_quota",
    "data": "binds datasets mount mounts volume volumes",
    "endpoint": "docker_host ssh url user",
    "env_file": "dotenv env_files environment_file secret secrets",
    "environment": "env env_vars envs variables",
    "extra_hosts": "add_host add_hosts etc_hosts hosts_file",
    "gpus": "deploy device_requests devices gpu num_gpus num_of_gpus nvidia",
    "host": "machine node placed_on runs_on",
    "hosts": "machines nodes",
    "image": "build dockerfile images",
    "kits": "kit startup_kits workspace",
    "local": "config policy policies resources",
    "max_num_clients": "max_clients max_sites",
    "memory": "mem mem_limit mem_reservation memory_limit ram",
    "network": "network_mode networks",
    "nvflare": "flare nvflare_version version",
    "packages": "apt debian system_packages",
    "participants": "clients containers services sites",
    "path": "dir directory folder",
    "publish": "bind expose listen ports",
    "read_only": "readonly ro",
    "requirements": "pip pip_packages python_packages",
    "runtime": "engine platform",
    "shm_size": "ipc shm shared_memory",
    "source": "from host_path src",
    "target": "container_path destination dst to",
    "tmp": "temp tmp_dir tmpdir tmpfs",
    "ulimits": "limits rlimits ulimit",
}
_MEANT = {word: key for key, words in _CALLED.items() for word in words.split()}


def suggestion(key: str, here: Sequence[str], elsewhere: Mapping[str, Sequence[str]]) -> str:
    """Return what a finding says beyond that a key is unknown; empty where nobody can tell what was meant.

    Args:
        key: What was written.
        here: The keys that there are where it was written.
        elsewhere: The keys of other places, by how one writes these.
    """
    word = key.lower()
    for candidate in (word, *(meant for called, meant in _MEANT.items() if called == word)):
        if candidate in here:
            return f"; did you mean {candidate}?"
        for place, keys in elsewhere.items():
            if candidate in keys:
                return f"; did you mean {place}.{candidate}?"
    near = nearest(word, [*here, *_MEANT])
    meant = _MEANT.get(near, near)
    return f"; did you mean {meant}?" if meant in here else ""
