"""Why a participant is not well: a table of rules over what is known of it, the most telling first. Pure.

The texts of NVFLARE are those of ``ClientManager``, ``Authenticator`` and its drivers, the same from 2.4 to 2.9; those
of probes are of :func:`composer.system.probe.explain` and of ``dockerfiles/reach.py``. A new cause is one entry of
``RULES``.
"""

from __future__ import annotations

from composer.model.cause import UNKNOWN, Cause, ParticipantEvidence
from composer.model.kinds import LOCAL
from composer.runtimes.causes import Rule, find_causes, shown
from composer.runtimes.participant_signs import (
    crashing,
    expired,
    in_state,
    reached,
    server_is_away,
    server_wrote,
    silent_server,
    told,
    traceback,
    unhealthy,
    wrote,
)

# What a site logs of it, and the traceback that follows.
_REJECTED = "(?:registration rejected: |error:client_registration )"
_LOOK = "composer logs -n 50 {name}"
_EXTRA_HOSTS = "write its address into composer.yml, extra_hosts: {{{host}: ADDRESS}}, then: composer up"
_AT = r"^(?P<host>[^\s:]+):(?P<port>\d+)\S*(?: at \S+)?: "


def find_participant_causes(evidence: ParticipantEvidence) -> tuple[Cause, ...]:
    """Return why a participant is not well, the most probable cause first; one of id UNKNOWN where nothing says why."""
    status = evidence.status
    words = {"name": status.name, "on_host": "" if status.host == LOCAL else f" on {status.host}"}
    return find_causes(RULES, evidence, status.name, words) or (_unknown(evidence),)


def _unknown(evidence: ParticipantEvidence) -> Cause:
    status = evidence.status
    what = f"it is {status.state}{'' if status.registered else ' and not registered'}"
    last = next((line for line in reversed(evidence.log) if line.strip()), "")
    seen = [part for part in (status.detail, f"its last line: {last}" if last else "") if part]
    fix = f"if it has only just been started, wait and ask again; else read: composer logs -n 50 {status.name}"
    return Cause(UNKNOWN, status.name, f"{what}, and nothing that composer looks at says why", shown(seen), fix)


