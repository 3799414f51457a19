"""The environment, read once into one frozen Settings."""

from pathlib import Path
from typing import Annotated

from platformdirs import user_cache_path
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

GIB = 1 << 30
AE_TITLE = r"^[\x21-\x5b\x5d-\x7e]([\x20-\x5b\x5d-\x7e]{0,14}[\x21-\x5b\x5d-\x7e])?$"
"""PS3.5, 6.2: 1 to 16 printable characters, no backslash, no outer spaces."""


class Settings(BaseSettings):
    """Every setting of gateway and workers; `TESSERA_DATA=/srv/tessera` sets `data`, and so on."""

    model_config = SettingsConfigDict(env_prefix="TESSERA_", frozen=True)

    data: Path = Path("tessera-data")
    """Folder of database, blobs and broker where no URL names another place."""
    database_url: str = ""
    """SQLAlchemy URL; empty: SQLite in the data folder."""
    broker_url: str = ""
    """redis://, amqp://, or file:// for a folder of messages in the data folder."""
    blob_url: str = ""
    """s3://bucket/prefix; empty: a folder."""
    models: Path | None = None
    """Folder of added models; empty: `models` in the data folder."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    behind_proxy: bool = False
    """True lets the gateway listen beyond loopback: a proxy or a container in front says who may
    come. Until users can be set up it refuses to otherwise."""
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ("127.0.0.1", "localhost", "[::1]")
    """Host headers that are answered, without port; comma-separated in the environment."""
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Other sites whose pages may call (CORS), as https://viewer.example.org."""

    dicom_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Where scanners and archives send images to by C-STORE; 0: nowhere."""
    dicom_host: str = "127.0.0.1"
    dicom_ae_title: Annotated[str, Field(pattern=AE_TITLE)] = "TESSERA"
    """What this side is called; an association for another title is rejected."""
    dicom_callers: Annotated[tuple[str, ...], NoDecode] = ()
    """AE titles that may send, comma-separated; empty: all, on loopback alone."""
    dicom_associations: Annotated[int, Field(ge=1)] = 10
    """As many may send at a time; each holds one image in memory."""
    dicom_instance_bytes: Annotated[int, Field(ge=1)] = GIB
    """The largest single image that is taken by C-STORE."""
    dicom_quiet_s: Annotated[float, Field(gt=0)] = 5.0
    """A series is complete when whoever sent of it hung up and nothing of it came for so long."""
    dicom_patience_s: Annotated[float, Field(gt=0)] = 120.0
    """So long it is waited for where its sender broke off, or stays and sends nothing of it."""
    dicom_kept_s: Annotated[float, Field(ge=0)] = 3600.0
    """So long the files of a series are kept that was taken in: what comes late joins them."""
    dicom_refused_s: Annotated[float, Field(ge=0)] = 604_800.0
    """So long a series that was refused is kept for whoever looks after it."""
    dicom_secret: str = ""
    """Makes pseudonyms and UIDs of de-identified scans; empty: a file in the data folder."""
    routing_table: Path | None = None
    """TOML file of DICOM peers and routing rules (docs/pacs.md); empty: no peers, no rules."""
    monai_label_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """A second port that serves the MONAI Label surface at its root; 0: none. It is always to be
    had under /monai-label on the first."""
    monai_label_wait_s: Annotated[float, Field(gt=0)] = 600.0
    """How long an inference asked for there is waited for before the client is told to ask again;
    the job goes on."""

    upload_bytes: Annotated[int, Field(ge=1)] = 4 * GIB
    max_voxels: Annotated[int, Field(ge=1)] = 1 << 31
    max_pixels: Annotated[int, Field(ge=1)] = 1 << 28
    """Pictures above this are refused from their header."""
    inflated_bytes: Annotated[int, Field(ge=1)] = 16 * GIB
    """The most that a compressed upload may unpack to."""

    lease_s: Annotated[float, Field(gt=0)] = 30.0
    """A worker that is silent for so long has lost its job."""
    attempts: Annotated[int, Field(ge=1)] = 3
    stall_s: Annotated[float, Field(gt=0)] = 900.0
    """A tile that takes longer than this is taken for hung: the lease is no longer renewed."""
    sweep_s: Annotated[float, Field(gt=0)] = 1.0
    """How often gateway and workers look for jobs without a message or a living worker."""
    blob_grace_s: Annotated[float, Field(ge=0)] = 600.0
    """A file that nothing names is deleted once it was stored longer ago than this; must exceed
    what passes between storing a file and naming it, two leases at most."""
    visibility_s: Annotated[float, Field(gt=0)] = 86_400.0
    """Redis's own redelivery, which nothing relies on."""

    device: str = "auto"
    """What this worker runs on: `auto`, or a runtime that `tessera worker --help` lists."""
    memory_bytes: int = 0
    """Budget of a worker's tiles; 0: half of what the machine, cgroup or GPU has free."""
    threads: int = 0
    """0: all cores that this process may use."""
    together: Annotated[int, Field(ge=1)] = 4
    """Jobs of small pictures for one model that a worker takes at once."""
    model_bytes: Annotated[int, Field(ge=0)] = 2 * GIB
    """Memory of the networks that stay loaded in a worker; the least used are let go."""
    cache: Path | None = None
    """What is found out about networks on this machine, and what runtimes compile; empty: the
    user's cache folder."""

    s3_endpoint: str = ""
    s3_region: str = "us-east-1"
    s3_access_key: str = ""
    s3_secret_key: str = ""

    @field_validator("allowed_hosts", "allowed_origins", "dicom_callers", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @property
    def database(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite:///{self.data.resolve() / 'tessera.db'}"

    @property
    def broker(self) -> str:
        """The broker's URL; `file://` where none was given."""
        return self.broker_url or "file://"

    @property
    def broker_folder(self) -> Path:
        """Where messages lie as files (`jobs/mailbox.py`), or Redis keeps its own."""
        return self.data / "broker"

    @property
    def added_models(self) -> Path:
        """Where `tessera models add` puts models."""
        return self.models or self.data / "models"

    @property
    def cache_folder(self) -> Path:
        """Where what can be found out again is kept between processes."""
        return self.cache or user_cache_path("tessera")

    @property
    def scratch(self) -> Path:
        """Temporary files: on the same disk as the blobs, so that a move is a rename."""
        return self.data / "tmp"
