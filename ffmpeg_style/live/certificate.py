"""The server's certificate for https: the operator's, or one that it makes for itself."""

import datetime
import ipaddress
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from platformdirs import user_state_path

from ffmpeg_style.errors import InputError, StyleError
from ffmpeg_style.files import atomic_write
from ffmpeg_style.live.addresses import own_addresses, own_names

VALID = datetime.timedelta(days=397)
"""The longest that browsers put up with."""
RENEWAL = datetime.timedelta(days=30)
"""So long before its end, a certificate of the server's own is made anew."""


def certificate_file():
    """Where the server keeps a certificate of its own: browsers remember that it was accepted."""
    return user_state_path("ffmpeg-style") / "certificate.pem"


def server_context(certificate=None, key=None):
    """The `ssl.SSLContext` of a server.

    Args:
        certificate: path of a PEM file, with those of its issuers; None for one of our own.
        key: path of its private key; None where the same file has it.

    Raises:
        InputError: the files are no certificate and its key.
    """
    if certificate is None:
        certificate = own_certificate(certificate_file())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError.
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"expected a certificate with its private key, as PEM, at {certificate}"
            + (f" and {key}" if key else "")
            + f": {reason}"
        ) from error
    return context


def _no_password():
    raise ValueError("the key has a password: give one without")


def own_certificate(path):
    """The path of a certificate with its key; one that is missing, old, or for others is made.

    Raises:
        InputError: it can't be kept there.
    """
    wanted = _names()
    if not _is_good(path, wanted):
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with atomic_write(path, mode=0o600) as file:
                file.write(_make(wanted))
        except (OSError, StyleError) as error:
            reason = getattr(error.__cause__ or error, "strerror", error)
            raise InputError(
                f"can't keep a certificate at {path}: {reason}; give one by --certificate"
            ) from error
    return path


def _names():
    addresses = [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1"), *own_addresses()]
    return [
        *(x509.DNSName(name) for name in own_names()),
        *(x509.IPAddress(address) for address in addresses),
    ]


def _is_good(path, wanted):
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    now = datetime.datetime.now(datetime.timezone.utc)
    return set(wanted) <= set(names) and now < certificate.not_valid_after_utc - RENEWAL


def _make(names):
    """A private key and a certificate that it signs itself, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ffmpeg-style live")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return secret + certificate.public_bytes(serialization.Encoding.PEM)
