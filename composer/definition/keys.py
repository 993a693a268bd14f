"""What each key of composer.yml is for, with an example: for editors, and for the reference in docs/.

A test holds this table to the dataclasses of the schema, and every example to what composer reads.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Key(NamedTuple):
    """What a key is for, and an example of its value as YAML."""

    description: str
    example: str


_IMAGE = {
    "base": Key(
        "The base image, built on Debian or Ubuntu, with Python or without. Default: python:3.N-slim-bookworm, with "
        "the Python that the kits' release needs.",
        "python:3.12-slim-bookworm",
    ),
    "nvflare": Key("The version of NVFLARE. Default: the newest patch of the release that made the kits.", '"2.9.0"'),
    "packages": Key("Debian packages to install.", "[libgomp1]"),
    "requirements": Key("A requirements file with the Python packages that the jobs import.", "requirements.txt"),
    "pip_options": Key(
        "Options for the installation of Python packages, as pip has them.",
        '["--extra-index-url=https://download.pytorch.org/whl/cpu"]',
    ),
    "environment": Key("Environment variables of the image. A list of NAME=VALUE works, too.", "{TZ: Europe/Berlin}"),
    "wheels": Key("A folder that `composer wheels` filled: packages are installed from it alone.", "./wheels"),
    "ca_bundle": Key(
        "CA certificates for a build behind a proxy that intercepts TLS. A build secret: never in a layer.",
        "./corporate-ca.pem",
    ),
    "pip_config": Key(
        "A pip.conf for a package index of your own. A build secret: never in a layer.",
        "./pip.conf",
    ),
    "registry": Key(
        "A registry and a path in it. `up` pulls the images from there; `composer images push` puts them there.",
        "registry.example:5000/flare",
    ),
    "build_network": Key(
        "The network of a build's steps: `default` is one of their own, `host` is this machine's.", "host"
    ),
}

_HOST = {
    "address": Key("The name or IP address under which the other hosts find this one.", "10.77.0.2"),
    "endpoint": Key(
        "How composer reaches the host: ssh://[USER@]HOST[:PORT], context://NAME for a Docker context, or local for "
        "this machine. Without it, composer does not go there: `composer bundle` makes its archive.",
        "ssh://ops@10.77.0.2",
    ),
    "path": Key("The folder on the host for kits, workspaces and the job store.", "/srv/flare"),
    "build": Key("Where its images are built: `here`, and then sent, or `remote`, by the host's own engine.", "remote"),
    "runtime": Key("How participants run on this host, if not as the others do.", "process"),
    "nvflare_environment": Key(
        "Plain processes on this host run in this Python environment there, if not in the federation's.",
        "/opt/conda/envs/flare",
    ),
}

_PARTICIPANT = {
    "host": Key("The host that it runs on: a name of `hosts`. Default: this machine.", "ward-a"),
    "image": Key("What its image has of its own; the rest is as in the top-level `image`.", "{packages: [git]}"),
    "gpus": Key("GPUs that it may use: all, a number for the first ones, or a list of ids.", "all"),
    "memory": Key("The most memory that it may take.", "16g"),
    "cpus": Key("The most processors that it may use.", "7.5"),
    "shm_size": Key(
        "The size of /dev/shm, which PyTorch's data loaders need. Default: half of `memory`, or without that 1 GiB, or "
        "half of the machine's memory if that is less.",
        "8g",
    ),
    "ulimits": Key(
        "Limits of its processes, each a number or {soft: …, hard: …}; -1 is none.", "{nofile: 65536, memlock: -1}"
    ),
    "tmp": Key(
        "Where temporary files lie. memory: in /tmp, where nothing is executed. disk: in the workspace, emptied at "
        "each start.",
        "disk",
    ),
    "env_file": Key(
        "Files with environment variables that are secret, in Compose's format: one or a list. Only their owner may be "
        "able to read them (0600).",
        "site-1.env",
    ),
    "data": Key(
        "Folders of the host that its jobs may see, read-only by default. Docker's short form works, too.",
        '["/srv/ct:/data/ct:ro"]',
    ),
    "environment": Key("Environment variables of the participant. A list of NAME=VALUE works, too.", "{SITE: a}"),
    "local": Key(
        "A folder with the site's own privacy.json, resources.json and so on. It is laid over a copy of the kit's "
        "local/; the kit stays as it is.",
        "./policies/site-1",
    ),
}

_DATA = {
    "source": Key("The folder on the host. It must exist.", "/srv/ct"),
    "target": Key("Where the participant sees it; an absolute path.", "/data/ct"),
    "read_only": Key("Whether the participant may only read it.", "false"),
}

_DEFINITION = {
    "kits": Key("The kits: a prod_NN folder, folders of single kits, or archives; one of them or a list.", "prod_00"),
    "runtime": Key("How participants run: in containers of Docker or Podman, or as plain processes.", "process"),
    "nvflare_environment": Key(
        "Plain processes run in this Python environment, which has NVFLARE. composer installs nothing into it.",
        "/opt/flare",
    ),
    "network": Key(
        "host: the host's own network. bridge: a network of Docker's; the ports of servers and relays are published.",
        "bridge",
    ),
    "publish": Key("With `network: bridge`: the address that ports are published on. Default: all.", "10.1.2.3"),
    "max_num_clients": Key("How many sites the server takes. Default: what its kit says, as a rule 100.", "300"),
    "image": Key("What goes into everybody's image.", "{base: python:3.12-slim-bookworm}"),
    "hosts": Key(
        "The machines that participants run on. Without it, all run here.",
        '{hub: {address: 10.77.0.2, endpoint: "ssh://ops@10.77.0.2", path: /srv/flare}}',
    ),
    "extra_hosts": Key("More /etc/hosts entries for the participants: name to IP address.", "{server1: 10.1.2.3}"),
    "participants": Key("What single participants have of their own, by name.", "{site-1: {gpus: all}}"),
}

# By the class of the schema, in the order in which one reads about them.
KEYS = {
    "Definition": _DEFINITION,
    "ImageChoice": _IMAGE,
    "HostChoice": _HOST,
    "ParticipantChoice": _PARTICIPANT,
    "DataMount": _DATA,
}
_KINDS = {
    "Definition": "composer.yml: what composer does with NVIDIA FLARE startup kits. Every key is optional.",
    "ImageChoice": "What goes into an image.",
    "HostChoice": "A machine that participants run on.",
    "ParticipantChoice": "What one participant has of its own.",
    "DataMount": "A folder of the host that a participant's jobs may see.",
}


def describe_in_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of composer.yml with a description and an example for each key."""
    import yaml

    for kind, keys in KEYS.items():
        described = schema if kind == "Definition" else schema["$defs"][kind]
        described["description"] = _KINDS[kind]
        for name, key in keys.items():
            property_ = described["properties"][name]
            property_["description"] = key.description
            property_["examples"] = [yaml.safe_load(key.example)]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "composer.yml"}
