"""Settings: the gateway."""

from pathlib import Path

from jobs.settings.section import GIB, Names, NotNegative, Port, Positive, Seconds, Section


class GatewaySettings(Section):
    """Gateway"""

    host: str = "127.0.0.1"
    """Address on which the gateway listens; `0.0.0.0`: all addresses. An address other than
    loopback needs accounts (`tessera keys create`) or `TESSERA_BEHIND_PROXY`."""
    port: Port = 8000
    """Port on which the gateway listens. 0: any free port."""
    behind_proxy: bool = False
    """Whether the gateway may listen on addresses other than loopback without accounts. Set it only
    if a proxy with a login is in front of the gateway, or if the gateway is in a private container
    network: without accounts, the gateway lets everybody do everything."""
    tls_certificate: Path | None = None
    """File with the certificate of the gateway, in PEM form, followed by intermediate certificates.
    The gateway then speaks HTTPS only, on both ports, from TLS 1.2, and browsers remember this
    (HSTS). The file is loaded again when it changes. Empty: HTTP."""
    tls_key: Path | None = None
    """File with the private key of that certificate, in PEM form, without a password."""
    allowed_hosts: Names = ("127.0.0.1", "localhost", "[::1]")
    """Host names under which the gateway may be called, without port, comma-separated. Requests
    with another Host header are answered with 421."""
    allowed_origins: Names = ()
    """Other sites whose pages may call the API (CORS), such as `https://viewer.example.org`,
    comma-separated. Empty: none."""
    max_connections: NotNegative = 0
    """Largest number of simultaneous connections, on both ports together. At the bound, the
    connection that has waited longest for a request is closed. 0: three quarters of the files that
    the process may open, at most 4096. The gateway raises that limit itself as far as the system
    allows (`ulimit -Hn`); to 1024 if it receives or sends DICOM."""
    max_connections_per_address: NotNegative = 0
    """The same for connections from one address. All users of a proxy have its address. 0: three
    quarters of all connections."""
    request_timeout_s: Seconds = 30.0
    """How long a client may take for the head of a request, in seconds, and how long it may be
    silent while it sends the body or receives the response. Then its connection is closed."""
    min_bytes_per_s: NotNegative = 1024
    """Slowest rate in bytes per second, as an average over `TESSERA_REQUEST_TIMEOUT_S`, at which a
    client may send a body or receive a response. Streams of events may be idle. 0: any rate."""
    keep_alive_s: Positive = 75
    """How long a connection without a request stays open for the next one, in seconds. Set it
    higher than in a proxy that keeps connections to the gateway open."""
    max_upload_bytes: Positive = 4 * GIB
    """Largest upload in bytes, all files of a request together."""
    upload_space_bytes: Positive = 64 * GIB
    """Largest size of all resumable uploads together, in bytes, until scans are made of them. A
    project gets at most half of what other projects leave, a caller at most half of what others
    leave to its project."""
    upload_keep_s: Seconds = 86_400.0
    """How long an interrupted upload can be continued, in seconds after its last byte. Then it is
    deleted. An upload without a byte is deleted after half an hour."""
    max_unfinished_uploads: Positive = 1000
    """Largest number of resumable uploads of one caller that are not finished."""
    requests_per_minute: NotNegative = 0
    """Largest number of requests of one caller (an account or a key) in a minute, to each gateway.
    Above it, requests are answered with 429. Health checks, the page's files and streams of events
    are not counted. 0: any number. `tessera limits` sets the limits of projects."""
    max_unpacked_bytes: Positive = 16 * GIB
    """Largest size in bytes of an upload after it is unpacked."""
    max_voxels: Positive = 1 << 31
    """Largest volume in voxels."""
    max_pixels: Positive = 1 << 28
    """Largest PNG or JPEG image in pixels, because it must be decoded as a whole. TIFF and OME-Zarr
    images are read by region and have no such limit."""
    assistant_timeout_s: Seconds = 30.0
    """How long the assistant of corrections may take for a stroke, in seconds, with reading the
    scan. Then its process is ended, and the reader gets an error."""
    monai_label_port: Port = 0
    """A second port that serves the MONAI Label API at its root, for 3D Slicer and OHIF. 0: none.
    The main port always serves it under `/monai-label`."""
    monai_label_wait_s: Seconds = 600.0
    """Longest time in seconds that an inference request of the MONAI Label API waits for its job.
    After that the client must send the request again; the job continues."""
    webhook_keep_s: Seconds = 604_800.0
    """How long webhook messages are kept after their last attempt, in seconds, whether they were
    delivered or not."""
