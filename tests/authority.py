"""Makes keys, certificates and signatures as NVFLARE's provisioner does, without NVFLARE."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

NOW = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
LIFE = timedelta(days=360)


@cache
def key(label: str) -> rsa.RSAPrivateKey:
    """A key of that label, the same throughout the run: making one takes a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem_of_key(private: Any) -> bytes:
    """An unencrypted key as NVFLARE writes it."""
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def pem_of(certificate: x509.Certificate) -> bytes:
    """A certificate as a file."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def subject(name: str, organization: str = "") -> x509.Name:
    """A distinguished name with a CN, and an O if there is one."""
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if organization:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(attributes)


@dataclass(frozen=True)
class Authority:
    """A project's certificate authority."""

    name: str
    begins: datetime
    label: str = "authority"
    life: timedelta = LIFE

    @property
    def key(self) -> rsa.RSAPrivateKey:
        """Its private key."""
        return key(f"{self.label} of {self.name}")

    @property
    def certificate(self) -> x509.Certificate:
        """rootCA.pem."""
        return _root(self)

    def issue(
        self,
        name: str,
        private: Any,
        names: tuple[str, ...] | None = None,
        *,
        organization: str = "nvidia",
        begins: datetime | None = None,
        life: timedelta | None = None,
        authority: bool | None = None,
        extra: tuple[x509.ExtensionType, ...] = (),
    ) -> x509.Certificate:
        """A certificate; ``names`` are its SANs, ``DNS:x`` or ``IP:x``."""
        start = begins or self.begins
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject(name, organization))
            .issuer_name(subject(self.name))
            .public_key(private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + (life or self.life))
        )
        if authority is not None:
            builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=False)
        for extension in extra:
            builder = builder.add_extension(extension, critical=False)
        if names is None:
            names = (f"DNS:{name}",)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general(one) for one in names]), False)
        return builder.sign(self.key, hashes.SHA256())

    def sign(self, data: bytes) -> str:
        """A signature as in signature.json."""
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.MAX_LENGTH)
        return base64.b64encode(self.key.sign(data, pss, hashes.SHA256())).decode()


@cache
def _root(authority: Authority) -> x509.Certificate:
    names = ("DNS:" + authority.name,)
    return authority.issue(authority.name, authority.key, names, authority=True, organization="")


def _general(name: str) -> x509.GeneralName:
    import ipaddress

    kind, _, value = name.partition(":")
    return x509.DNSName(value) if kind == "DNS" else x509.IPAddress(ipaddress.ip_address(value))
