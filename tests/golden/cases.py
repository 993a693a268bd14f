"""The federations whose rendering is kept as files. Their kits are values, so that no path of a machine is in them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath

from composer.definition import DataMount, Definition, HostChoice, ImageChoice, ParticipantChoice, Ulimit
from composer.images.build_inputs import BuildInputs
from composer.model.federation import Federation
from composer.model.files import GeneratedFile, Owner
from composer.model.kinds import ParticipantType
from composer.model.kit import Certificate, Connection, Kit, Launch, Listener, Project
from composer.resolve import resolve_federation

DEPLOYMENT = Path("/srv/flare/deployment")
OWNER = Owner(1000, 1000)
SERVER = "server1"
_MODULES: dict[ParticipantType, str] = {
    "server": "nvflare.private.fed.app.server.server_train",
    "client": "nvflare.private.fed.app.client.client_train",
    "relay": "nvflare.private.fed.app.relay.relay",
}


def kit(name: str, kind: ParticipantType, **changes: object) -> Kit:
    """A kit of NVFLARE 2.9 as provisioned for ``server1:8002``."""
    identity = () if kind == "server" else (f"uid={name}",)
    settings = ("secure_train=true", *identity, "org=hub", "config_folder=config")
    plain = Kit(
        path=Path("/srv/flare/workspace/example/prod_00", name),
        name=name,
        type=kind,
        release="2.9",
        project="example",
        organization="hub",
        server_identity=SERVER,
        scheme="http",
        connection_security="mtls",
        connects_to=() if kind == "server" else (Connection(SERVER, SERVER, 8002),),
        listens_on=(Listener(SERVER, 8002),) if kind == "server" else (),
        launch=Launch(_MODULES[kind], f"fed_{kind}.json", settings) if kind in _MODULES else None,
        certificate=Certificate(
            common_name=name,
            organization="hub",
            not_before=datetime(2026, 11, 1, tzinfo=timezone.utc),
            not_after=datetime(2027, 10, 27, tzinfo=timezone.utc),
            names=(name,),
            fingerprint="ab" * 32,
        ),
        root_fingerprint="cd" * 32,
        root_ends=datetime(2027, 10, 27, tzinfo=timezone.utc),
        owner=OWNER,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def _resolve(kits: list[Kit], definition: Definition, build_inputs: BuildInputs | None = None) -> Federation:
    return resolve_federation(
        Project("example", tuple(kits)), definition, build_inputs or BuildInputs(), DEPLOYMENT, OWNER
    )


def two_sites() -> Federation:
    """What a user without a composer.yml has."""
    kits = [kit(SERVER, "server"), kit("site-1", "client"), kit("site-2", "client"), kit("lead@example.org", "admin")]
    return _resolve(kits, Definition())


def one_site() -> Federation:
    """A hospital's only kit; its server is elsewhere, behind a proxy, and its policies are its own."""
    definition = Definition(
        image=ImageChoice(
            base="registry.hospital.example/python:3.12",
            packages=("libgomp1", "git"),
            ca_bundle=Path("/etc/ssl/corporate-ca.pem"),
            pip_config=Path("/srv/flare/pip.conf"),
        ),
        extra_hosts={SERVER: "10.1.2.3"},
        participants={
            "site-1": ParticipantChoice(
                image=ImageChoice(requirements=Path("/srv/flare/requirements.txt")),
                gpus=("0", "1"),
                memory="16g",
                cpus=7.5,
                shm_size="8g",
                tmp="disk",
                ulimits={"memlock": Ulimit(-1, -1), "nofile": Ulimit(4096, 65536)},
                data=(
                    DataMount(Path("/srv/ct $2024"), "/data/ct"),
                    DataMount(Path("/srv/out"), "/out", read_only=False),
                ),
                environment={"OMP_NUM_THREADS": "4", "PRICE": "$5"},
                local=Path("/srv/flare/policies"),
            )
        },
    )
    policy = GeneratedFile(PurePosixPath("privacy.json"), b"{}\n")
    build_inputs = BuildInputs({Path("/srv/flare/requirements.txt"): "monai==1.4.0"}, {"site-1": (policy,)})
    return _resolve([kit("site-1", "client")], definition, build_inputs)


def relay() -> Federation:
    """A site behind a relay, names that need a slug, and a name that only its own jobs resolve."""
    behind = (Connection("relay-1", "relay1.example.com", 18102), Connection(SERVER, SERVER, 8002))
    kits = [
        kit(SERVER, "server", listens_on=(Listener(SERVER, 8002), Listener(SERVER, 8003))),
        kit("relay-1", "relay", listens_on=(Listener("relay1.example.com", 18102),)),
        kit("Ward_7", "client", connects_to=behind, listens_on=(Listener("ward-7.local", 0),)),
    ]
    return _resolve(kits, Definition())


def three_hosts() -> Federation:
    """A server and a site on hosts of their own, and a site and the administrator here."""
    definition = Definition(
        hosts={
            "hub": HostChoice("10.77.0.2", "ssh://ops@10.77.0.2", "/srv/flare"),
            "ward-a": HostChoice("10.77.0.3", "ssh://ward-a.example:2222", "/data/flare $1"),
            "desk": HostChoice("10.77.0.1", "local"),
        },
        participants={
            SERVER: ParticipantChoice(host="hub"),
            "site-1": ParticipantChoice(
                host="ward-a", data=(DataMount(Path("/srv/ct"), "/data/ct"),), local=Path("/srv/flare/policies")
            ),
            "lead@example.org": ParticipantChoice(host="desk"),
        },
    )
    policy = GeneratedFile(PurePosixPath("privacy.json"), b"{}\n")
    kits = [kit(SERVER, "server"), kit("site-1", "client"), kit("site-2", "client"), kit("lead@example.org", "admin")]
    return _resolve(kits, definition, BuildInputs({}, {"site-1": (policy,)}))


def bridge() -> Federation:
    """A relay and a site where host networking is not allowed."""
    behind = (Connection("relay-1", "relay1.example.com", 18102), Connection(SERVER, SERVER, 8002))
    kits = [
        kit(SERVER, "server"),
        kit("relay-1", "relay", listens_on=(Listener("relay1.example.com", 18102),)),
        kit("site-1", "client", connects_to=behind),
        kit("lead@example.org", "admin"),
    ]
    return _resolve(kits, Definition(network="bridge", publish="127.0.0.7"))


def mixed() -> Federation:
    """A server as a container here, and a site and the administrator as plain processes on a host."""
    definition = Definition(
        hosts={
            "desk": HostChoice("10.0.0.1", "local"),
            "ward": HostChoice("10.0.0.3", "ssh://ward", "/srv/flare", runtime="process"),
        },
        participants={
            "site-1": ParticipantChoice(host="ward", environment={"WARD": "7 b"}),
            "lead@example.org": ParticipantChoice(host="ward"),
        },
    )
    kits = [kit(SERVER, "server"), kit("site-1", "client"), kit("lead@example.org", "admin")]
    return _resolve(kits, definition)


def podman() -> Federation:
    """The hospital's only kit, under Podman."""
    return replace(one_site(), runtime="podman")


CASES = {
    "two-sites": two_sites,
    "one-site": one_site,
    "relay": relay,
    "three-hosts": three_hosts,
    "bridge": bridge,
    "mixed": mixed,
}
