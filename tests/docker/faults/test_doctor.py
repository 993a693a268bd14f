"""What ``composer doctor`` sees of small disks and closed firewalls, on file systems and networks of the tests' own."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.conftest import COMPOSER, Ended, composer, missing, run
from tests.docker.faults.stack import port_of, tmpfs

pytestmark = [pytest.mark.docker, pytest.mark.nvflare]


@pytest.mark.parametrize(("size", "severity"), [("100m", "ERROR"), ("1g", "WARNING")])
def test_a_disk_on_which_little_is_left(engine: None, prod_00: Path, tmp_path: Path, size: str, severity: str) -> None:
    with tmpfs(tmp_path / "disk", size):
        ended = composer("doctor", prod_00, "-C", tmp_path / "disk" / "deployment")
        found = [line for line in ended.out.splitlines() if f"({tmp_path}/disk)" in line]
        assert len(found) == 1, ended.out
        assert found[0].startswith(f"[{severity} DISK] ")
        assert "MiB are left for the deployment folder" in found[0]
        assert "make room there" in ended.out
        assert ended.returncode == 3 or severity == "WARNING"
        assert list((tmp_path / "disk").iterdir()) == []


def examined(kits: Path, folder: Path, *rules: str) -> Ended:
    """Let doctor look at a network namespace of its own with these rules, which end with the namespace."""
    if os.geteuid() != 0:
        missing("a network namespace of its own needs root")
    for tool in ("iptables", "nft"):
        if not shutil.which(tool):
            missing(f"there is no {tool} here: use `make test-faults`")
    script = "\n".join(["set -e", "ip link set lo up", *rules, 'exec "$@"'])
    argv = ["unshare", "--net", "bash", "-c", script, "bash", *COMPOSER, "doctor", kits, "-C", folder / "deployment"]
    return run(argv, cwd=folder)


OPEN_TO_ALL = ("iptables -A INPUT -p tcp --dport 22 -j ACCEPT",)
NFT = "nft add table inet filter; nft 'add chain inet filter input { type filter hook input priority 0; policy %s; }'"
CLOSED = {
    "iptables' policy": ("iptables -P INPUT DROP", "iptables -A INPUT -p tcp --dport 22 -j ACCEPT"),
    "iptables' last rule": ("iptables -A INPUT -p tcp --dport 22 -j ACCEPT", "iptables -A INPUT -j REJECT"),
    "nftables' policy": (NFT % "drop", "nft add rule inet filter input tcp dport { 22, 80-90 } accept"),
    "nftables' last rule": (NFT % "accept", "nft add rule inet filter input counter reject"),
}


@pytest.mark.parametrize("how", CLOSED)
def test_a_firewall_that_keeps_the_sites_out(engine: None, prod_00: Path, tmp_path: Path, how: str) -> None:
    port = port_of(prod_00)
    ended = examined(prod_00, tmp_path, *CLOSED[how])
    assert "[WARNING FIREWALL]" in ended.out, ended.out + ended.err
    assert f"drops what it does not know; sites on other machines need port {port}" in ended.out
    fix = ended.out.split("FIREWALL]")[1].splitlines()[1].strip()
    opened = examined(prod_00, tmp_path, *CLOSED[how], fix)
    assert "FIREWALL" not in opened.out, opened.out


@pytest.mark.parametrize("rules", [(), OPEN_TO_ALL, (NFT % "accept",)])
def test_a_firewall_that_lets_everybody_in(engine: None, prod_00: Path, tmp_path: Path, rules: tuple[str, ...]) -> None:
    assert "FIREWALL" not in examined(prod_00, tmp_path, *rules).out


def test_published_ports_do_not_pass_those_rules(engine: None, prod_00: Path, tmp_path: Path) -> None:
    (tmp_path / "composer.yml").write_text("network: bridge\n")
    ended = examined(prod_00, tmp_path, "iptables -P INPUT DROP")
    assert ended.returncode in (0, 3), ended.err
    assert "FIREWALL" not in ended.out


def test_what_docker_forwards_opens_nothing(engine: None, prod_00: Path, tmp_path: Path) -> None:
    forwarded = f"iptables -N DOCKER; iptables -A DOCKER -p tcp --dport {port_of(prod_00)} -j ACCEPT"
    assert "[WARNING FIREWALL]" in examined(prod_00, tmp_path, "iptables -P INPUT DROP", forwarded).out


def test_rules_that_a_user_may_not_read_are_no_finding() -> None:
    if os.geteuid() != 0:
        missing("becoming nobody needs root")
    program = "import os; from composer.system.firewall import closed_ports; os.setuid(65534); "
    program += "print(list(closed_ports([80])))"
    ended = run([sys.executable, "-c", program])
    assert (ended.returncode, ended.out.strip()) == (0, "[]"), ended.err
