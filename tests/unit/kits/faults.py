"""Single faults of kits: each is what can happen to one, and the id of the check that must find it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from cryptography.x509.oid import ExtendedKeyUsageOID

from composer.kits.checks.subject import MachineLimits, Room
from tests.authority import LIFE, NOW, Authority, key, pem_of, pem_of_key
from tests.conftest import missing
from tests.kitmaker import Project, write
from tests.unit.kits.harms import (
    NEW,
    OLD,
    OTHERS,
    SIGNED,
    Harm,
    admin_port,
    bom,
    copied,
    crlf,
    cut,
    damaged_numbers,
    dialling,
    edit,
    edit_json,
    elliptic,
    in_file,
    in_json,
    later_release,
    linked,
    malformed_issuer,
    mode,
    new_key,
    no_authority,
    no_serial,
    only_case,
    passphrase,
    pipe,
    prepared,
    provisioned_again,
    reissued,
    rekeyed,
    second_server,
    signature,
    signed_by_other,
    site,
    startup,
    state,
    swapped_signature,
    text_of,
    two_roles,
    usage,
    whole_kit,
    with_root,
    without,
    wrong_bundle,
)

ALL = (OLD, SIGNED, NEW)


def given_away(made: Any) -> None:
    """Give the kit to a number that no account has, as tar does where root unpacks."""
    if os.geteuid() != 0:
        missing("only root may give files away")
    for path in (site(made), *site(made).rglob("*")):
        os.chown(path, 424242, 424242)


def ports_alike(made: Any) -> None:
    """Have the relay listen on the server's port."""
    edit_json(made.kit("relay-1") / "local/comm_config.json", lambda d: d["internal"]["resources"].update(port=8002))
    edit_json(site(made) / "local/relay__resources.json", lambda d: d["relay_config"].update(address="relay-1:8002"))


def nothing(made: Any) -> None:
    """Leave the kits as they are: it is the machine that is at fault."""


def on(**machine: int) -> Room:
    """A machine with these limits."""
    return Room(machine=MachineLimits(**machine))


@dataclass(frozen=True)
class Fault:
    """A fault.

    Attributes:
        name: What happened.
        id: The check that finds it.
        harm: Does it to kits.
        releases: Whose kits it can happen to.
        signed: Whether whoever signs the kits does it, so that signatures hold again afterwards.
        severity: Of the finding.
        project: What is provisioned for it, beyond the release.
        room: Where the kits are to run.
    """

    name: str
    id: str
    harm: Harm
    releases: tuple[str, ...] = ALL
    signed: bool = False
    severity: str = "error"
    project: tuple[tuple[str, Any], ...] = ()
    room: Room = field(default_factory=Room)

    def provision_for(self, release: str) -> Project:
        """The project that it is done to."""
        return replace(Project(release), **dict(self.project))


GRPC = (("scheme", "grpc"),)
RELAY = (("relay", "relay-1"), ("scheme", "grpc"))
HE = (("encrypted", True),)
HOSTS = (("host", "fl.example.com"), ("names", ("DNS:fl.example.com", "DNS:server1")))
AGO = NOW - LIFE


