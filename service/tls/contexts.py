"""SSL contexts after BCP 195 (RFC 9325), which PS3.15, B.12 requires for DICOM."""

import ssl

from service.tls.pem_files import Identity, PemFile, load_authorities

_SUITES = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
)
"""Cipher suites for TLS 1.2 that RFC 9325, 4.2 recommends. Those of TLS 1.3 are all in order."""
_SECURITY_LEVEL = 2
"""OpenSSL's name for keys of at least 112 bits of security, and no SHA-1 (RFC 9325, 4.5)."""


def server_context(identity: Identity, client_authorities: PemFile | None) -> ssl.SSLContext:
    """A context for connections that come in; raises BadRequest if a file cannot be used.

    Clients need a certificate that `client_authorities` signed; None: they need none. Sessions are
    not resumed, because a client's certificate may have expired since.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _restrict(context)
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_TICKET
    context.num_tickets = 0
    identity.load_into(context)
    if client_authorities is not None:
        load_authorities(context, client_authorities)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(
    authorities: PemFile | None, identity: Identity | None, *, check_host: bool = True
) -> ssl.SSLContext:
    """A context for connections to others; raises BadRequest if a file cannot be used.

    `authorities`: None for those that the system trusts. `identity`: presented if the server asks
    for a certificate. `check_host`: whether the server's certificate must be valid for its host.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _restrict(context)
    context.check_hostname = check_host
    if authorities is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        load_authorities(context, authorities)
    if identity is not None:
        identity.load_into(context)
    return context


def _restrict(context: ssl.SSLContext) -> None:
    """TLS 1.2 or later, recommended suites, no renegotiation, no compression (RFC 9325, 3)."""
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{':'.join(_SUITES)}:@SECLEVEL={_SECURITY_LEVEL}")
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
