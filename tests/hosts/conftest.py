"""Four hosts and an operator, and a federation across them that composer has not started yet."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import missing
from tests.hosts.deployment import Across, prepare
from tests.hosts.lan import Lan, lan


@pytest.fixture(scope="session")
def four_hosts() -> Iterator[Lan]:
    """Four hosts with an engine and an SSH server each, and an operator with an engine."""
    if os.geteuid() != 0:
        missing("hosts in namespaces need root")
    for tool in ("dockerd", "nsenter", "ip", "setpriv", "ss", "ssh-keygen", "iptables", "docker-registry"):
        if not shutil.which(tool):
            missing(f"there is no {tool}: run `make test-hosts` as root on Debian")
    if not Path("/usr/sbin/sshd").exists():
        missing("there is no sshd: run `make test-hosts` as root on Debian")
    with lan(("hub", "ward-a", "ward-b", "ward-c")) as made:
        made.operator.start_engine()
        yield made


@pytest.fixture(scope="session")
def across(
    four_hosts: Lan, engine: None, definition: Path | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Across]:
    """A federation of four whose images are on the operator's engine; nothing is on the hosts yet."""
    made = prepare(four_hosts, tmp_path_factory.mktemp("across"), definition)
    yield made
    made.does("down")
