"""The one place where names become other names: services, image repositories, Compose projects, hosts.

Participants' names arrive from certificates, that is from whoever made the kit. They are data everywhere;
where Docker or Compose demands a narrower alphabet, a slug stands for them.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re

# schema/compose-spec.json: the pattern of a service's name. Container names need a second character, and an
# upper-case service cannot be told from its lower-case twin where the file system folds case.
_SERVICE = re.compile(r"[a-z0-9][a-z0-9._-]*[a-z0-9]", re.ASCII)
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)", re.ASCII)
_LONGEST = 63


def slug(name: str) -> str:
    """Return a lower-case ``[a-z0-9-]`` name for ``name``, at most 63 characters, told apart by a hash if lossy.

    Two different names never yield the same slug: what the alphabet loses, six hex digits of SHA-256 give back.
    """
    kept = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if kept == name and 0 < len(kept) <= _LONGEST:
        return kept
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return f"{kept[: _LONGEST - 7].rstrip('-')}-{digest}".lstrip("-")


def service_name(name: str) -> str:
    """Return the Compose service of a participant: its own name where that is one, else its slug."""
    return name if _SERVICE.fullmatch(name) and len(name) <= _LONGEST else slug(name)


def compose_project_name(project: str) -> str:
    """Return the Compose project (``^[a-z0-9][a-z0-9_-]*$``, compose-spec) for a FLARE project's name."""
    if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", project, re.ASCII):
        return project
    return slug(project)


def is_address(host: str) -> bool:
    """Tell whether ``host`` is an IPv4 or IPv6 literal."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_host_name(host: str) -> bool:
    """Tell whether ``host`` may stand in /etc/hosts as a name: RFC 1123 labels (``_`` too), 253 characters.

    Docker itself does not ask: a name with a newline in it writes a second line.
    """
    return len(host) <= 253 and all(_LABEL.fullmatch(label) for label in host.split("."))
