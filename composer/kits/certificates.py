"""Certificates and private keys: parsed here and nowhere else, and no byte of a key ever leaves."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from composer.kits.folder import UnreadableError
from composer.model import Certificate

if TYPE_CHECKING:
    from composer.kits.folder import KitFolder

# What cryptography raises for malformed input, lazily and by attribute access too.
MALFORMED = (
    ValueError,
    TypeError,
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
    certificates = tuple(x509.load_pem_x509_certificates(data))
    for certificate in certificates:
        describe(certificate)
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
