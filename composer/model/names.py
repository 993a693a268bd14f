"""The one place that says what a name is, and where names become others: services, images, Compose projects.

Participants' names arrive from certificates, that is from whoever made the kit. Those that NVFLARE allows but that
a tool may take for an option or a command are refused; the rest are data everywhere, and where Docker or Compose
demands a narrower alphabet, a slug stands for them.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from composer.model.kinds import ParticipantType

# What an environment variable may be called.
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)

# A participant's processes are known by the first two, and find their Python by the third.
_OWN_VARIABLES = ("FLARE_WORKSPACE", "FLARE_SUPERVISE", "PATH")

_SITE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", re.ASCII)
_ADMIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@([A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}", re.ASCII)
_ORGANIZATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]{0,62}", re.ASCII)
# NVFLARE itself takes any text, and people write titles.
_PROJECT = re.compile(r"\w[\w .,:+@()'&-]{0,254}")
# What inet_aton takes for a number: with such a last label, a name is an address or nothing (0x7f.1 is 127.0.0.1).
_NUMBER = re.compile(r"[0-9]+|0[Xx][0-9A-Fa-f]*", re.ASCII)

# schema/compose-spec.json: the pattern of a service's name. Container names need a second character, and an
# upper-case service cannot be told from its lower-case twin where the file system folds case.
_SERVICE = re.compile(r"[a-z0-9][a-z0-9._-]*[a-z0-9]", re.ASCII)
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)", re.ASCII)
_LONGEST = 63


def fault_of_name(name: str, kind: ParticipantType | None) -> str:
    """Return what the name of a participant must be made of where ``name`` is not; empty where it is.

    NVFLARE allows more: a leading ``-``, a line end, ``|`` in an e-mail address. All but letters, digits and a few
    marks is left out here, as by NVFLARE's own ``nvflare cert request``.
    """
    if kind == "server":
        good = is_host_name(name) and not name.startswith("_")
        return "" if good else "a server is called by its host name: labels of letters, digits and -, with dots between"
    if kind == "admin":
        return "" if _ADMIN.fullmatch(name) else "an admin is called by an e-mail address of letters, digits and ._%+-"
    return "" if _SITE.fullmatch(name) else "use letters, digits, - and _, a letter or digit first, at most 63"


def is_service(name: str) -> bool:
    """Tell whether ``name`` may be what :func:`service_name` makes of a participant's."""
    return bool(_SERVICE.fullmatch(name))


def fault_of_variable(name: str) -> str:
    """Return why composer.yml may not set an environment variable of this name; empty where it may."""
    if not VARIABLE.fullmatch(name):
        return "is no variable's name"
    return "is set by composer itself" if name in _OWN_VARIABLES else ""


def is_organization(name: str) -> bool:
    """Tell whether ``name`` may be a participant's organization."""
    return bool(_ORGANIZATION.fullmatch(name))


def is_project(name: str) -> bool:
    """Tell whether ``name`` may be a project's: words, and marks that no terminal and no program takes for markup."""
    return bool(_PROJECT.fullmatch(name)) and name.isprintable()


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

    Docker itself does not ask: a name with a newline in it writes a second line. An IPv4 literal is one, too.
    """
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]) and not is_address(host):
        return False
    return len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)


def is_host(host: str) -> bool:
    """Tell whether ``host`` is a name or an address to connect to."""
    return is_address(host) or is_host_name(host)
