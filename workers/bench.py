"""All that a worker works with."""

from dataclasses import dataclass
from pathlib import Path

from inference.engine import Engine
from jobs.blobs import Blobs
from jobs.repository import Repository
from jobs.settings import Settings
from workers.stop import Stop


@dataclass(frozen=True, slots=True)
class Bench:
    """One worker's tools, shared by all jobs that it takes."""

    name: str
    settings: Settings
    repository: Repository
    blobs: Blobs
    engine: Engine
    scratch: Path
    stop: Stop
