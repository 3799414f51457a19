"""Why a TLS connection failed, in words."""

import ssl

_UNTRUSTED = "its certificate is not signed by an authority that is trusted here"
_CERTIFICATE_FAULTS = {
    9: "its certificate is not valid yet",
    10: "its certificate has expired",
    18: _UNTRUSTED,
    19: _UNTRUSTED,
    20: _UNTRUSTED,
    21: _UNTRUSTED,
    62: "its certificate is not valid for its host",
    64: "its certificate is not valid for its host",
}
"""By OpenSSL's number (X509_V_ERR_...)."""
_REASONS = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "it presents no certificate",
    "ALERT_CERTIFICATE_REQUIRED": "it needs a certificate from us, and got none",
    "ALERT_UNKNOWN_CA": "it does not trust the authority that signed our certificate",
    "ALERT_CERTIFICATE_EXPIRED": "it says that our certificate has expired",
    "ALERT_BAD_CERTIFICATE": "it does not accept our certificate",
    "ALERT_CERTIFICATE_UNKNOWN": "it does not accept our certificate",
    "ALERT_UNSUPPORTED_CERTIFICATE": "it does not accept our certificate",
    "ALERT_ACCESS_DENIED": "it does not accept our certificate",
    "UNSUPPORTED_PROTOCOL": "it offers no version of TLS from 1.2 on",
    "ALERT_PROTOCOL_VERSION": "it offers no version of TLS from 1.2 on",
    "NO_SHARED_CIPHER": "it offers none of the recommended cipher suites",
    "ALERT_HANDSHAKE_FAILURE": "it shares no cipher suite, or needs a certificate from us",
    "WRONG_VERSION_NUMBER": "it does not use TLS",
    "HTTP_REQUEST": "it does not use TLS",
    "UNEXPECTED_EOF_WHILE_READING": "it closed the connection during the TLS handshake",
}
"""By what OpenSSL's reason ends with."""


class CertificateMismatch(OSError):
    """The certificate is valid, and is not the expected one."""


def reason_of(error: BaseException) -> str:
    """Why the connection failed; quotes nothing that the other side sent. "" for no TLS error.

    HTTP libraries raise errors of their own because of it.
    """
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, (ssl.SSLError, CertificateMismatch)):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, CertificateMismatch):
        return str(cause)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _CERTIFICATE_FAULTS.get(cause.verify_code, "its certificate is not valid")
    if isinstance(cause, ssl.SSLEOFError):
        return _REASONS["UNEXPECTED_EOF_WHILE_READING"]
    if isinstance(cause, ssl.SSLError):
        return _reason(cause.reason or "no reason given")
    return ""


def _reason(name: str) -> str:
    for end, words in _REASONS.items():
        if name.endswith(end):
            return words
    return f"the TLS handshake failed ({name})"
