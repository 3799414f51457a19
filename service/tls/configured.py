"""TLS of the gateway's own ports, from its settings."""

from pathlib import Path

from imaging.errors import BadRequest
from jobs.settings import Settings
from service.tls.pem_files import Identity, PemFile
from service.tls.reloaded_context import ReloadedContext


def http_tls(settings: Settings) -> ReloadedContext | None:
    """For the HTTP ports; None without TLS. Raises BadRequest if the files cannot be used."""
    return _configured("TESSERA_TLS", settings.tls_certificate, settings.tls_key, None)


def dicom_tls(settings: Settings) -> ReloadedContext | None:
    """For the DICOM port; None without TLS. Raises BadRequest if the files cannot be used."""
    return _configured(
        "TESSERA_DICOM_TLS",
        settings.dicom_tls_certificate,
        settings.dicom_tls_key,
        settings.dicom_tls_client_ca,
    )


def _configured(
    prefix: str, certificate: Path | None, key: Path | None, client_ca: Path | None
) -> ReloadedContext | None:
    names = f"{prefix}_CERTIFICATE", f"{prefix}_KEY", f"{prefix}_CLIENT_CA"
    if certificate is None and key is None and client_ca is None:
        return None
    if certificate is None or key is None:
        raise BadRequest(
            f"TLS needs both {names[0]} and {names[1]}, and one of them is not set.",
            expected="Both, for TLS; or none, for a port without TLS.",
            hint="Set the other one, too.",
        )
    identity = Identity(PemFile(certificate, names[0]), PemFile(key, names[1]))
    return ReloadedContext(identity, PemFile(client_ca, names[2]) if client_ca else None)
