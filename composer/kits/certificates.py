"""Certificates: parsed here and nowhere else."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from composer.kits.folder import UnreadableError
from composer.model.kit import Certificate

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

    from composer.kits.folder import KitFolder

E = TypeVar("E", bound=x509.ExtensionType)

# What cryptography raises for malformed input, lazily and by attribute access too.
MALFORMED = (
    Warning,
    ValueError,
    TypeError,
    KeyError,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
)
_AGAIN = "unpack the kit again from what you were sent, or ask for it again"


def certificates_in(folder: KitFolder, name: str) -> tuple[x509.Certificate, ...]:
    """The certificates in a PEM file of a kit: the leaf first, then what else a bundle holds.

    Raises:
        UnreadableError: The file is missing or is not a PEM file with at least one certificate.
    """
    data = folder.read(name, "CHAIN")
    try:
        return _parse(data)
    except MALFORMED:
        raise UnreadableError(
            f"{name} is not a certificate in PEM form (cut off or altered?)", _AGAIN, check="CHAIN", file=name
        ) from None


@lru_cache(maxsize=512)
def _parse(data: bytes) -> tuple[x509.Certificate, ...]:
    # OpenSSL, which NVFLARE reads it with, wants the first line to be the BEGIN line or plain text before it.
    if data.startswith(b"\xef\xbb\xbf"):
        raise ValueError("byte-order mark")
    with warnings.catch_warnings():
        # What cryptography only warns of (a serial number below 1) no certificate of NVFLARE's has.
        warnings.simplefilter("error")
        certificates = tuple(x509.load_pem_x509_certificates(data))
        for certificate in certificates:
            # It parses a part only when it is asked for: whatever is malformed shall show here.
            describe(certificate)
            certificate.issuer.rfc4514_string()
            certificate.public_key()
    return certificates


@lru_cache(maxsize=512)
def describe(certificate: x509.Certificate) -> Certificate:
    """What composer needs of a certificate.

    Raises:
        ValueError, TypeError, UnsupportedAlgorithm, ...: One of ``MALFORMED``, where a field is malformed.
    """
    names = subject_alternative_names(certificate)
    return Certificate(
        common_name=_attribute(certificate.subject, NameOID.COMMON_NAME),
        organization=_attribute(certificate.subject, NameOID.ORGANIZATION_NAME),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        names=names[0] + names[1],
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
    )


def subject_alternative_names(certificate: x509.Certificate) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The DNS names and the IP addresses that a certificate is good for."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return (), ()
    names = extension.value.get_values_for_type(x509.DNSName)
    addresses = extension.value.get_values_for_type(x509.IPAddress)
    return tuple(names), tuple(str(address) for address in addresses)


def _attribute(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    values = name.get_attributes_for_oid(oid)
    if not values:
        return ""
    value = values[0].value
    return value if isinstance(value, str) else value.decode(errors="replace")


def public_bytes(key: PublicKeyTypes) -> bytes:
    """A public key as SubjectPublicKeyInfo: equal for equal keys."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@lru_cache(maxsize=512)
def certified_key(certificate: x509.Certificate) -> bytes:
    """The public key that a certificate is for, as SubjectPublicKeyInfo; empty where it cannot be read."""
    try:
        return public_bytes(certificate.public_key())
    except MALFORMED:
        return b""


def is_rsa(certificate: x509.Certificate) -> bool:
    """Whether a certificate is for an RSA key, the only kind that NVFLARE signs with."""
    try:
        return isinstance(certificate.public_key(), rsa.RSAPublicKey)
    except MALFORMED:
        return False


def why_not_issued(certificate: x509.Certificate, issuer: x509.Certificate) -> str:
    """Why ``issuer`` did not issue ``certificate``; empty if it did.

    Only name and signature are looked at, as NVFLARE's own roots want it: those before 2.7 do not meet the
    rules by which path verifiers go.
    """
    try:
        certificate.verify_directly_issued_by(issuer)
    except InvalidSignature:
        return "the authority's signature on it does not hold"
    except MALFORMED:
        return f"it was issued by {certificate.issuer.rfc4514_string() or 'nobody'}"
    return ""


@lru_cache(maxsize=64)
def why_no_authority(root: x509.Certificate) -> str:
    """Why a certificate cannot be that of a project's authority; empty if it can."""
    if why_not_issued(root, root):
        issuer, subject = root.issuer.rfc4514_string(), root.subject.rfc4514_string()
        # Seen on roots of `nvflare cert init --org`, 2.9.0; OpenSSL finds no issuer for what they certify.
        return "it is not self-signed" + ("" if issuer == subject else f" ({subject} was issued by {issuer})")
    try:
        if not root.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return "it may not certify others (CA:FALSE)"
        usage = _extension(root, x509.KeyUsage)
    except (x509.ExtensionNotFound, *MALFORMED):
        return "it may not certify others (no CA:TRUE)"
    if usage is not None and not usage.key_cert_sign:
        return "its key usage does not let it certify others"
    return ""


def may_authenticate(certificate: x509.Certificate, *, server: bool) -> bool:
    """Whether a certificate's extended key usage lets it be used; without one (as provisioned) it may."""
    usages = _extension(certificate, x509.ExtendedKeyUsage)
    wanted = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
    return usages is None or wanted in usages or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usages


def _extension(certificate: x509.Certificate, kind: type[E]) -> E | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
