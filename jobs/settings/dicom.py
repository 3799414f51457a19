"""Settings: the DICOM node."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from jobs.settings.secret import Secret
from jobs.settings.section import GIB, Names, Port, Positive, Seconds, SecondsOrZero, Section

AE_TITLE = r"^[\x21-\x5b\x5d-\x7e]([\x20-\x5b\x5d-\x7e]{0,14}[\x21-\x5b\x5d-\x7e])?$"
"""PS3.5, 6.2: 1 to 16 printable characters, no backslash, no leading or trailing spaces."""


class DicomSettings(Section):
    """DICOM"""

    dicom_port: Port = 0
    """Port on which the gateway receives images by C-STORE. 0: it does not receive DICOM."""
    dicom_host: str = "127.0.0.1"
    """Address of that port; `0.0.0.0`: all addresses. On an address other than
    loopback, `TESSERA_DICOM_ALLOWED_CALLERS` must be set, or the service must have accounts."""
    dicom_ae_title: Annotated[str, Field(pattern=AE_TITLE)] = "TESSERA"
    """AE title of the gateway, also when it sends results by C-STORE. Associations with another
    called AE title are rejected."""
    dicom_allowed_callers: Names = ()
    """Calling AE titles that may send images, comma-separated. Empty: all, if
    `TESSERA_DICOM_HOST` is a loopback address; with accounts, those of `tessera dicom-callers`."""
    dicom_tls_certificate: Path | None = None
    """File with the certificate of the DICOM port, in PEM form, followed by intermediate
    certificates. The port then accepts TLS only, from version 1.2. The file is loaded again when it
    changes. Empty: no TLS."""
    dicom_tls_key: Path | None = None
    """File with the private key of that certificate, in PEM form, without a password."""
    dicom_tls_client_ca: Path | None = None
    """File with the certificates of the authorities that sign the certificates of senders, in PEM
    form. Every sender must then present one. Empty: senders need no certificate."""
    dicom_max_associations: Positive = 10
    """Largest number of simultaneous associations. Each holds one image in memory. Further
    associations are rejected for the time being."""
    dicom_max_associations_per_address: Annotated[int, Field(ge=0)] = 8
    """Largest number of simultaneous associations from one address (IPv4), or from one network of
    64 bits (IPv6). It keeps one sender from using all of them. Raise it if all senders share an
    address, such as behind network address translation. Below the limit of all, the last fifth of
    them is kept for addresses that have none. 0: no limit."""
    dicom_request_timeout_s: Seconds = 5.0
    """How long a connection to the DICOM port may take to send its association request, in seconds
    (the ARTIM timer of PS3.8, 9.1.5)."""
    dicom_max_instance_bytes: Positive = GIB
    """Largest DICOM object, in bytes, that is received by C-STORE. A larger object aborts its
    association."""
    dicom_series_idle_s: Seconds = 5.0
    """A series is complete when no image of it has arrived for this many seconds, and all
    associations that sent its images have been released."""
    dicom_series_timeout_s: Seconds = 120.0
    """How long to wait for more images of a series, in seconds, if an association that sent its
    images was interrupted, or is still open."""
    dicom_series_keep_s: SecondsOrZero = 3600.0
    """How long the received files of a series are kept in the folder `inbox` of the data folder
    after the series becomes a scan, in seconds. Images that arrive within this time are added to
    them, and the rules are applied again. 0: not kept."""
    dicom_refused_keep_s: SecondsOrZero = 604_800.0
    """How long a refused series is kept in the folder `refused` of the data folder, in seconds. 0:
    not kept."""
    pseudonym_secret: Secret = ""
    """Secret from which the pseudonyms and UIDs of de-identified scans are made. Set it to the same
    value on all gateways. Empty: the file `pseudonyms.key` in the data folder, created at first
    use."""
    routing_table: Path | None = None
    """TOML file of DICOM peers and routing rules (docs/how-to/pacs.md), and of webhooks
    (docs/how-to/webhooks.md). Empty: none."""
