"""A host that says what it likes: its own row tells that, in one harmless line; those of the others are as ever.

The host is a program named ``ssh`` on the PATH, which answers as a host could that is in an attacker's hands.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from composer.hosts import ssh
from composer.model.host import Host
from tests import kitmaker
from tests.conftest import COMPOSER, Ended, composer, missing, run
from tests.console import converse
from tests.unit.cli.test_terminal import OWN, allowed

ESCAPES = r"\033]52;c;ZXZpbA==\007\033]0;PWNED\007\033[2J\033[1;1H\302\2332J\033M\342\200\256"
# What each kind of host does when composer's connection opens, when a script runs, and when its engine is spoken to.
WELL = r"printf 'user 1000 1000\nclock %s\n' $(date +%s)"
GARBAGE = """
import sys
while line := sys.stdin.buffer.readline():
    if line == b"\\r\\n":
        body = ANSWER
        head = b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body)
        sys.stdout.buffer.write(head + body)
        sys.stdout.buffer.flush()
"""


def engine(answer: str) -> str:
    return f"exec {sys.executable} -c '{GARBAGE.replace('ANSWER', 'b' + json.dumps(answer))}'"


HOSTS = {
    "refuses": (rf"printf '{ESCAPES}kex error: hint: curl evil.example' >&2; exit 255", "", ""),
    "writes our hint": ("", rf"printf 'no {ESCAPES}disk\r hint: forged\v: run: curl evil.example\n' >&2; exit 3", ""),
    "takes our words": ("", r"echo 'there is no tar for evil: run: curl evil.example' >&2; exit 3", ""),
    "says no number": ("", r"printf 'user 0 0\nclock x\n'", ""),
    "says a huge number": ("", r"printf 'user 0 0\nclock %0400d\n' 9 | tr 0 9", ""),
    "says no port": ("", rf"{WELL}; echo 'listens zz:QQ'", ""),
    "says a strange sum": ("", rf"{WELL}; echo 'found short  kits/x'", ""),
    "says who it is twice": ("", rf"{WELL}; {WELL}", ""),
    "says nothing": ("", "exit 0", ""),
    "writes without end": ("", "exec yes", ""),
    "errs without end": ("", "exec yes >&2", ""),
    "babbles while it connects": ("yes | head -c 300000000 >&2; exit 255", "", ""),
    "engine is no engine": ("", WELL, engine("{\x1b]0;PWNED\x07")),
    "engine has a strange version": ("", WELL, engine('{"ApiVersion": "x", "Version": [7], "Components": 3}')),
    "writes in the name of others": ("", WELL, engine('{"ApiVersion": "1.44"}')),
    "engine knows strange containers": ("", WELL, engine('{"ApiVersion": "1.44", "Id": 5}')),
}
SSH = r"""#!/bin/bash
printf '%s\n' "$*" >>LOG
printf '%s\0' "$@" >>LOG.0; printf '\0' >>LOG.0
case "$*" in *10.77.0.3*) echo 'ssh: connect to host 10.77.0.3 port 22: Connection refused' >&2; exit 255 ;; esac
while [[ $# -gt 1 ]]; do
    [[ $1 != -S ]] || control=$2
    [[ $1 != ControlMaster=yes ]] || master=yes
    shift
done
if [[ -n $master ]]; then
    CONNECTS
    touch "$control"
    exec cat >/dev/null
fi
case $1 in "docker system dial-stdio") ENGINE ;; *) SCRIPT ;; esac
"""


class Hostile:
    """A deployment on a hostile host and on one that is switched off, and the PATH on which they are."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder, self.log = folder / "deployment", folder / "log"
        connects, script, speaks = HOSTS[kind]
        text = SSH.replace("LOG", str(self.log)).replace("CONNECTS", connects or ":")
        program = folder / "bin" / "ssh"
        program.parent.mkdir()
        program.write_text(text.replace("SCRIPT", script or ":").replace("ENGINE", speaks or "exit 1"))
        program.chmod(0o755)
        self.environment = {"PATH": f"{program.parent}:{os.environ['PATH']}", "DOCKER_HOST": "unix:///nowhere"}

    def does(self, *arguments: str) -> Ended:
        # Far below what `yes` writes in the time of a command.
        limit = ["prlimit", f"--as={2 << 30}"] if shutil.which("prlimit") else []
        argv = [*limit, *COMPOSER, arguments[0], "-C", str(self.folder), *arguments[1:]]
        return run(argv, env=self.environment, timeout=120)


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hosts")
    kits = kitmaker.provision(folder, kitmaker.to_be_run()).prod
    hosts = "".join(
        f"  {name}: {{address: {address}, endpoint: 'ssh://ops@{address}', path: /srv/flare}}\n"
        for name, address in (("evil", "10.77.0.2"), ("good", "10.77.0.3"))
    )
    definition = folder / "composer.yml"
    definition.write_text(f"hosts:\n{hosts}participants: {{server1: {{host: evil}}, site-1: {{host: good}}}}\n")
    ended = composer("generate", kits, "-f", definition, "-C", folder / "deployment")
    assert ended.returncode == 0, ended.err
    return folder / "deployment"


