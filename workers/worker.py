"""A worker process: runs jobs that Celery hands to it, with a sweeper beside it."""

import logging
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

from celery.exceptions import Reject

from imaging.errors import Part, Unavailable
from inference.device import queues_of
from inference.engine import Engine, Limits, Registry
from inference.runtime_registry import queue_names
from jobs import tracing
from jobs.blob_collector import BlobCollector
from jobs.blobs import Blobs, open_blobs
from jobs.disk import check_writable
from jobs.log_format import of_process
from jobs.own_folder import OwnFolder
from jobs.queue import SEGMENT, Queue, celery_app
from jobs.repository import Repository
from jobs.settings import Settings
from jobs.signal_handlers import handling_signals
from jobs.sweeper import Sweeper
from workers.breaker import Breaker, Probe
from workers.heartbeat import Heartbeat
from workers.job_attempt import Tools
from workers.job_claims import JobClaims, computed_together
from workers.job_runner import JobRunner
from workers.job_segmenter import JobSegmenter
from workers.lease_keeper import LeaseKeeper
from workers.preparation import Preparation
from workers.presence import Presence
from workers.reconnecting_consumer import ReconnectingConsumer
from workers.shutdown import Shutdown
from workers.training_attempt import TrainingTools
from workers.training_loop import TrainingLoop
from workers.training_support import trains as can_train

log = logging.getLogger(__name__)


def run_worker(
    settings: Settings, name: str, on_ready: Callable[[], None], trainer: Sequence[str] = ()
) -> None:
    """Runs jobs until SIGTERM, SIGINT or SIGQUIT; waits for a database or broker that is
    unavailable.

    To be called in the main thread. See `Shutdown` for what the signals do. `name` stands in the
    rows of the worker's jobs; `on_ready` is called when it first waits for jobs. `trainer`: the
    command that trains; empty: the worker runs no trainings.
    """
    of_process(worker=name)
    shutdown = Shutdown(settings.drain_s)
    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
    with ExitStack() as stack:
        stack.enter_context(handling_signals(shutdown.on_signal, *signals))
        stack.enter_context(tracing.exported("tessera-worker", name))
        heartbeat = stack.enter_context(Heartbeat(settings.heartbeat_file))
        scratch = stack.enter_context(closing(OwnFolder(settings.scratch, "worker-"))).path
        repository = stack.enter_context(
            closing(Repository(settings.database, settings.database_timeout_s))
        )
        if not _migrated(repository, shutdown):
            return
        queue = stack.enter_context(closing(Queue(settings, queue_names())))
        blobs = open_blobs(settings, scratch)
        collector = BlobCollector(repository.references, blobs, settings)
        _start(stack, Sweeper(repository, queue, collector, settings))
        queues = queues_of(settings.device)
        engine = _engine(settings, scratch)
        runner = job_runner(name, settings, repository, blobs, engine, scratch, shutdown)
        trains = bool(trainer) and can_train(settings)
        presence = stack.enter_context(
            Presence(repository.workers, name, queues, shutdown, runner.breaker, trains=trains)
        )
        heartbeat.pause_while(runner.hangs)
        _start(stack, runner.preparation)
        if trains:
            _start(stack, _training_loop(name, repository, runner.tools, trainer))

        def ready() -> None:
            log.info("worker %s: ready", name)
            presence.ready()
            on_ready()

        _consume(name, settings, queues, runner, ready)


def _start(stack: ExitStack, thread: Sweeper | Preparation | TrainingLoop) -> None:
    thread.start()
    stack.callback(thread.stop)


def _training_loop(
    name: str, repository: Repository, tools: Tools, trainer: Sequence[str]
) -> TrainingLoop:
    """The trainings beside the jobs that are done with `tools`; the same thread renews the leases
    of both."""
    probes = _probes(tools.blobs, tools.scratch)
    return TrainingLoop(
        repository.trainings,
        name,
        TrainingTools(
            command=trainer,
            leases=repository.training_leases,
            keeper=tools.keeper,
            blobs=tools.blobs,
            settings=tools.settings,
            shutdown=tools.shutdown,
            breaker=Breaker(probes),  # its own: it is closed where trainings wait
        ),
    )


def _probes(blobs: Blobs, scratch: Path) -> Mapping[Part, Probe]:
    # Blobs that are files are on the disk of the temporary files.
    return {Part.STORE: blobs.check_writable, Part.DISK: partial(check_writable, scratch)}


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
    tools = Tools(
        segmenter=JobSegmenter(repository.scans, blobs, engine),
        leases=repository.leases,
        keeper=LeaseKeeper(settings, shutdown),
        blobs=blobs,
        settings=settings,
        shutdown=shutdown,
        breaker=Breaker(_probes(blobs, scratch)),
        scratch=scratch,
    )
    together = computed_together(settings)
    claims = JobClaims(repository.leases, repository.scans, name, settings.lease_s, together)
    return JobRunner(claims, tools, Preparation(engine, settings.cache_folder), together)


def _consume(
    name: str,
    settings: Settings,
    queues: Sequence[str],
    runner: JobRunner,
    on_ready: Callable[[], None],
) -> None:
    """Runs Celery's own loop. Its command line would put the working folder on sys.path."""
    app = celery_app(settings, queue_names())

    @app.task(name=SEGMENT)  # type: ignore[untyped-decorator]
    def segment(job_id: str) -> None:
        if not runner.run(job_id):
            raise Reject("the worker stops", requeue=True)  # another worker gets the message

    log.info("worker %s: serves %s", name, ", ".join(queues))
    controller = app.WorkController(
        hostname=name,
        queues=queues,
        consumer_cls=ReconnectingConsumer,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        ready_callback=lambda _consumer: on_ready(),
    )
    try:
        controller.start()
    finally:
        runner.close()
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
    try:
        Breaker({}).insist(repository.migrate, lambda: shutdown.requested)
    except Unavailable:
        return False
    return True
