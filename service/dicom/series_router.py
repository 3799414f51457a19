"""From complete series to scans, jobs and deliveries; nothing is lost or made twice.

Each step is safe to repeat: the same content is the same scan, a job bears a key made of scan and
rule and is stored together with its deliveries, and the inbox is told last. A gateway that dies
between any two of them does all of it again.
"""

import hashlib
import logging
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from uuid import uuid4

from imaging.errors import BadInput, TesseraError, Unavailable
from imaging.formats.atomic import raising_storage_full
from imaging.formats.dicom.identity import Identity, identify
from jobs import problem
from jobs.delivery import Delivery
from jobs.job import Job, StoredScan
from service.dicom.series_inbox import Arrived, Inbox
from service.http import errors
from service.http.uploads import Upload
from service.parts import OWNER, Parts
from service.resources.routing_table import Routes, Rule
from service.schemas import JobIn
from service.use_cases import orders, scan_intake
from service.use_cases.dispatch import dispatch
from service.use_cases.scan_intake import Asked

logger = logging.getLogger("tessera.pacs")

LOOK_S = 0.5
TIDY_S = 30.0


class Router:
    """A thread that takes in what is complete; `stop` returns when its step is over."""

    def __init__(self, parts: Parts, inbox: Inbox, routes: Routes) -> None:
        self._parts = parts
        self._inbox = inbox
        self._routes = routes
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="router", daemon=True)

    def start(self) -> None:
        """Begins; what was there before is looked at first."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        waited = TIDY_S
        while not self._stop.wait(LOOK_S):
            waited += LOOK_S
            try:
                if waited >= TIDY_S:
                    self._inbox.tidy()
                    waited = 0.0
                self.step()
            except Exception as error:  # noqa: BLE001 - a thread that ends serves nobody
                problem.logged(error, logger)

    def step(self) -> None:
        """Takes in every series that is complete."""
        for arrived in self._inbox.complete():
            if self._stop.is_set():
                return
            try:
                self._take(arrived)
            except Unavailable as error:
                logger.warning("A series waits: %s", error.detail)
                self._inbox.later(arrived)
            except TesseraError as error:
                logger.warning("A series was refused: %s", error)
                self._inbox.refuse(arrived, errors.problem_of(error).model_dump())
            except Exception as error:  # noqa: BLE001 - one series must not hold up the others
                found = problem.logged(error, logger)
                self._inbox.refuse(arrived, errors.unexpected(found).model_dump())

    def _take(self, arrived: Arrived) -> None:
        first = identify(arrived.files[0])
        rules = self._routes.matching(first)
        scans, jobs, faults = 0, 0, []
        for asked in _ways(rules):
            try:
                with self._uploads(arrived, first) as uploads:
                    taken, refused = scan_intake.take_all(self._parts, OWNER, uploads, asked)
            except BadInput as error:
                faults.append(error)
                continue
            faults += [one.error for one in refused]
            scans += len(taken)
            for rule in rules:
                if _way(rule) == asked:
                    jobs += sum(self._ask(scan, rule) for scan, _ in taken)
        if not scans:
            raise faults[0]
        for fault in faults:
            logger.warning("Of a series that was taken in, something was refused: %s", fault)
        self._inbox.taken(arrived)
        logger.info("A series of %d images was taken in: %d jobs.", len(arrived.files), jobs)

    def _ask(self, scan: StoredScan, rule: Rule) -> bool:
        """One job for one scan, unless there is one already; False where the model cannot."""
        wanted = JobIn(scan=scan.id, model=rule.model, priority=rule.priority)
        try:
            job = orders.job_of(wanted, self._parts, OWNER)
        except Unavailable:
            raise
        except TesseraError as error:
            logger.warning("A rule for %s asks what cannot be: %s", rule.model, error)
            return False
        key = "pacs-" + hashlib.sha256(f"{scan.id} {rule.digest}".encode()).hexdigest()
        stored, created = self._parts.repository.jobs.add(job, key, _deliveries(job, rule))
        if created:
            dispatch(self._parts, [stored])
        return created

    @contextmanager
    def _uploads(self, arrived: Arrived, first: Identity) -> Iterator[Sequence[Upload]]:
        """Copies, since an upload may be moved away."""
        with ExitStack() as stack:
            uploads = []
            for source in arrived.files:
                path = stack.enter_context(self._parts.scratch.file(".dcm"))
                with raising_storage_full():
                    shutil.copyfile(source, path)
                uploads.append(Upload(path, first.modality or "DICOM", path.stat().st_size))
            yield uploads


def _way(rule: Rule) -> Asked:
    return Asked(each=True, resample=rule.resample, deidentify=rule.deidentify)


def _ways(rules: Sequence[Rule]) -> list[Asked]:
    """How the series is to be taken in; one that no rule wants is kept as a scan."""
    return list(dict.fromkeys(map(_way, rules))) or [Asked(each=True)]


def _deliveries(job: Job, rule: Rule) -> list[Delivery]:
    return [
        Delivery(uuid4().hex, job.id, name, form, job.created_at)
        for name in rule.to
        for form in rule.formats
    ]