RULES: tuple[Rule[ParticipantEvidence], ...] = (
    Rule("HOST", in_state("unknown"), "its host cannot be asked", "see that the host runs and answers: ssh to it"),
    Rule("PAUSED", in_state("paused"), "somebody has paused its container", "docker unpause it{on_host}, as is said"),
    Rule(
        "SHUT-DOWN",
        in_state("stopped"),
        "an administrator has shut it down, and it stays down",
        "composer start {name}",
    ),
    Rule("USER", told("runs as another user"), "it runs as another user, who alone sees more", "ask as that user"),
    Rule("STOPPED", told("^somebody stopped it"), "somebody has stopped it", "composer start {name}"),
    Rule("ABSENT", in_state("absent", "created"), "it was not started, or was stopped", "composer start {name}"),
    Rule("CERTIFICATE", expired, "its certificate has expired", "provision the project again, then: composer up KITS"),
    Rule(
        "LISTENERS",
        told(r"port (?P<port>\d+) has several listeners"),
        "somebody else listens on its port {port}, too",
        "end what is not the participant's; see it with: ss -ltnp 'sport = :{port}'",
    ),
    Rule(
        "AUTHORITY",
        told("replaced by one of another authority|^the kit is gone"),
        "its kit is not the one that it was started with",
        "give it the kit of the same authority again, or start all with the new ones: composer down, composer up KITS",
    ),
    Rule("SERVER", server_is_away, "its server {server} does not run, or does not serve yet", "composer why {server}"),
    Rule(
        "NAME",
        told(f"{_AT}name: "),
        "the server's name {host} does not resolve where it runs",
        _EXTRA_HOSTS,
    ),
    Rule(
        "ROUTE",
        told(f"{_AT}route: "),
        "no way leads to {host}, port {port}: a wrong address, or a firewall that answers nothing",
        "correct the address of {host} (composer.yml, extra_hosts), or have port {port} opened between the two",
    ),
    Rule(
        "CLOCK",
        told(rf"{_AT}clock: |certificate is not yet valid"),
        "the clocks of the two sides do not agree: a certificate is not valid yet, or no more, by the one here",
        "set the clocks by NTP: timedatectl set-ntp true",
    ),
    Rule(
        "SERVER-CERTIFICATE",
        told(f"{_AT}TLS: .*certificate has expired"),
        "the certificate of the server at {host} has expired",
        "provision the project again, and give the server its new kit",
    ),
    Rule(
        "OTHER-SERVER",
        told(rf"{_AT}(?:TLS: )?answered by '(?P<other>.*)', not by '(?P<meant>.*)'"),
        "another server answers at {host}, port {port}: {other} in place of {meant}",
        "correct the address of {host} (composer.yml, extra_hosts)",
    ),
    Rule(
        "OTHER-AUTHORITY",
        told(f"{_AT}TLS: .*does not verify"),
        "what answers at {host}, port {port} has a certificate of another authority",
        "it is the server of another federation, or a proxy that opens TLS: correct the address, or take it out there",
    ),
    Rule(
        "REFUSED-CERTIFICATE",
        told(f"{_AT}TLS: .*(?i:unknown_?.?ca|bad_?.?certificate|certificate_?.?unknown|handshake_?.?failure)"),
        "the server at {host} refuses its certificate",
        "use kits that were provisioned together: composer check KITS",
    ),
    Rule(
        "NO-TLS",
        told(f"{_AT}TLS: .*(?i:wrong_version|http_request|record_layer|unexpected_eof|reset by peer)"),
        "what answers at {host}, port {port} does not speak TLS with it: no such server, or a proxy in between",
        "correct the address or the port, or have the proxy pass TCP through",
    ),
    Rule(
        "TLS",
        told(f"{_AT}TLS: (?P<why>.*)"),
        "TLS with {host}, port {port} fails: {why}",
        "see that both kits were provisioned together: composer check KITS",
    ),
    Rule(
        "BIND",
        wrote(r"(?i)address already in use|failed to bind|error while attempting to bind"),
        "its port is taken by somebody else",
        "see by whom with: ss -ltnp, and stop that; then: composer restart {name}",
    ),
    Rule(
        "LIMIT",
        reached(
            server_wrote("Maximum number of clients reached. Reject client: NAME"),
            wrote(f"{_REJECTED}Maximum number of clients reached"),
        ),
        "the server rejects it: it has as many sites as it takes",
        "raise max_num_clients in composer.yml where the server runs, then: composer up",
    ),
    Rule(
        "DISABLED",
        reached(
            server_wrote("Reject disabled client (?:registration|heartbeat): NAME"),
            wrote(f"{_REJECTED}Client '.*' is disabled"),
        ),
        "the server rejects it: an administrator has disabled it",
        "in the console (composer admin): enable_client {name}",
    ),
    Rule(
        "REJECTED",
        reached(wrote(f"{_REJECTED}(?P<why>.*)")),
        "the server rejects it: {why}",
        "read what the server says of it: composer logs -n 200; composer check KITS compares the kits",
        last_resort=True,
    ),
    Rule(
        "TWICE",
        reached(server_wrote("Failed to re-activate the client: ?NAME")),
        "the server has another one under the same name: the same kit runs in two places",
        "stop it in one of the two; each site has a kit of its own",
    ),
    Rule(
        "DROPPED",
        reached(server_wrote("Remove the dead Client. Name: ?NAME")),
        "the server has dropped it, since it heard nothing of it for a while",
        "see that the network between the two lasts; then: composer restart {name}",
    ),
    Rule(
        "FORGOTTEN",
        reached(told("^the server does not have it")),
        "the server does not have it any more, though it was registered",
        "it comes back by itself where the network allows it; else: composer restart {name}",
    ),
    Rule(
        "PACKAGE",
        crashing(wrote("ModuleNotFoundError: No module named '(?P<module>[^']*)'")),
        "it crashes, since its Python lacks the module {module}",
        "name its package in composer.yml, image.requirements, then: composer up",
    ),
    Rule(
        "DISK",
        crashing(wrote(r"No space left on device|Disk quota exceeded")),
        "it crashes, since the disk under its workspace is full",
        "make room where the deployment folder lies, or give /dev/shm more with shm_size: df -h",
    ),
    Rule(
        "PERMISSION",
        crashing(wrote(r"PermissionError: .*?(?:: '(?P<path>[^']*)')?$")),
        "it crashes, since it may not use {path}",
        "give the owner of its kit the right to it",
    ),
    Rule(
        "FILES",
        crashing(wrote("Too many open files")),
        "it crashes, since it may open no more files",
        "raise the limit of open files (ulimit -n) for who runs it",
    ),
    Rule(
        "THREADS",
        crashing(wrote(r"can't start new thread|Cannot fork|fork: Resource temporarily unavailable")),
        "it crashes, since it may start no more threads",
        "raise the limit: composer check KITS has the arithmetic (PIDS)",
    ),
    Rule(
        "SIGNATURE",
        crashing(wrote("The following files are not secure content")),
        "it does not start with a kit whose signature does not hold",
        "take the kit as it was provisioned: composer check KITS",
    ),
    Rule(
        "CONFIG",
        crashing(wrote(r"JSONDecodeError: (?P<why>.*)|ConfigError: (?P<other>.*)|Unable to parse (?P<file>\S+)")),
        "it crashes over a file of settings that it cannot read",
        "correct its local/ files: composer check KITS",
    ),
    Rule(
        "OUT-OF-MEMORY",
        told("ran out of memory"),
        "it took more memory than it may, and the kernel has killed it",
        "give it more in composer.yml (memory), or let fewer jobs run at once, then: composer up",
    ),
    Rule(
        "SHM",
        crashing(wrote(r"Bus error|ended by itself with status 135")),
        "it crashes for want of shared memory",
        "give it more in composer.yml: participants: {{{name}: {{shm_size: 8g}}}}",
    ),
    Rule(
        "KILLED",
        crashing(wrote(r"^MemoryError|ended by itself with status 137|Killed$")),
        "it was killed: by the kernel for want of memory, or by somebody",
        "give it more in composer.yml (memory), or let fewer run here; the kernel's word: journalctl -k | grep -i oom",
    ),
    Rule(
        "KILLED",
        told("ended with status 137"),
        "it was killed: by the kernel for want of memory, or by somebody",
        "give it more in composer.yml (memory), or let fewer run here; the kernel's word: journalctl -k | grep -i oom",
    ),
    Rule("CRASH", crashing(traceback), "it crashes: {error}", f"read what comes before it: {_LOOK}", last_resort=True),
    Rule(
        "LISTEN",
        silent_server,
        "it runs, and does not listen on its port: it is starting, or it hangs",
        f"wait a moment and ask again; else read: {_LOOK}",
    ),
    Rule(
        "PORT",
        told(f"{_AT}port: "),
        "nobody listens on {host}, port {port}",
        "start the server; if it runs, correct its address (composer.yml, extra_hosts) or the port that is forwarded",
        last_resort=True,
    ),
    Rule(
        "SUPERVISOR",
        told("its supervisor was killed"),
        "its supervisor was killed, or its machine was restarted: nobody starts it again",
        "composer start {name}",
    ),
    Rule("HEALTH", unhealthy, "its health check fails, though it is registered", f"see what it does: {_LOOK}"),
)
