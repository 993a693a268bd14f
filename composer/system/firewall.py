"""What a firewall of this machine keeps out, as far as this user may see it: ufw, firewalld, iptables, nftables."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from composer.model.command import Command
from composer.model.errors import ComposerError
from composer.system.process import run

_IPTABLES_ALL = re.compile(r"^-A INPUT -j (?:DROP|REJECT\b.*)$", re.MULTILINE)
_IPTABLES_PORTS = re.compile(r"^-A (?!FORWARD |OUTPUT |DOCKER)\S+ .*--dports? (\S+) .*-j ACCEPT\b", re.MULTILINE)
_UFW_PORTS = re.compile(r"^([\d:,]+)(?:/tcp)?\s+ALLOW\b", re.MULTILINE)


def closed_ports(ports: Sequence[int]) -> Iterator[tuple[str, str]]:
    """Return why others cannot reach some of ``ports``, and how to open them; nothing where nobody keeps them out.

    ufw and firewalld write the kernel's rules themselves, so the rules speak only where neither is active. Where this
    user may not read the rules, nothing is said.
    """
    for look in (_ufw, _firewalld, _iptables, _nftables):
        found = look(ports)
        if found is None:
            continue
        name, closed, opening = found
        if closed:
            listed = ", ".join(map(str, closed))
            yield f"{name}; sites on other machines need port {listed}", "; ".join(opening.format(p) for p in closed)
        return


_Found = tuple[str, list[int], str]


def _ufw(ports: Sequence[int]) -> _Found | None:
    said = _said("ufw", "status")
    if "Status: active" not in said:
        return None
    return "ufw is active", _outside(ports, _UFW_PORTS.findall(said)), "ufw allow {}/tcp"


def _firewalld(ports: Sequence[int]) -> _Found | None:
    if _said("firewall-cmd", "--state").strip() != "running":
        return None
    closed = [port for port in ports if _said("firewall-cmd", f"--query-port={port}/tcp").strip() != "yes"]
    return "firewalld is active", closed, "firewall-cmd --permanent --add-port={}/tcp && firewall-cmd --reload"


def _iptables(ports: Sequence[int]) -> _Found | None:
    rules = _said("iptables", "-S")
    if "-P INPUT DROP" not in rules and not _IPTABLES_ALL.search(rules):
        return None
    opening = "iptables -I INPUT -p tcp --dport {} -j ACCEPT"
    return "iptables drops what it does not know", _outside(ports, _IPTABLES_PORTS.findall(rules)), opening


def _outside(ports: Iterable[int], accepted: Iterable[str]) -> list[int]:
    """Return the ports that are in none of ``accepted``, each such as ``80``, ``80,443`` or ``8000:8010``."""
    ranges = [part.partition(":") for ports_of_rule in accepted for part in ports_of_rule.split(",")]
    bounds = [(int(first), int(last or first)) for first, _, last in ranges if first.isdigit()]
    return [port for port in ports if not any(first <= port <= last for first, last in bounds)]


def _nftables(ports: Sequence[int]) -> _Found | None:
    try:
        listed = json.loads(_said("nft", "--json", "list", "ruleset") or "{}").get("nftables", [])
    except ValueError:
        return None
    chains = [item["chain"] for item in listed if "chain" in item]
    rules = [item["rule"] for item in listed if "rule" in item]
    for chain in chains:
        if chain.get("hook") != "input":
            continue
        own = [rule["expr"] for rule in rules if (rule["table"], rule["chain"]) == (chain["table"], chain["name"])]
        if chain.get("policy") == "drop" or (own and _refuses_all(own[-1])):
            matched = [match for rule in rules for match in _destinations(rule["expr"])]
            closed = [port for port in ports if not any(_covers(match, port) for match in matched)]
            opening = f"nft insert rule {chain['family']} {chain['table']} {chain['name']} tcp dport {{}} accept"
            return "nftables drops what it does not know", closed, opening
    return None


def _refuses_all(expressions: Sequence[Any]) -> bool:
    said = [expression for expression in expressions if "counter" not in expression]
    return len(said) == 1 and bool({"drop", "reject"} & set(said[0]))


def _destinations(expressions: Sequence[Any]) -> Iterator[Any]:
    """Return what a rule that accepts compares the destination's port with."""
    if not any("accept" in expression for expression in expressions):
        return
    for expression in expressions:
        left = expression.get("match", {}).get("left", {})
        if isinstance(left, dict) and left.get("payload", {}).get("field") == "dport":
            yield expression["match"]["right"]


def _covers(match: Any, port: int) -> bool:
    """Tell whether a port, a range, a set or, which cannot be seen into from here, a named set holds a port."""
    if isinstance(match, int):
        return match == port
    if isinstance(match, dict) and "range" in match:
        first, last = match["range"]
        return bool(first <= port <= last)
    if isinstance(match, dict) and "set" in match:
        return any(_covers(one, port) for one in match["set"])
    return isinstance(match, str)


def _said(*argv: str) -> str:
    """Return what a program wrote; nothing where it is not there or this user may not ask it."""
    if not shutil.which(argv[0]):
        return ""
    try:
        return run(Command(argv), timeout=10)
    except ComposerError:
        return ""
