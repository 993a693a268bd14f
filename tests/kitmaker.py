"""Makes startup kits as NVFLARE 2.4 to 2.9 do, without NVFLARE: the same files, fields, certificates, modes.

What differs by release is written down here once more, from real kits and not from composer's own reading of
them; ``test_real_kits.py`` holds both against real ones.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.authority import NOW, Authority, key, pem_of, pem_of_key
from tests.conftest import free_port

RELEASES = ("2.4", "2.5", "2.6", "2.7", "2.8", "2.9")
_MODULES = {
    "server": "nvflare.private.fed.app.server.server_train",
    "client": "nvflare.private.fed.app.client.client_train",
    "relay": "nvflare.private.fed.app.relay.relay",
}


@dataclass(frozen=True)
class Project:
    """What is provisioned; the defaults are those of each release.

    Attributes:
        release: ``major.minor``.
        relay: Put a relay between the server and the first client.
        host: By which clients know the server.
        port: On which it listens; where kits are run, one that is free.
    """

    release: str
    name: str = "fedx"
    server: str = "server1"
    clients: tuple[str, ...] = ("site-1", "site-2")
    admin: str = "admin@nvidia.com"
    scheme: str = ""
    host: str = ""
    names: tuple[str, ...] = ()
    relay: str = ""
    encrypted: bool = False
    begins: datetime = NOW - timedelta(days=1)
    authority: Authority | None = None
    port: int = 8002


def to_be_run() -> Project:
    """A project whose port, and whose name on an engine, no other test has, in whatever run."""
    port = free_port()
    return Project("2.9", name=f"fed{port}", port=port)


@dataclass(frozen=True)
class Provisioned:
    """Kits on disk, and all it takes to make them over."""

    project: Project
    authority: Authority
    prod: Path
    settings: dict[str, Any] = field(default_factory=dict)

    def kit(self, name: str) -> Path:
        """A participant's folder."""
        return self.prod / name

    @property
    def server(self) -> Path:
        """The server's folder."""
        return self.kit(self.project.server)

    def sign(self) -> None:
        """Sign again what this release signs."""
        for kit in self.prod.iterdir():
            _sign(self, kit)

    def reissue(self, kit: Path, stem: str, private: Any = None, **how: Any) -> None:
        """Give a kit another certificate for the key that it has, or for another key along with that."""
        label = f"{stem} of {kit.name}"
        name = how.pop("name", kit.name)
        authority = how.pop("authority", self.authority)
        if "names" not in how and stem == "server" and kit == self.server:
            how["names"] = self.settings["names"]
        write(kit / f"startup/{stem}.crt", pem_of(authority.issue(name, private or key(label), **how)))
        if private is not None:
            write(kit / f"startup/{stem}.key", pem_of_key(private), self.settings["key_mode"])


