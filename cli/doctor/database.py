"""Checks of the database, and of what workers report there."""

import time
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import version

from cli.doctor.finding import Finding, ok, problem, warning
from imaging.counted import counted
from imaging.errors import BadRequest, TesseraError
from inference.runtime_registry import ANY_QUEUE
from jobs.announced_worker import AnnouncedWorker
from jobs.repository import Repository, known_revisions
from jobs.server_database import check_database_exists
from jobs.settings import Settings

_CLOCK_WARNING_S = 2.0
_DATABASE = "database"


def check_database(settings: Settings) -> Iterator[Finding]:
    """Whether it answers and has the right schema; then its clock and the workers."""
    try:
        check_database_exists(settings)
    except BadRequest as error:
        yield problem(_DATABASE, error.detail, error.hint)
        return
    with closing(Repository(settings.database, settings.database_timeout_s)) as repository:
        try:
            revision = repository.database.revision()
        except TesseraError as error:
            yield problem(_DATABASE, error.detail, error.hint)
            return
        yield from _schema(repository, revision)
        if revision == known_revisions()[0]:
            yield from _clock(settings, repository)
            yield from _workers(repository)


def _schema(repository: Repository, revision: str | None) -> Iterator[Finding]:
    newest = known_revisions()[0]
    if revision == newest:
        yield ok(_DATABASE, f"It answers, and its schema is that of this version ({newest}).")
        return
    if revision is None:
        yield problem(_DATABASE, "It has no tables of Tessera.", "Start a gateway or a worker.")
        return
    if revision in known_revisions():
        yield warning(
            _DATABASE,
            f"Its schema is that of an earlier version ({revision}).",
            "Back up. The next gateway or worker that starts with this version upgrades it.",
        )
        return
    try:
        repository.ping()
    except TesseraError as error:
        yield problem(_DATABASE, error.detail, error.hint)
    else:
        yield warning(
            _DATABASE,
            f"Its schema is that of a later version ({revision}), which serves this one, too.",
            "Update this machine.",
        )


def _clock(settings: Settings, repository: Repository) -> Iterator[Finding]:
    if not settings.database_url or settings.database_url.startswith("sqlite"):
        yield ok("clock", "Database and this machine have the same clock.")
        return
    before = time.time()
    with repository.database.read() as connection:
        theirs = repository.database.clock(connection)
    difference_s = theirs - (before + time.time()) / 2
    text = f"The clock of the database differs by {difference_s:+.1f} s from this machine's."
    if abs(difference_s) <= _CLOCK_WARNING_S:
        yield ok("clock", text)
    else:
        hint = "Synchronise both machines with NTP: signatures, leases and times on the page "
        yield warning("clock", text, f"{hint}depend on it.")


def _workers(repository: Repository) -> Iterator[Finding]:
    running = repository.workers.running()
    if not running:
        yield problem("workers", "No worker has announced itself lately.", "Start a worker.")
    for worker in running:
        yield _worker(worker)
    yield from _queues(repository, running)
    versions = {worker.version for worker in running}
    if running:
        yield _versions("versions of workers", versions)


def _worker(worker: AnnouncedWorker) -> Finding:
    runtimes = ", ".join(queue for queue in worker.queues if queue != ANY_QUEUE) or "none"
    training = ", trains models" if worker.trains else ""
    name = f"worker {worker.name}"
    text = f"It is {worker.state}, version {worker.version}, hardware: {runtimes}{training}."
    if worker.waiting_for is None:
        return ok(name, text)
    return warning(
        name,
        f"{text} It takes no jobs, because it waits for {worker.waiting_for}.",
        "Look at the other lines and at the worker's log.",
    )


def _queues(repository: Repository, running: list[AnnouncedWorker]) -> Iterator[Finding]:
    waiting: dict[str, int] = {}
    for group in repository.figures.read().waiting:
        waiting[group.queue] = waiting.get(group.queue, 0) + group.jobs
    unserved = {q: n for q, n in waiting.items() if not any(w.serves(q) for w in running)}
    for queue, number in unserved.items():
        yield problem(
            f"queue {queue}",
            f"{counted(number, 'job waits', 'jobs wait')}, and no worker takes them.",
            f"Start a worker on hardware of the kind '{queue}'.",
        )
    if not unserved:
        waits = counted(sum(waiting.values()), "job waits", "jobs wait")
        yield ok("queues", f"{waits}; workers take all kinds of them.")


def _versions(check: str, versions: set[str]) -> Finding:
    mine = version("tessera-seg")
    if versions == {mine}:
        return ok(check, f"All have the version of this machine, {mine}.")
    return warning(
        check,
        f"This machine has {mine}, and these run: {', '.join(sorted(versions))}.",
        "Finish the update: install the same version everywhere.",
    )
