"""A worker: one process, one job at a time or a few small ones, and the sweeper beside it."""

import logging
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from uuid import uuid4

from imaging.errors import Unavailable
from inference.device import queues_of
from inference.engine import Engine, Limits, Registry
from inference.runtime_registry import queue_names
from jobs.blob_collector import BlobCollector
from jobs.blobs import open_blobs
from jobs.queue import SEGMENT, Queue, celery_app
from jobs.repository import Repository
from jobs.settings import Settings
from jobs.signal_handlers import handling_signals
from jobs.sweeper import Sweeper
from workers.bench import Bench
from workers.consumer import Consumer
from workers.stop import Stop
from workers.tasks import segment

log = logging.getLogger(__name__)

_WAIT_S = 2.0


def run_worker(settings: Settings) -> None:
    """Works until SIGTERM or SIGINT; waits for a database or broker that is not there yet.

    To be called in the main thread. The first signal lets the running tile finish and gives the
    job back, the second one does not wait for the tile.
    """
    stop = Stop()
    with ExitStack() as stack:
        stack.enter_context(handling_signals(stop.on_signal, signal.SIGTERM, signal.SIGINT))
        scratch = stack.enter_context(_scratch(settings.scratch))
        repository = stack.enter_context(closing(Repository(settings.database)))
        if not _wait_for(repository, stop):
            return
        queue = stack.enter_context(closing(Queue(settings, queue_names())))
        blobs = open_blobs(settings)
        collector = BlobCollector(repository.references, blobs, settings)
        sweeper = Sweeper(repository.leases, repository.messages, queue, collector, settings)
        sweeper.start()
        stack.callback(sweeper.stop)
        name = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        engine = _engine(settings, scratch)
        _consume(Bench(name, settings, repository, blobs, engine, scratch, stop))


def _consume(bench: Bench) -> None:
    """Celery's own loop, without its command line, which would put the folder on sys.path."""
    app = celery_app(bench.settings, queue_names())

    @app.task(name=SEGMENT)  # type: ignore[untyped-decorator]
    def task(job_id: str) -> None:
        segment(bench, job_id)

    queues = queues_of(bench.settings.device)
    log.info("worker %s: serves %s", bench.name, ", ".join(queues))
    controller = app.WorkController(
        hostname=bench.name,
        queues=queues,
        consumer_cls=Consumer,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        ready_callback=lambda _consumer: log.info("worker %s: ready", bench.name),
    )
    controller.start()
    if controller.exitcode:
        raise Unavailable(
            "The worker ended by itself.", hint="Read its log; start it again once that is mended."
        )
    log.info("worker %s: ended", bench.name)


def _engine(settings: Settings, scratch: Path) -> Engine:
    return Engine(
        Registry(settings.added_models),
        device=settings.device,
        memory_bytes=settings.memory_bytes,
        threads=settings.threads,
        scratch=scratch,
        limits=Limits(settings.max_voxels, settings.max_pixels, settings.max_unpacked_bytes),
        cache=settings.cache_folder,
        model_bytes=settings.model_cache_bytes,
    )


def _wait_for(repository: Repository, stop: Stop) -> bool:
    """Brings the database up to date once it is there; False if told to end before."""
    while not stop.asked:
        try:
            repository.migrate()
        except Unavailable as error:
            log.warning("waiting for the database: %s", error)
            time.sleep(_WAIT_S)
        else:
            return True
    return False


@contextmanager
def _scratch(parent: Path) -> Iterator[Path]:
    """This worker's temporary files; what killed workers of this host left is cleared away."""
    parent.mkdir(parents=True, exist_ok=True)
    prefix = f"worker-{socket.gethostname()}~"  # in no host's name: `gpu` leaves `gpu-2` alone
    for left in parent.glob(f"{prefix}*"):
        pid = left.name.removeprefix(prefix).partition("-")[0]
        if pid.isdecimal() and not _lives(int(pid)):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix=f"{prefix}{os.getpid()}-") as folder:
        yield Path(folder)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