FAULTS = (
    # The certificate and its time.
    Fault("leaf expired", "VALID", reissued(begins=AGO - timedelta(days=9))),
    Fault("leaf not yet valid", "VALID", reissued(begins=NOW + timedelta(hours=3))),
    Fault("leaf ends in ten days", "VALID", reissued(begins=AGO + timedelta(days=10)), ALL, True, "warning"),
    Fault("leaf in its last third", "VALID", reissued(begins=AGO + timedelta(days=110)), ALL, True, "warning"),
    Fault("server's expired", "VALID", reissued("server", "server1", begins=AGO - timedelta(days=1))),
    Fault("everything expired", "VALID", lambda _: None, project=(("begins", AGO - timedelta(days=1)),)),
    Fault("clock behind", "VALID", lambda _: None, project=(("begins", NOW + timedelta(days=1)),)),
    # The chain.
    Fault("foreign root", "CHAIN", with_root(lambda _: OTHERS.certificate)),
    Fault("root of another key, same name", "CHAIN", with_root(lambda m: replace(m.authority, label="x").certificate)),
    Fault("root not self-signed", "CHAIN", with_root(signed_by_other)),
    Fault("root is no authority", "CHAIN", with_root(no_authority)),
    Fault("root is the leaf", "CHAIN", lambda m: shutil.copy(startup(m, "client.crt"), startup(m, "rootCA.pem"))),
    Fault("leaf of a foreign authority", "CHAIN", reissued(authority=OTHERS)),
    Fault("pair of a foreign authority", "CHAIN", rekeyed(lambda: key("else"), authority=OTHERS)),
    Fault("leaf of a namesake", "CHAIN", reissued(authority=Authority("fedx", NOW - timedelta(days=1), "namesake"))),
    Fault("server's of a foreign authority", "CHAIN", reissued("server", "server1", authority=OTHERS)),
    Fault("bundle that leads nowhere", "CHAIN", wrong_bundle),
    Fault("certificate cut off", "CHAIN", in_file("client.crt", cut)),
    Fault("certificate empty", "CHAIN", in_file("client.crt", lambda _: b"")),
    Fault("certificate is a key", "CHAIN", in_file("client.crt", lambda _: b"-----BEGIN CERTIFICATE-----\nAAAA\n")),
    Fault("certificate with a BOM", "CHAIN", in_file("client.crt", bom)),
    Fault("certificate in binary form", "CHAIN", in_file("client.crt", lambda _: bytes(range(256)))),
    Fault("certificate of no serial number", "CHAIN", no_serial),
    Fault("certificate of a malformed issuer", "CHAIN", malformed_issuer),
    Fault("certificate missing", "CHAIN", without("startup/client.crt")),
    Fault("root cut off", "CHAIN", in_file("rootCA.pem", cut)),
    Fault("root empty", "CHAIN", in_file("rootCA.pem", lambda _: b"")),
    Fault("root with a BOM", "CHAIN", in_file("rootCA.pem", bom)),
    Fault("root missing", "CHAIN", without("startup/rootCA.pem")),
    Fault("for servers only", "CHAIN", reissued(extra=usage(ExtendedKeyUsageOID.SERVER_AUTH))),
    # The key.
    Fault("key of the other site", "KEY-MATCH", new_key(lambda: key("client of site-2"))),
    Fault("key of nobody", "KEY-MATCH", new_key(lambda: key("else"))),
    Fault("certificate of another key", "KEY-MATCH", lambda m: write(
        startup(m, "client.crt"), pem_of(m.authority.issue("site-1", key("else"))))),
    Fault("certificate of the other site", "KEY-MATCH", lambda m: shutil.copy(
        m.kit("site-2") / "startup/client.crt", startup(m, "client.crt"))),
    Fault("key cut off", "KEY-MATCH", in_file("client.key", cut)),
    Fault("key empty", "KEY-MATCH", in_file("client.key", lambda _: b"")),
    Fault("key with a BOM", "KEY-MATCH", in_file("client.key", bom)),
    Fault("key is the certificate", "KEY-MATCH", lambda m: write(
        startup(m, "client.key"), startup(m, "client.crt").read_bytes(), 0o600)),
    Fault("key missing", "KEY-MATCH", without("startup/client.key")),
    Fault("key with a passphrase", "KEY-MATCH", passphrase),
    Fault("key is elliptic", "KEY-MATCH", new_key(elliptic)),
    Fault("pair is elliptic", "KEY-MATCH", rekeyed(elliptic)),
    Fault("key with wrong numbers", "KEY-MATCH", new_key(damaged_numbers)),
    # What lies in the folder.
    Fault("two roles", "KIT-ROLE", two_roles),
    Fault("no role", "KIT-ROLE", without("startup/fed_client.json")),
    Fault("no start script", "KIT-ROLE", without("startup/sub_start.sh")),
    Fault("no local", "KIT-ROLE", lambda m: shutil.rmtree(site(m) / "local")),
    Fault("key is a link", "KIT-ROLE", linked("startup/client.key")),
    Fault("certificate is a link", "KIT-ROLE", linked("startup/client.crt")),
    Fault("root is a link", "KIT-ROLE", linked("startup/rootCA.pem")),
    Fault("role is a link", "KIT-ROLE", linked("startup/fed_client.json")),
    Fault("start script is a link", "KIT-ROLE", linked("startup/sub_start.sh")),
    Fault("startup is a link", "KIT-ROLE", linked("startup")),
    Fault("local is a link", "KIT-ROLE", linked("local")),
    Fault("a pipe", "KIT-ROLE", pipe),
    Fault("prepared for Docker", "KIT-ROLE", prepared),
    Fault("of 2.3", "KIT-ROLE", lambda m: write(startup(m, "client.pfx"), b"pfx")),
    Fault("JSON cut off", "KIT-ROLE", in_file("fed_client.json", cut)),
    Fault("JSON empty", "KIT-ROLE", in_file("fed_client.json", lambda _: b"")),
    Fault("JSON a list", "KIT-ROLE", in_file("fed_client.json", lambda _: b"[]")),
    Fault("JSON with a BOM", "KIT-ROLE", in_file("fed_client.json", bom)),
    Fault("JSON not UTF-8", "KIT-ROLE", in_file("fed_client.json", lambda d: d.replace(b"fedx", b"fed\xff"))),
    Fault("JSON too deep", "KIT-ROLE", in_file("fed_client.json", lambda _: b"[" * 100_000)),
    Fault("JSON with a key twice", "KIT-ROLE", in_file("fed_client.json", lambda d: d.replace(
        b'"format_version": 2', b'"format_version": 2, "format_version": 2'))),
    Fault("JSON with NaN", "KIT-ROLE", in_file("fed_client.json", lambda d: d.replace(b": 2", b": NaN", 1))),
    Fault("no servers", "KIT-ROLE", in_json("fed_client.json", lambda d: d.update(servers=[]))),
    Fault("servers a text", "KIT-ROLE", in_json("fed_client.json", lambda d: d.update(servers="server1"))),
    Fault("project a number", "KIT-ROLE", in_json("fed_client.json", lambda d: d["servers"][0].update(name=1))),
    Fault("port no number", "KIT-ROLE", dialling("server1", "http")),  # type: ignore[arg-type]
    Fault("port too large", "KIT-ROLE", dialling("server1", 80020)),
    Fault("host missing", "KIT-ROLE", dialling("")),
    Fault("host with a line break", "KIT-ROLE", dialling("server1\n10.0.0.1 evil")),
    Fault("an overseer's kit", "KIT-ROLE", in_json("fed_client.json", lambda d: d["overseer_agent"].update(
        args={"overseer_end_point": "https://overseer:8443/api/v1"})), (OLD, SIGNED)),
    Fault("start script starts another", "KIT-ROLE", in_file("sub_start.sh", text_of("nvflare.private", "evil"))),
    Fault("start script of a server", "KIT-ROLE", in_file("sub_start.sh", text_of("fed_client", "fed_server"))),
    Fault("start script with a BOM", "KIT-ROLE", in_file("sub_start.sh", bom)),
    Fault("start script with CRLF", "KIT-ROLE", in_file("sub_start.sh", crlf)),
    Fault("stop script with CRLF", "KIT-ROLE", in_file("stop_fl.sh", crlf)),
    Fault("JSON with CRLF", "KIT-ROLE", in_file("fed_client.json", crlf), (OLD, SIGNED)),
    Fault("certificate with CRLF", "KIT-ROLE", in_file("client.crt", crlf), (NEW,), False, "warning"),
    Fault("a folder that is no kit", "KIT-ROLE", lambda m: (m.prod / "site-3/local").mkdir(parents=True),
          severity="warning"),
    # Names.
    Fault("folder renamed", "KIT-NAME", lambda m: site(m).rename(m.prod / "our-kit"), severity="warning"),
    Fault("folder's case changed", "KIT-NAME", lambda m: site(m).rename(m.prod / "SITE-1"), severity="warning"),
    Fault("certificate's name in capitals", "KIT-NAME", reissued(name="SITE-1", names=("DNS:site-1",))),
    Fault("certificate of a stranger", "KIT-NAME", reissued(name="site-9")),
    Fault("name with a space", "KIT-NAME", reissued(name="site 1", names=())),
    Fault("name that is an option", "KIT-NAME", reissued(name="-rf", names=())),
    Fault("name that is a path", "KIT-NAME", reissued(name="../site-1", names=())),
    Fault("name with a line break", "KIT-NAME", reissued(name="site-1\nx", names=())),
    Fault("uid of a stranger", "KIT-NAME", in_file("sub_start.sh", text_of("uid=site-1", "uid=site-9"))),
    Fault("fqsn of a stranger", "KIT-NAME", in_json("fed_client.json", lambda d: d["client"].update(fqsn="a.site-9")),
          (SIGNED, NEW)),
    Fault("admin of another name", "KIT-NAME", lambda m: edit_json(
        m.kit("admin@nvidia.com") / "startup/fed_admin.json", lambda d: d["admin"].update(username="eve@nvidia.com")),
        (SIGNED, NEW)),
    Fault("server's name in capitals", "KIT-NAME", reissued("server", "server1", name="SERVER1")),
    Fault("organization of another", "KIT-ORG", in_file("sub_start.sh", text_of("org=nvidia", "org=other")),
          ALL, True, "warning"),
    Fault("certificate of another organization", "KIT-ORG", reissued(organization="other"), ALL, True, "warning"),
    # The project's name.
    *(Fault(f"project named {name}", "KIT-PROJECT", lambda _: None, project=(("name", name),)) for name in (
        "[/x]", "<b>x</b>", "$(id)", "-x", "a/b")),
    # Modes.
    Fault("key readable to all", "MODE", mode("startup/client.key", 0o644), (NEW,)),
    Fault("key readable to its group", "MODE", mode("startup/client.key", 0o640), ALL, False, "warning"),
    Fault("key writable to all", "MODE", mode("startup/client.key", 0o666)),
    Fault("key of a user whom nobody knows", "OWNER", given_away, ALL, False, "warning"),
    Fault("start script writable to all", "MODE", mode("startup/sub_start.sh", 0o757)),
    Fault("startup writable to all", "MODE", mode("startup", 0o777)),
    Fault("JSON writable to its group", "MODE", mode("startup/fed_client.json", 0o664), ALL, False, "warning"),
    Fault("kit writable to all", "MODE", mode(".", 0o777)),
    Fault("folder above writable to all", "MODE", lambda m: m.prod.chmod(0o777)),
    # Keys that are not its own.
    Fault("the root's key", "FOREIGN", lambda m: write(startup(m, "rootCA.key"), pem_of_key(m.authority.key), 0o600)),
    Fault("the admin's key", "FOREIGN", lambda m: shutil.copy(
        m.kit("admin@nvidia.com") / "startup/client.key", startup(m, "admin.key"))),
    Fault("a key at the top", "FOREIGN", lambda m: write(site(m) / "backup.pem", pem_of_key(key("else")), 0o600)),
    Fault("a key in the certificate's file", "FOREIGN", in_file("client.crt", lambda d: d + pem_of_key(key("else")))),
    Fault("the state of provisioning", "FOREIGN", state),
    # Kits that do not belong together.
    Fault("a kit twice", "DUP", copied),
    Fault("a name twice", "DUP", reissued(kit="site-2", name="site-1")),
    Fault("a key twice", "DUP", lambda m: m.reissue(m.kit("site-2"), "client", key("client of site-1"))),
    Fault("names that differ in case", "DUP", only_case, ALL, False, "warning"),
    Fault("a kit of another project", "MIXED", whole_kit(Project("", name="fedz"))),
    Fault("a kit of a namesake project", "MIXED", whole_kit(
        Project("", authority=Authority("fedx", NOW - timedelta(days=1), "namesake")))),
    Fault("a kit of another release", "MIXED", later_release),
    Fault("kits of two provisionings", "MIXED", provisioned_again, ALL, False, "warning"),
    Fault("two servers", "MIXED", second_server),
    Fault("another project's name", "MIXED", in_json("fed_client.json", lambda d: d["servers"][0].update(name="fedz"))),
    Fault("another server", "MIXED", in_json("fed_client.json", lambda d: d["servers"][0].update(identity="server9")),
          (SIGNED, NEW)),
    Fault("another scheme", "MIXED", in_json("fed_client.json", lambda d: d["servers"][0]["service"].update(
        scheme="tcp"))),
    Fault("another port", "MIXED", dialling("server1", 8009)),
    Fault("another admin port", "MIXED", admin_port),
    # The names that the server answers to.
    Fault("host not in the certificate", "SAN", dialling("fl.example.com"), ALL, True, project=GRPC),
    Fault("host not in it, but http", "SAN", dialling("fl.example.com"), (SIGNED, NEW), True, "warning"),
    Fault("server's certificate of no host", "SAN", reissued("server", "server1", names=()), project=GRPC),
    Fault("server's certificate of another host", "SAN", reissued("server", "server1", names=("DNS:else",)),
          project=GRPC),
    Fault("an address not in it", "SAN", dialling("10.0.0.5"), ALL, True, project=GRPC),
    Fault("an address in it as a name", "SAN", dialling("10.0.0.5"), ALL, True, project=(
        *GRPC, ("names", ("DNS:server1", "DNS:10.0.0.5")))),
    Fault("the host is not its name", "SAN", lambda _: None, (OLD,), project=HOSTS),
    # Signatures.
    Fault("signature gone", "SIG", without("startup/signature.json"), (OLD, SIGNED)),
    Fault("signature of local gone", "SIG", without("local/signature.json"), (SIGNED,), severity="warning"),
    Fault("admin's signature gone", "SIG", lambda m: (
        m.kit("admin@nvidia.com") / "startup/signature.json").unlink(), (SIGNED,)),
    Fault("signature swapped", "SIG", swapped_signature, (OLD, SIGNED)),
    Fault("signature of one file swapped", "SIG", signature("startup/signature.json", lambda d: d.update(
        {"start.sh": d["stop_fl.sh"]})), (OLD, SIGNED)),
    Fault("signature cut off", "SIG", in_file("signature.json", cut), (OLD, SIGNED)),
    Fault("signature no text", "SIG", signature("startup/signature.json", lambda d: d.update({"start.sh": 1})),
          (OLD, SIGNED)),
    Fault("script edited", "SIG", in_file("stop_fl.sh", lambda d: d + b"# edited\n"), (OLD, SIGNED)),
    Fault("local edited", "SIG", lambda m: edit(site(m) / "local/resources.json.default", lambda d: d + b" "),
          (SIGNED,), severity="warning"),
    Fault("signature of another form", "SIG", signature("startup/signature.json", lambda d: d.update(
        {"format_version": "2"})), (OLD, SIGNED)),
    Fault("file added", "SIG", lambda m: write(startup(m, "custom__resources.json"), "{}"), (OLD, SIGNED)),
    Fault("file taken away", "SIG", without("startup/stop_fl.sh"), (OLD, SIGNED)),
    Fault("encrypted kit without signature", "SIG", without("startup/signature.json"), (NEW,), project=HE),
    Fault("encryption's context edited", "SIG", in_file("client_context.tenseal", lambda d: d + b"x"), (NEW,),
          project=HE),
    # The port for a participant's own jobs.
    Fault("site open to the network", "LISTENER", lambda m: write(
        site(m) / "local/comm_config.json",
        '{"internal": {"scheme": "tcp", "resources": {"host": "0.0.0.0", "port": 9555}}}'), (NEW,)),
    Fault("nothing is encrypted", "TLS", in_json("fed_client.json", lambda d: d["client"].update(
        connection_security="clear")), (NEW,), True, "warning"),
    # Whether all that is to run has room.
    Fault("more sites than the server takes", "MAX-CLIENTS", lambda m: edit_json(
        m.server / "local/resources.json.default", lambda d: d.update(servers=[{"max_num_clients": 1}])), ALL, True),
    Fault("one port for two", "PORTS", ports_alike, (SIGNED, NEW), True, "warning", RELAY),
    Fault("little memory", "MEMORY", nothing, severity="warning", room=on(memory=200 << 20)),
    Fault("little shared memory", "SHM", nothing, severity="warning", room=replace(
        on(memory=8 << 30), shm_sizes={"site-1": 8 << 30, "site-2": 1 << 30})),
    Fault("few threads", "PIDS", nothing, severity="warning", room=on(threads=40)),
    Fault("few open files", "FILES", nothing, severity="warning", room=on(open_files=60)),
    # Relays.
    Fault("relay's key of another", "KEY-MATCH", lambda m: write(
        m.kit("relay-1") / "startup/server.key", pem_of_key(key("else")), m.settings["key_mode"]), (SIGNED, NEW),
        project=RELAY),
    Fault("relay's server certificate cut off", "CHAIN", lambda m: edit(
        m.kit("relay-1") / "startup/server.crt", cut), (SIGNED, NEW), project=RELAY),
    Fault("relay's server certificate expired", "VALID", reissued(
        "server", "relay-1", begins=AGO - timedelta(days=1)), (SIGNED, NEW), project=RELAY),
    Fault("relay's name not in its certificate", "SAN", reissued("server", "relay-1", names=("DNS:else",)),
          (SIGNED, NEW), project=RELAY),
    Fault("relay of another name", "KIT-NAME", lambda m: edit_json(
        m.kit("relay-1") / "startup/fed_relay.json", lambda d: d.update(identity="relay-9")), (SIGNED, NEW),
        project=RELAY),
    Fault("relay's port another", "MIXED", lambda m: edit_json(
        site(m) / "local/relay__resources.json", lambda d: d["relay_config"].update(address="relay-1:18109")),
        (NEW,), project=RELAY),
    Fault("relay's file broken", "KIT-ROLE", lambda m: edit(
        site(m) / "local/relay__resources.json", cut), (SIGNED, NEW), project=RELAY),
)  # fmt: skip
