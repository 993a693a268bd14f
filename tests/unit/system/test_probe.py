"""Ports and identities are looked at for real: sockets on loopback, TLS with certificates of a project's own."""

from __future__ import annotations

import datetime
import os
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from composer.system.probe import Identity, explain, port_trouble, shake_hands
from tests.conftest import ROOT, run

# Of the addresses for documentation (RFC 5737, RFC 3849), which no machine has.
NOBODYS = ("203.0.113.9", "2001:db8::9")


@contextmanager
def listening(address: str, family: int = socket.AF_INET) -> Iterator[socket.socket]:
    with socket.socket(family) as holder:
        if family == socket.AF_INET6:
            holder.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # As gRPC listens, which would share the port with whoever asks alike.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind((address, 0))
        holder.listen()
        yield holder


@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1"])
def test_a_port_taken_on_ipv4(address: str) -> None:
    with listening(address) as holder:
        port = holder.getsockname()[1]
        trouble = port_trouble(port)
        assert trouble
        assert trouble.cause.startswith("is taken on IPv4 by ")
        assert f"sport = :{port}" in trouble.hint
    assert port_trouble(port) is None


@pytest.mark.parametrize("address", ["::", "::1"])
def test_a_port_taken_on_ipv6(address: str) -> None:
    with listening(address, socket.AF_INET6) as holder:
        trouble = port_trouble(holder.getsockname()[1])
        assert trouble
        assert trouble.cause.startswith("is taken on IPv6 by ")


def test_a_port_that_was_just_closed_is_free() -> None:
    with listening("127.0.0.1") as holder:
        port = holder.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        server, _ = holder.accept()
        # Whoever closes first keeps the port in TIME_WAIT.
        server.close()
        client.close()
    assert port_trouble(port) is None


@pytest.mark.parametrize("address", NOBODYS)
def test_an_address_that_this_machine_has_not(address: str) -> None:
    trouble = port_trouble(8002, address, "engine")
    assert trouble
    assert trouble.cause == f"cannot be opened on {address}: this machine has no such address"
    assert "publish" in trouble.hint
    assert "ss -ltnp" not in trouble.hint


def without_rights(opener: str, start: int) -> str:
    """What is said of port 443 where the capability for it is missing, in a network with that setting of the kernel."""
    program = f"from composer.system.probe import port_trouble as p\nt = p(443, '', '{opener}')\nprint(t and t.cause)"
    script = f"echo {start} >/proc/sys/net/ipv4/ip_unprivileged_port_start && exec "
    script += 'setpriv --bounding-set=-net_bind_service --inh-caps=-net_bind_service "$@"'
    unshare = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    ended = run([*unshare, "sh", "-c", script, "sh", sys.executable, "-c", program], cwd=ROOT)
    assert ended.returncode == 0, ended.err
    return ended.out.strip()


@pytest.mark.parametrize("opener", ["process", "container"])
def test_a_port_that_only_root_may_open(opener: str) -> None:
    assert without_rights(opener, 1024).startswith("is one of those below 1024")
    assert without_rights(opener, 443) == "None"


def test_the_engine_opens_what_its_user_may_not() -> None:
    assert without_rights("engine", 1024) == "None"


def test_a_container_has_no_more_rights_where_root_starts_it() -> None:
    start = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    trouble = port_trouble(443, "", "container")
    assert bool(trouble) is (start > 443)


class Authority:
    """A project's authority, and what it issues, as files."""

    def __init__(self, folder: Path, valid_in: datetime.timedelta = datetime.timedelta(0)) -> None:
        folder.mkdir()
        self._valid_in = valid_in
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.root = folder / "rootCA.pem"
        self.root.write_bytes(self._certificate("root", self._key.public_key(), True))

    def issue(self, name: str) -> Identity:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate, private = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        certificate.write_bytes(self._certificate(name, key.public_key(), False))
        no_encryption = serialization.NoEncryption()
        private.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, no_encryption)
        )
        return Identity(certificate, private, self.root)

    def _certificate(self, name: str, key: ec.EllipticCurvePublicKey, authority: bool) -> bytes:
        now = datetime.datetime.now(datetime.timezone.utc) + self._valid_in
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "root")])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ours")


@contextmanager
def serving(identity: Identity) -> Iterator[int]:
    """A TLS server that demands a client certificate of the same authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.certificate, identity.key)
    context.load_verify_locations(identity.root)
    context.verify_mode = ssl.CERT_REQUIRED
    with listening("127.0.0.1") as holder:

        def answer() -> None:
            try:
                connection, _ = holder.accept()
                with connection, context.wrap_socket(connection, server_side=True) as encrypted:
                    encrypted.recv(1)
            except OSError:
                pass

        thread = threading.Thread(target=answer)
        thread.start()
        yield holder.getsockname()[1]
        thread.join()


def test_the_other_side_proves_its_name(authority: Authority) -> None:
    with serving(authority.issue("server1")) as port:
        assert shake_hands("127.0.0.1", port, authority.issue("site-1"), "mtls") == "server1"


def test_certificates_without_key_identifiers_are_good_on_every_python(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of NVFLARE 2.6 and older; Python 3.13 refuses them unless told otherwise."""
    usual = ssl.create_default_context

    def strict(**arguments: str) -> ssl.SSLContext:
        context = usual(**arguments)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)
    with serving(authority.issue("server1")) as port:
        assert shake_hands("127.0.0.1", port, authority.issue("site-1"), "mtls") == "server1"


def test_every_program_of_composers_that_verifies_takes_them() -> None:
    programs = [path for top in ("composer", "dockerfiles") for path in (ROOT / top).rglob("*") if path.is_file()]
    texts = {path: path.read_text() for path in programs if path.suffix in (".py", ".sh")}
    verifying = {path: text for path, text in texts.items() if "create_default_context(" in text}
    assert len(verifying) >= 4
    for path, text in verifying.items():
        assert text.count("verify_flags &= ~ssl.VERIFY_X509_STRICT") == text.count("create_default_context("), path


def test_another_projects_server_is_told_apart(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    with serving(other.issue("server1")) as port, pytest.raises(ssl.SSLCertVerificationError) as caught:
        shake_hands("127.0.0.1", port, authority.issue("site-1"), "mtls")
    assert explain(caught.value).startswith("TLS: the server's certificate does not verify")


def test_nobody_listens(authority: Authority) -> None:
    with listening("127.0.0.1") as holder:
        port = holder.getsockname()[1]
    with pytest.raises(ConnectionRefusedError) as caught:
        shake_hands("127.0.0.1", port, authority.issue("site-1"), "mtls")
    assert explain(caught.value) == "port: nobody listens on it"


def test_a_name_that_does_not_resolve(authority: Authority) -> None:
    with pytest.raises(socket.gaierror) as caught:
        shake_hands("no-such-host.invalid", 1, authority.issue("site-1"), "mtls")
    assert explain(caught.value) == "name: it does not resolve"


def test_clear_connections_have_no_identity(authority: Authority) -> None:
    with listening("127.0.0.1") as holder:
        port = holder.getsockname()[1]
        assert shake_hands("127.0.0.1", port, authority.issue("site-1"), "clear") == ""