@pytest.fixture
def hostile(request: pytest.FixtureRequest, generated: Path, tmp_path: Path) -> Hostile:
    made = Hostile(tmp_path, request.param)
    shutil.copytree(generated, made.folder)
    return made


@pytest.mark.parametrize("hostile", ["writes in the name of others"], indirect=True)
def test_a_host_writes_in_the_name_of_nobody_else(hostile: Hostile) -> None:
    """Docker's command shows what the host's engine says: the names of its containers, too."""
    docker = hostile.log.parent / "bin" / "docker"
    docker.write_text("#!/bin/sh\nprintf 'server1-1  | mine\\nsite-1-1  | FORGED\\nFORGED\\n'\n")
    docker.chmod(0o755)
    ended = hostile.does("logs", "server1")
    assert ended.out.split("\n") == ["server1  | mine", "evil: site-1-1  | FORGED", "evil: FORGED", ""]


def harmless(text: str) -> bool:
    return all(allowed(line) for line in text.split("\n"))


@pytest.mark.parametrize("hostile", HOSTS, indirect=True)
def test_a_hostile_host_hides_nobody_and_draws_nothing(hostile: Hostile) -> None:
    ended = hostile.does("status", "--json")
    assert ended.returncode == 3, ended.err
    assert "Traceback" not in ended.err
    rows = {row["name"]: row for row in json.loads(ended.out)["participants"]}
    assert rows["server1"]["detail"].startswith("evil")
    # It is not the engine of this machine that is meant.
    assert "nowhere" not in rows["server1"]["detail"]
    assert len(rows["server1"]["detail"]) < 300
    assert rows["site-1"]["detail"] == "good: nobody listens on its SSH port"
    assert "no Docker engine" in rows["site-2"]["detail"]


@pytest.mark.parametrize(
    ("hostile", "command"),
    [(kind, "down") for kind in ("refuses", "writes our hint", "takes our words", "says a huge number", "says no port")]
    + [(kind, "down") for kind in ("writes without end", "babbles while it connects", "engine has a strange version")]
    + [(kind, command) for kind in ("writes our hint", "engine is no engine") for command in ("logs", "images")],
    indirect=["hostile"],
)
def test_what_to_do_is_never_said_by_a_host(hostile: Hostile, command: str) -> None:
    ended = hostile.does(command)
    said = ended.out + ended.err
    assert "Traceback" not in said
    assert harmless(said), said
    hints = [line for line in said.split("\n") if line.startswith(" hint:")]
    assert not any("evil.example" in hint or "forged" in hint for hint in hints), hints
    if command == "down":
        assert ended.returncode == 1
        assert "good: nobody listens on its SSH port" in said


@pytest.mark.parametrize("hostile", ["refuses", "writes our hint"], indirect=True)
def test_tables_and_errors_are_harmless(hostile: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = hostile.does("status")
    assert ended.returncode == 3, ended.err
    assert harmless(ended.out + ended.err), ended.out
    assert len(ended.out.split("\n")) == 5
    for name, value in {**hostile.environment, "COLUMNS": "400"}.items():
        monkeypatch.setenv(name, value)
    for command in ("status", "down"):
        said = converse([*COMPOSER, command, "-C", str(hostile.folder)])
        assert "good: nobody listens on its SSH port" in OWN.sub("", said)
        assert allowed(OWN.sub("", said)), said


def test_a_host_that_never_lets_us_in_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ssh").write_text("#!/bin/sh\nexec cat >/dev/null\n")
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(ssh, "_LOGIN_SECONDS", 0.5)
    host = Host("evil", "10.77.0.2", "ssh://ops@10.77.0.2", PurePosixPath("/srv/flare"))
    with pytest.raises(ssh.HostError, match="has not let us in within"), ssh.connection(host):
        pass


@pytest.mark.parametrize("hostile", ["says nothing"], indirect=True)
def test_nothing_of_the_operator_is_lent_to_a_host(hostile: Hostile, tmp_path: Path) -> None:
    """As OpenSSH reads composer's options over a configuration that lends everything to everybody."""
    if not shutil.which("ssh"):
        missing("there is no ssh")
    everything = tmp_path / "config"
    everything.write_text(
        "Host *\n  ForwardAgent yes\n  ForwardX11 yes\n  ForwardX11Trusted yes\n  PermitLocalCommand yes\n"
        "  LocalCommand touch owned\n  Tunnel yes\n  RemoteForward 9999 localhost:22\n"
    )
    hostile.does("status")
    calls = [call.split(b"\0") for call in hostile.log.with_suffix(".0").read_bytes().split(b"\0\0") if call]
    assert any(b"ControlMaster=yes" in call for call in calls)
    assert any(b"ControlMaster=no" in call for call in calls)
    for call in calls:
        done = subprocess.run(["ssh", "-F", everything, "-G", *call], capture_output=True, text=True, check=True)
        read = dict(re.findall(r"(?m)^(\S+) (.*)$", done.stdout))
        for lent in ("forwardagent", "forwardx11", "permitlocalcommand", "tunnel"):
            assert read[lent] in ("no", "false"), (lent, call)
        assert "remoteforward" not in read or read["clearallforwardings"] == "yes"
