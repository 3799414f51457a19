"""Settings: where data is stored."""

from pathlib import Path

from platformdirs import user_cache_path

from jobs.settings.secret import Secret
from jobs.settings.section import GIB, NotNegative, Positive, Seconds, SecondsOrZero, Section


class StorageSettings(Section):
    """Storage"""

    data: Path = Path("tessera-data")
    """Folder of the database, the stored files, the broker's messages and the DICOM inbox, unless
    the URLs below name other places. A relative path is relative to the working directory; use
    an absolute path in a service."""
    database_url: Secret = ""
    """SQLAlchemy URL of the database, such as `postgresql+psycopg://user@host/tessera`. Empty:
    SQLite in the data folder."""
    database_timeout_s: Seconds = 10.0
    """How long PostgreSQL may take for a statement, in seconds. After that the request is answered
    with 503."""
    broker_url: Secret = ""
    """URL of the message broker: `redis://`, `amqp://`, or `file://` for a folder of messages in
    the data folder. Empty: the Redis server that `tessera up` starts if Redis is installed;
    otherwise, and without `tessera up`, `file://`."""
    blob_url: str = ""
    """`s3://bucket/prefix` of an S3-compatible store for scans and masks. Empty: a folder in the
    data folder."""
    s3_endpoint: str = ""
    """URL of the S3 store, such as `http://s3:8333`. Empty: AWS."""
    s3_region: str = "us-east-1"
    """Region of the S3 store."""
    s3_access_key: Secret = ""
    """Access key of the S3 store. Empty: taken from the AWS environment variables."""
    s3_secret_key: Secret = ""
    """Secret key of the S3 store. Empty: taken from the AWS environment variables."""
    encryption_key: Secret = ""
    """Key with which scans, masks and the other stored files are encrypted, and backups, too:
    `tessera encryption new-key` makes one. Set it to the same value for all gateways, workers and
    commands. Several keys are separated by spaces or line breaks: the first one is used for new
    files, the others only to read. Empty: files are stored as they are."""
    models: Path | None = None
    """Folder of added models. Empty: `models` in the data folder."""
    cache: Path | None = None
    """Folder of files that can be made again: measurements of networks on this machine, and
    networks that a runtime has compiled. Empty: the user's cache folder."""
    blob_grace_s: SecondsOrZero = 600.0
    """Time in seconds after which a stored file that the database does not refer to is deleted.
    Keep it above twice `TESSERA_LEASE_S`, because a file is stored before the database
    refers to it. 0: at once."""

    draft_keep_s: Seconds = 2_592_000.0
    """How long a correction that is not finished is kept, in seconds after it was last opened or
    changed. Then it is deleted."""
    retention_interval_s: Seconds = 3600.0
    """How often gateways look for data that must go by the rules of `tessera retention`, in
    seconds."""
    tile_bytes: NotNegative = 8 * GIB
    """Bytes on the disk of the data folder for the tiles of large images that readers look at, for
    each gateway. The tiles of an image are deleted an hour after their last use."""
    log_bytes: Positive = 16 << 20
    """Largest size in bytes of a log file of `tessera up`. A larger file becomes `gateway.log.1` or
    `worker.log.1`; three such parts are kept."""

    @property
    def database(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite:///{self.data.resolve() / 'tessera.db'}"

    @property
    def broker(self) -> str:
        """The broker's URL, `file://` by default."""
        return self.broker_url or "file://"

    @property
    def broker_folder(self) -> Path:
        """Folder of the broker's files (`jobs/file_transport.py`, or Redis)."""
        return self.data / "broker"

    @property
    def added_models(self) -> Path:
        """Folder into which `tessera models add` copies models."""
        return self.models or self.data / "models"

    @property
    def cache_folder(self) -> Path:
        """Folder of files that can be made again."""
        return self.cache or user_cache_path("tessera")

    @property
    def scratch(self) -> Path:
        """Folder of temporary files, on the disk of the blobs so that a move is a rename."""
        return self.data / "tmp"

    @property
    def trainings(self) -> Path:
        """Folder of unfinished trainings, with their checkpoints."""
        return self.data / "trainings"

    @property
    def uploads(self) -> Path:
        """Folder of unfinished uploads, on the disk of `scratch` so that it can link them."""
        return self.data / "uploads"