def write(path: Path, content: bytes | str, mode: int = 0o644) -> None:
    """Write a file of a kit."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)


def write_json(path: Path, document: object) -> None:
    """Write a JSON file of a kit."""
    write(path, json.dumps(document, indent=2) + "\n")


def provision(folder: Path, project: Project) -> Provisioned:
    """Make the kits of a project in ``folder/prod_00``."""
    authority = project.authority or Authority(project.name, project.begins)
    names = project.names or (f"DNS:{project.host or project.server}",)
    key_mode = 0o600 if _at_least(project, "2.8") else 0o644
    made = Provisioned(project, authority, folder / "prod_00", {"names": names, "key_mode": key_mode})
    _server(made)
    for client in project.clients:
        _client(made, client, behind=project.relay if client == project.clients[0] else "")
    if project.relay:
        _relay(made)
    _admin(made)
    made.sign()
    for path in (made.prod, *made.prod.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)
    return made


def _at_least(project: Project, release: str) -> bool:
    return tuple(map(int, project.release.split("."))) >= tuple(map(int, release.split(".")))


def _scheme(project: Project) -> str:
    return project.scheme or ("http" if _at_least(project, "2.7") else "grpc")


def _ports(project: Project) -> tuple[int, int]:
    return project.port, project.port if _at_least(project, "2.8") else project.port + 1


def _overseer(project: Project) -> dict[str, Any]:
    port, admin_port = _ports(project)
    end_point = f"{project.host or project.server}:{port}:{admin_port}"
    path = "nvflare.ha.dummy_overseer_agent.DummyOverseerAgent"
    return {"overseer_agent": {"path": path, "args": {"sp_end_point": end_point}}}


def _server(made: Provisioned) -> None:
    project, kit = made.project, made.server
    port, admin_port = _ports(project)
    new = _at_least(project, "2.7")
    server = {
        "name": project.name,
        "service": {"target": f"{project.server}:{port}", "scheme": _scheme(project)},
        ("admin_server" if new else "admin_host"): project.server,
        "admin_port": admin_port,
        "ssl_private_key": "server.key",
        "ssl_cert": "server.crt",
        "ssl_root_cert": "rootCA.pem",
        **({"connection_security": "mtls"} if new else {}),
    }
    document = {"format_version": 2, "servers": [server]}
    write_json(
        kit / "startup/fed_server.json", document if _at_least(project, "2.8") else {**document, **_overseer(project)}
    )
    _pair(made, kit, "server", made.settings["names"])
    _scripts(made, kit, "server", "secure_train=true  org=nvidia config_folder=config")
    _local(made, kit)


def _client(made: Provisioned, name: str, behind: str) -> None:
    project, kit = made.project, made.kit(name)
    server: dict[str, Any] = {"name": project.name, "service": {"scheme": _scheme(project)}}
    client: dict[str, Any] = {"ssl_private_key": "client.key", "ssl_cert": "client.crt", "ssl_root_cert": "rootCA.pem"}
    if _at_least(project, "2.6"):
        server["identity"] = project.server
        client |= {"fqsn": name, "is_leaf": True}
    if _at_least(project, "2.7"):
        client["connection_security"] = "mtls"
    document = {"format_version": 2, "servers": [server], "client": client}
    if _at_least(project, "2.8"):
        server["service"]["target"] = f"{project.host or project.server}:{_ports(project)[0]}"
    else:
        document |= _overseer(project)
    write_json(kit / "startup/fed_client.json", document)
    _pair(made, kit, "client")
    _scripts(made, kit, "client", f"secure_train=true uid={name} org=nvidia config_folder=config")
    _local(made, kit)
    if behind:
        relay = {"scheme": "grpc", "identity": behind, "address": f"{behind}:18102", "fqcn": behind}
        document = {"format_version": 2, "relay_config": {**relay, "connection_security": "mtls"}}
        write_json(kit / "local/relay__resources.json", document)


def _relay(made: Provisioned) -> None:
    project, kit = made.project, made.kit(made.project.relay)
    parent = {
        "scheme": _scheme(project),
        "identity": project.server,
        "address": f"{project.host or project.server}:{_ports(project)[0]}",
        "fqcn": "server",
        "connection_security": "None",
    }
    document = {
        "format_version": 2,
        "project_name": project.name,
        "identity": project.relay,
        "server_identity": project.server,
        "connect_to": parent,
    }
    write_json(kit / "startup/fed_relay.json", document)
    resources = {"host": project.relay, "port": 18102, "connection_security": "mtls"}
    internal = {"scheme": "grpc", "resources": resources}
    write_json(
        kit / "local/comm_config.json", {"allow_adhoc_conns": False, "backbone_conn_gen": 1, "internal": internal}
    )
    _pair(made, kit, "client")
    _pair(made, kit, "server", (f"DNS:{project.relay}",))
    _scripts(made, kit, "relay", f"secure_train=true uid={project.relay} org=nvidia config_folder=config")
    write(kit / "local/log_config.json.default", "{}\n")
    (kit / "transfer").mkdir()


def _admin(made: Provisioned) -> None:
    project, kit = made.project, made.kit(made.project.admin)
    common = {"with_file_transfer": True, "upload_dir": "transfer", "download_dir": "transfer"}
    files = {"client_key": "client.key", "client_cert": "client.crt", "ca_cert": "rootCA.pem"}
    if _at_least(project, "2.7"):
        where = {
            "project_name": project.name,
            "username": project.admin,
            "server_identity": project.server,
            "scheme": _scheme(project),
            "host": project.host or project.server,
            "port": _ports(project)[1],
            "connection_security": "mtls",
            "uid_source": "user_input",
        }
    else:
        where = {"with_login": True, "with_ssl": True, "cred_type": "cert", "prompt": "> ", **_overseer(project)}
    write_json(kit / "startup/fed_admin.json", {"format_version": 1, "admin": {**where, **common, **files}})
    _pair(made, kit, "client")
    write(kit / "startup/fl_admin.sh", "#!/usr/bin/env bash\npython3 -m nvflare.fuel.hci.tools.admin\n", 0o755)
    write(kit / "startup/readme.txt", "admin\n")
    if _at_least(project, "2.6"):
        write(kit / "startup/system_info.ipynb", "{}\n")
    (kit / "local").mkdir()
    (kit / "transfer").mkdir()
    if _at_least(project, "2.7"):
        write(kit / "local/resources.json.default", "{}\n")


def _pair(made: Provisioned, kit: Path, stem: str, names: tuple[str, ...] | None = None) -> None:
    made.reissue(kit, stem, key(f"{stem} of {kit.name}"), names=names)
    write(kit / "startup/rootCA.pem", pem_of(made.authority.certificate))


def _scripts(made: Provisioned, kit: Path, kind: str, settings: str) -> None:
    project = made.project
    command = f"python3 -u -m {_MODULES[kind]}"
    if _at_least(project, "2.8"):
        prefix = "exec " if _at_least(project, "2.9") else ""
        body = f'WORKSPACE="$NVFL_WORKSPACE"\n  {prefix}{command} -m "$WORKSPACE" -s fed_{kind}.json --set {settings}\n'
    elif _at_least(project, "2.7"):
        body = f"doOnce=true\nexport MALLOC_ARENA_MAX=4\n  {command} -m $DIR/.. -s fed_{kind}.json --set {settings}\n"
    else:
        body = f"(({command} -m $DIR/.. -s fed_{kind}.json --set {settings} 2>&1 & echo $! >&3 ) 3>$DIR/../pid.fl )\n"
    write(kit / "startup/sub_start.sh", f"#!/usr/bin/env bash\n{body}", 0o755)
    equals = "==" if _at_least(project, "2.5") else "="
    write(kit / "startup/start.sh", f"#!/usr/bin/env bash\nif [ $doCloud {equals} true ]\nthen\nfi\n", 0o755)
    write(kit / "startup/stop_fl.sh", "#!/usr/bin/env bash\n", 0o755)


def _local(made: Provisioned, kit: Path) -> None:
    write(kit / "readme.txt", "A kit.\n")
    logging = "log_config.json.default" if _at_least(made.project, "2.6") else "log.config.default"
    for name in (logging, "resources.json.default", "authorization.json.default", "privacy.json.sample"):
        write(kit / "local" / name, "{}\n")
    (kit / "transfer").mkdir()
    if made.project.encrypted:
        stem = "server" if kit == made.server else "client"
        write(kit / f"startup/{stem}_context.tenseal", b"\x00context")


def _sign(made: Provisioned, kit: Path) -> None:
    # NVFLARE writes a listener's settings after it has signed.
    late = {"signature.json", "comm_config.json"}
    for where in _signed(made.project, kit):
        folder = kit / where
        signatures = {
            file.name: made.authority.sign(file.read_bytes())
            for file in sorted(folder.iterdir())
            if file.is_file() and file.name not in late
        }
        write(folder / "signature.json", json.dumps(signatures))


def _signed(project: Project, kit: Path) -> tuple[str, ...]:
    if _at_least(project, "2.8"):
        return ("startup", "local") if any((kit / "startup").glob("*.tenseal")) else ()
    if _at_least(project, "2.7"):
        return "startup", "local"
    if project.release != "2.6" and (kit / "startup/fed_admin.json").exists():
        return ()
    return ("startup",)
