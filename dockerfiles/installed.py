"""Run inside an image: says as JSON what is installed there, Python packages and Debian's."""

import json
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

python = {}
for found in distributions():
    name = found.metadata["Name"]
    if name:
        licence = found.metadata.get("License-Expression") or ""
        python.setdefault(name, {"name": name, "version": found.version, "licence": licence})

debian = []
if Path("/var/lib/dpkg/status").exists():
    layout = "${Package}\t${Version}\t${Architecture}\n"
    listed = subprocess.run(["dpkg-query", "-W", "-f", layout], stdout=subprocess.PIPE, check=True)
    for line in listed.stdout.decode().splitlines():
        name, version, architecture = line.split("\t")
        debian.append({"name": name, "version": version, "architecture": architecture})

system = {}
if Path("/etc/os-release").exists():
    for line in Path("/etc/os-release").read_text().splitlines():
        key, _, value = line.partition("=")
        system[key] = value.strip('"')

json.dump(
    {
        "python": sys.version.split()[0],
        "packages": sorted(python.values(), key=lambda item: item["name"].lower()),
        "debian": debian,
        "distribution": system.get("ID", "debian"),
        "release": system.get("VERSION_ID", ""),
    },
    sys.stdout,
)
