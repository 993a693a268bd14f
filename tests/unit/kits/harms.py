"""What can happen to a kit, done to one."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.authority import NOW, Authority, key, pem_of, pem_of_key
from tests.kitmaker import Project, Provisioned, provision, write

Harm = Callable[[Provisioned], object]
OLD, SIGNED, NEW = "2.5", "2.7", "2.9"
OTHERS = Authority("other", NOW - timedelta(days=1), "others")


def site(made: Provisioned) -> Path:
    """The kit that most faults happen to."""
    return made.kit("site-1")


def startup(made: Provisioned, name: str) -> Path:
    """A file of that kit."""
    return site(made) / "startup" / name


def edit(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Change a file, keeping its mode."""
    write(path, change(path.read_bytes()), path.stat().st_mode & 0o7777)


def edit_json(path: Path, change: Callable[[Any], object]) -> None:
    """Change a JSON file."""
    document = json.loads(path.read_text())
    change(document)
    write(path, json.dumps(document, indent=2))


def cut(data: bytes) -> bytes:
    """The first half of a file."""
    return data[: len(data) // 2]


def bom(data: bytes) -> bytes:
    """The file with a byte-order mark before it."""
    return b"\xef\xbb\xbf" + data


def crlf(data: bytes) -> bytes:
    """The file with Windows line ends."""
    return data.replace(b"\n", b"\r\n")


def in_file(name: str, change: Callable[[bytes], bytes]) -> Harm:
    """Change a file of the site's ``startup``."""
    return lambda made: edit(startup(made, name), change)


def in_json(name: str, change: Callable[[Any], object]) -> Harm:
    """Change a JSON file of the site's ``startup``."""
    return lambda made: edit_json(startup(made, name), change)


def without(name: str) -> Harm:
    """Take a file of the site away."""
    return lambda made: (site(made) / name).unlink()


def linked(name: str) -> Harm:
    """Replace a file or folder of the site by a link to it elsewhere."""

    def harm(made: Provisioned) -> None:
        path, elsewhere = site(made) / name, made.prod.parent / "elsewhere"
        shutil.move(path, elsewhere)
        path.symlink_to(elsewhere)

    return harm


def mode(name: str, bits: int) -> Harm:
    """Set the mode of a file or folder of the site."""
    return lambda made: (site(made) / name).chmod(bits)


def reissued(stem: str = "client", kit: str = "site-1", **how: Any) -> Harm:
    """Give a kit another certificate for its own key."""
    return lambda made: made.reissue(made.kit(kit), stem, **how)


def rekeyed(private: Callable[[], Any], **how: Any) -> Harm:
    """Give the site another key and a certificate for it."""
    return lambda made: made.reissue(site(made), "client", private(), **how)


def new_key(private: Callable[[], Any]) -> Harm:
    """Give the site another key alone."""

    def harm(made: Provisioned) -> None:
        write(startup(made, "client.key"), pem_of_key(private()), made.settings["key_mode"])

    return harm


def with_root(certificate: Callable[[Provisioned], x509.Certificate]) -> Harm:
    """Replace the site's rootCA.pem."""
    return lambda made: write(startup(made, "rootCA.pem"), pem_of(certificate(made)))


def elliptic() -> ec.EllipticCurvePrivateKey:
    """A key that is not RSA."""
    return ec.generate_private_key(ec.SECP256R1())


def passphrase(made: Provisioned) -> None:
    """Encrypt the site's key."""
    data = key("client of site-1").private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    write(startup(made, "client.key"), data, made.settings["key_mode"])


def damaged_numbers() -> rsa.RSAPrivateKey:
    """The site's key with a private exponent that is not its."""
    numbers = key("client of site-1").private_numbers()
    wrong = rsa.RSAPrivateNumbers(
        p=numbers.p,
        q=numbers.q,
        d=numbers.d + 2,
        dmp1=numbers.dmp1,
        dmq1=numbers.dmq1,
        iqmp=numbers.iqmp,
        public_numbers=numbers.public_numbers,
    )
    return wrong.private_key(unsafe_skip_rsa_key_validation=True)


def signed_by_other(made: Provisioned) -> x509.Certificate:
    """The authority's key, certified by somebody else."""
    return OTHERS.issue("fedx", made.authority.key, organization="", authority=True)


def no_authority(made: Provisioned) -> x509.Certificate:
    """The authority's certificate without the right to certify."""
    return made.authority.issue("fedx", made.authority.key, organization="", authority=False)


def whole_kit(project: Project, name: str = "site-2") -> Harm:
    """Replace the second site's kit by one of another provisioning."""

    def harm(made: Provisioned) -> None:
        other = provision(made.prod.parent / "other", replace(project, release=project.release or made.project.release))
        shutil.rmtree(made.kit("site-2"))
        shutil.move(other.kit(name), made.kit(name))
        shutil.rmtree(other.prod.parent)

    return harm


def later_release(made: Provisioned) -> None:
    """Replace the second site's kit by one that another release made for the same project."""
    release = {"2.5": "2.9", "2.7": "2.9", "2.9": "2.7"}[made.project.release]
    scheme = "grpc" if made.project.release == "2.5" else ""
    host = replace(made.project, release=release, authority=made.authority, scheme=scheme)
    whole_kit(host)(made)


def provisioned_again(made: Provisioned) -> None:
    """Move a kit to the folder of a later provisioning."""
    later = made.prod.parent / "prod_01"
    later.mkdir()
    shutil.move(made.kit("site-2"), later / "site-2")


def copied(made: Provisioned) -> None:
    """Have the same kit twice."""
    shutil.copytree(site(made), made.prod.parent / "again" / "site-1")


def only_case(made: Provisioned) -> None:
    """Have a site whose name differs from another's by case."""
    project = replace(made.project, clients=("Site-1",), authority=made.authority)
    whole_kit(project, "Site-1")(made)


def second_server(made: Provisioned) -> None:
    """Have two servers."""
    other = provision(made.prod.parent / "other", replace(made.project, server="server2", authority=made.authority))
    # Its own clients and admin stay away; its file names the first server's host, so that only itself is too much.
    shutil.move(other.server, made.prod / "server2")
    shutil.rmtree(other.prod.parent)


def two_roles(made: Provisioned) -> None:
    """Mix the admin's file into a site's kit."""
    shutil.copy(made.kit("admin@nvidia.com") / "startup/fed_admin.json", startup(made, "fed_admin.json"))


def swapped_signature(made: Provisioned) -> None:
    """Take the other site's signature."""
    shutil.copy(made.kit("site-2") / "startup/signature.json", startup(made, "signature.json"))


def pipe(made: Provisioned) -> None:
    """Put a pipe into a kit."""
    os.mkfifo(startup(made, "pipe"))


def prepared(made: Provisioned) -> None:
    """Do as `nvflare deploy prepare` does."""
    startup(made, "sub_start.sh").unlink()
    write(startup(made, "start_docker.sh"), "#!/bin/sh\n", 0o755)


def wrong_bundle(made: Provisioned) -> None:
    """Certificates that do not follow from one another."""
    middle = OTHERS.issue("middle", key("middle"), organization="", authority=True)
    leaf = Authority("middle", made.authority.begins, "unknown").issue("site-1", key("client of site-1"))
    write(startup(made, "client.crt"), pem_of(leaf) + pem_of(middle))


def recoded(made: Provisioned, change: Callable[[bytes], bytes]) -> None:
    """Change a certificate's inside, without a care for its signature."""
    lines = startup(made, "client.crt").read_bytes().splitlines()
    inside = change(base64.b64decode(b"".join(lines[1:-1])))
    write(startup(made, "client.crt"), b"\n".join([lines[0], base64.encodebytes(inside).strip(), lines[-1], b""]))


def no_serial(made: Provisioned) -> None:
    """A serial number below 1."""
    at = 13  # SEQUENCE, SEQUENCE, version; then the tag and the length of the serial number.
    recoded(made, lambda data: data[: at + 2] + b"\x80" + data[at + 3 :])


def malformed_issuer(made: Provisioned) -> None:
    """An issuer that shows to be none only when it is looked at."""
    recoded(
        made, lambda data: data.replace(b"\x06\x03\x55\x04\x03\x0c\x04fedx", b"\x06\x03\x55\x04\x03\x00\x04fedx", 1)
    )


def state(made: Provisioned) -> None:
    """Leave the state of provisioning in a kit."""
    text = json.dumps({"root_pri_key": pem_of_key(made.authority.key).decode()})
    write(site(made) / "state/cert.json", text)


def end_point(host: str, port: int = 8002, admin_port: int = 8003) -> Callable[[Any], object]:
    """Set what a client or admin before 2.7 dials."""

    def change(document: Any) -> None:
        holder = document.get("admin", document)
        holder["overseer_agent"]["args"]["sp_end_point"] = f"{host}:{port}:{admin_port}"

    return change


def dialling(host: str, port: int = 8002) -> Harm:
    """Have the site dial another address."""

    def harm(made: Provisioned) -> None:
        if made.project.release == NEW:
            change = lambda document: document["servers"][0]["service"].update(target=f"{host}:{port}")  # noqa: E731
        else:
            change = end_point(host, port)
        edit_json(startup(made, "fed_client.json"), change)

    return harm


def admin_port(made: Provisioned) -> None:
    """Have the admin dial another port."""
    path = made.kit("admin@nvidia.com") / "startup/fed_admin.json"
    change = end_point("server1", 8002, 9999) if made.project.release == OLD else lambda d: d["admin"].update(port=9999)
    edit_json(path, change)


def text_of(old: str, new: str) -> Callable[[bytes], bytes]:
    """Replace a text that must be there."""

    def change(data: bytes) -> bytes:
        assert old.encode() in data
        return data.replace(old.encode(), new.encode())

    return change


def usage(*usages: x509.ObjectIdentifier) -> tuple[x509.ExtensionType, ...]:
    """An extended key usage."""
    return (x509.ExtendedKeyUsage(usages),)


def signature(name: str, change: Callable[[Any], object]) -> Harm:
    """Change a signature of the site."""
    return lambda made: edit_json(site(made) / name, change)
