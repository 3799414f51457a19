"""What an installation uses at one moment: memory, handles, keys, rows and files."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import redis
from sqlalchemy import Select, Table, exists, func, not_, or_, select, text

from benchmarks.installation import Installation, kind_of
from benchmarks.process_memory import anonymous_bytes
from jobs.blobs import open_blobs
from jobs.job import JobState
from jobs.repository import Repository
from jobs.repository.schema import metadata
from jobs.repository.schema.job_tables import batches, job_scans, jobs
from jobs.repository.schema.review_tables import reviews
from jobs.repository.schema.scan_tables import image_names, scans
from jobs.repository.schema.webhook_tables import job_ends, webhook_messages
from jobs.repository.schema.worker_tables import workers

MB = 1 << 20
Sample = dict[str, float]
"""`kind: name` -> value; memory and disk in MB, the others are numbers."""


class ResourceSamples:
    """Takes samples of one installation."""

    def __init__(self, installation: Installation, temporary: Path, abandoned_s: float) -> None:
        """`temporary`: the folder of system-wide temporary files of its processes. `abandoned_s`:
        age from which a file or row without owner should have been removed."""
        self._here, self._temporary, self._abandoned_s = installation, temporary, abandoned_s
        self._repository = Repository(installation.settings.database)
        self._blobs = open_blobs(installation.settings)
        broker = installation.settings.broker_url
        socket = broker.removeprefix("redis+socket://") if broker.startswith("redis") else None
        self._redis = redis.Redis(unix_socket_path=socket) if socket else None

    def close(self) -> None:
        """Closes its connections."""
        self._repository.close()
        if self._redis is not None:
            self._redis.close()

    def take(self) -> Sample:
        """All values now."""
        return {
            **self._processes(),
            **self._broker(),
            **self._database(),
            **self._files(),
        }

    def failures(self, but: str) -> Counter[str]:
        """Errors of the failed jobs that exist now, except those of models whose name begins with
        `but`."""
        query = select(jobs.c.error).where(jobs.c.state == JobState.FAILED)
        query = query.where(~jobs.c.model.startswith(but))
        with self._repository.database.read() as connection:
            return Counter(str(error) for error in connection.execute(query).scalars())

    def _processes(self) -> Sample:
        sample: Sample = {}
        for part in self._here.parts:
            for process in part.processes():
                name = _name(kind_of(part, process), process)
                values = {
                    "memory": anonymous_bytes(process.pid) / MB,
                    "handles": _count(f"/proc/{process.pid}/fd"),
                    "threads": _count(f"/proc/{process.pid}/task"),
                    "processes": 1,
                }
                for kind, value in values.items():
                    key = f"{kind}: {name}"
                    sample[key] = sample.get(key, 0) + value
        return sample

    def _broker(self) -> Sample:
        if self._redis is None:
            return {}
        used = float(self._redis.info("memory")["used_memory"]) / MB
        return {"Redis: keys": float(self._redis.dbsize()), "Redis: memory, MB": used}

    def _database(self) -> Sample:
        sample: Sample = {}
        with self._repository.database.read() as connection:
            for table in metadata.sorted_tables:
                count = select(func.count()).select_from(table)
                sample[f"rows: {table.name}"] = connection.execute(count).scalar_one()
            now = self._repository.database.clock(connection)
            for name, query in _orphans(now - self._abandoned_s).items():
                sample[f"without owner: {name}"] = connection.execute(query).scalar_one()
            if connection.dialect.name == "postgresql":
                size = text("SELECT pg_database_size(current_database())")
                sample["disk: database"] = connection.execute(size).scalar_one() / MB
        return sample

    def _files(self) -> Sample:
        settings = self._here.settings
        data = settings.data
        stored = [name for names in self._blobs.older_than(self._abandoned_s) for name in names]
        unowned = sum(
            len(self._repository.references.unused(stored[start : start + 500]))
            for start in range(0, len(stored), 500)
        )
        logs = [*self._here.folder.glob("*.log"), *(data / "logs").glob("*")]
        sample = {
            "files: stored": float(_files(data / "blobs")),
            "files: temporary, of Tessera": float(_files(settings.scratch)),
            "files: temporary, of the system": float(_files(self._temporary)),
            "files: unfinished uploads": float(_files(settings.uploads)),
            "files: DICOM inbox": float(_files(data / "inbox")),
            "files: cache": float(_files(settings.cache_folder)),
            "files: messages of the broker": float(_files(settings.broker_folder)),
            "without owner: stored files": float(unowned),
            "disk: logs": sum(map(_size, logs)) / MB,
        }
        if "disk: database" not in sample and self._redis is None:
            sample["disk: database"] = sum(map(_size, data.glob("tessera.db*"))) / MB
        return sample


def _name(kind: str, process: psutil.Process) -> str:
    """A worker is a parent and a child; all processes of a server count together."""
    with contextlib.suppress(psutil.NoSuchProcess):
        parent = process.parent()
        if kind == "worker" and parent is not None:
            return "workers, children" if "worker" in parent.cmdline() else "workers, parents"
    return kind


def _orphans(before: float) -> dict[str, Select[tuple[int]]]:
    """Counts of rows that refer to nothing, or that should have been removed before this time."""

    def count(table: Table, *where: object) -> Select[tuple[int]]:
        return select(func.count()).select_from(table).where(*where)  # type: ignore[arg-type]

    return {
        "batches": count(
            batches,
            not_(exists().where(jobs.c.batch == batches.c.id)),
            batches.c.created_at < before,
        ),
        "reviews": count(reviews, reviews.c.job.is_(None), reviews.c.scan.is_(None)),
        "ended jobs": count(job_ends, job_ends.c.finished_at < before),
        "workers": count(workers, workers.c.seen_at < before),
        "sessions": count(image_names, image_names.c.used_at + image_names.c.expiry_s < before),
        "webhook messages": count(webhook_messages, webhook_messages.c.due_at < before),
        "scans of jobs": count(
            job_scans,
            or_(
                not_(exists().where(jobs.c.id == job_scans.c.job)),
                not_(exists().where(scans.c.id == job_scans.c.scan)),
            ),
        ),
    }


def _paths(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(FileNotFoundError):
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                yield from _paths(path)
            else:
                yield path


def _files(folder: Path) -> int:
    """Files, except those of locks."""
    return sum("lock" not in path.name for path in _paths(folder))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _count(folder: str) -> int:
    try:
        return sum(1 for _ in Path(folder).iterdir())
    except OSError:
        return 0
