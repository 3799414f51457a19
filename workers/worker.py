"""A worker process: runs jobs that Celery hands to it, with a sweeper beside it."""

import logging
import os
import signal
import socket
import time
from contextlib import ExitStack, closing
from pathlib import Path
from uuid import uuid4

from imaging.errors import Unavailable
from inference.device import queues_of
from inference.engine import Engine, Limits, Registry
from inference.runtime_registry import queue_names
from jobs.blob_collector import BlobCollector
from jobs.blobs import Blobs, open_blobs
from jobs.queue import SEGMENT, Queue, celery_app
from jobs.repository import Repository
from jobs.settings import Settings
from jobs.signal_handlers import handling_signals
from jobs.sweeper import Sweeper
from workers.job_claims import JobClaims
from workers.job_runner import JobRunner
from workers.job_segmenter import JobSegmenter
from workers.preparation import Preparation
from workers.reconnecting_consumer import ReconnectingConsumer
from workers.scratch_folder import scratch_folder
from workers.shutdown import Shutdown

log = logging.getLogger(__name__)

_WAIT_S = 2.0


def run_worker(settings: Settings) -> None:
    """Runs jobs until SIGTERM or SIGINT; waits for a database or broker that is unavailable.

    To be called in the main thread. The first signal lets the running tile finish and returns the
    job to the queue; the second does not wait for the tile.
    """
    shutdown = Shutdown()
    with ExitStack() as stack:
        stack.enter_context(handling_signals(shutdown.on_signal, signal.SIGTERM, signal.SIGINT))
        scratch = stack.enter_context(scratch_folder(settings.scratch))
        repository = stack.enter_context(closing(Repository(settings.database)))
        if not _migrated(repository, shutdown):
            return
        queue = stack.enter_context(closing(Queue(settings, queue_names())))
        blobs = open_blobs(settings)
        collector = BlobCollector(repository.references, blobs, settings)
        sweeper = Sweeper(repository.leases, repository.messages, queue, collector, settings)
        sweeper.start()
        stack.callback(sweeper.stop)
        name = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        engine = _engine(settings, scratch)
        runner = job_runner(name, settings, repository, blobs, engine, scratch, shutdown)
        runner.preparation.start()
        stack.callback(runner.preparation.stop)
        _consume(name, runner)


def job_runner(
    name: str,
    settings: Settings,
    repository: Repository,
    blobs: Blobs,
    engine: Engine,
    scratch: Path,
    shutdown: Shutdown,
) -> JobRunner:
    """Connects the parts of a worker; `name` stands in the rows of its jobs."""
    return JobRunner(
        claims=JobClaims(repository.leases, repository.scans, name, settings),
        segmenter=JobSegmenter(repository.scans, blobs, engine),
        leases=repository.leases,
        blobs=blobs,
        settings=settings,
        shutdown=shutdown,
        scratch=scratch,
        preparation=Preparation(engine, settings.cache_folder),
    )


def _consume(name: str, runner: JobRunner) -> None:
    """Runs Celery's own loop. Its command line would put the working folder on sys.path."""
    app = celery_app(runner.settings, queue_names())

    @app.task(name=SEGMENT)  # type: ignore[untyped-decorator]
    def segment(job_id: str) -> None:
        runner.run(job_id)

    queues = queues_of(runner.settings.device)
    log.info("worker %s: serves %s", name, ", ".join(queues))
    controller = app.WorkController(
        hostname=name,
        queues=queues,
        consumer_cls=ReconnectingConsumer,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        ready_callback=lambda _consumer: log.info("worker %s: ready", name),
    )
    controller.start()
    if controller.exitcode:
        raise Unavailable(
            "The worker stopped unexpectedly.", hint="Read its log, then start it again."
        )
    log.info("worker %s: ended", name)


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


def _migrated(repository: Repository, shutdown: Shutdown) -> bool:
    """Migrates the database once it is available; False where the worker shuts down before."""
    while not shutdown.requested:
        try:
            repository.migrate()
        except Unavailable as error:
            log.warning("waiting for the database: %s", error)
            time.sleep(_WAIT_S)
        else:
            return True
    return False
