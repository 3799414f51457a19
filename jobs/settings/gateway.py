"""Settings: the gateway."""

from jobs.settings.section import GIB, Names, Port, Positive, Seconds, Section


class GatewaySettings(Section):
    """Gateway"""

    host: str = "127.0.0.1"
    """Address on which the gateway listens; `0.0.0.0`: all addresses. An address other than
    loopback needs `TESSERA_BEHIND_PROXY`."""
    port: Port = 8000
    """Port on which the gateway listens. 0: any free port."""
    behind_proxy: bool = False
    """Whether the gateway may listen on addresses other than loopback. Set it only if a proxy with
    a login is in front of the gateway, or if the gateway is in a private container network: the
    gateway itself has no login."""
    allowed_hosts: Names = ("127.0.0.1", "localhost", "[::1]")
    """Host names under which the gateway may be called, without port, comma-separated. Requests
    with another Host header are answered with 421."""
    allowed_origins: Names = ()
    """Other sites whose pages may call the API (CORS), such as `https://viewer.example.org`,
    comma-separated. Empty: none."""
    max_upload_bytes: Positive = 4 * GIB
    """Largest upload in bytes, all files of a request together."""
    max_unpacked_bytes: Positive = 16 * GIB
    """Largest size in bytes of an upload after it is unpacked."""
    max_voxels: Positive = 1 << 31
    """Largest volume in voxels."""
    max_pixels: Positive = 1 << 28
    """Largest PNG or JPEG image in pixels, because it must be decoded as a whole. TIFF and OME-Zarr
    images are read by region and have no such limit."""
    monai_label_port: Port = 0
    """A second port that serves the MONAI Label API at its root, for 3D Slicer and OHIF. 0: none.
    The main port always serves it under `/monai-label`."""
    monai_label_wait_s: Seconds = 600.0
    """Longest time in seconds that an inference request of the MONAI Label API waits for its job.
    After that the client must send the request again; the job continues."""
