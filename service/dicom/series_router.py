"""The series router: complete series become scans, jobs and deliveries, each exactly once.

Each step is safe to repeat: the same content is the same scan, a job's idempotency key is made of
scan and rule, and the inbox is marked last. A gateway that is killed between two steps repeats
all of them.
"""

import hashlib
import logging
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from imaging.errors import (
    BadInput,
    LimitReached,
    NotFound,
    StorageLimitReached,
    TesseraError,
    Unavailable,
)
from imaging.formats.atomic import raising_storage_full
from imaging.formats.dicom.instance_identity import InstanceIdentity, identify
from jobs import problem, tracing
from jobs.audit.event import AuditAction, AuditObject, AuditOutcome
from jobs.stored_scan import StoredScan
from service.auth import ANONYMOUS, Authenticator, DicomCaller, Permission, Principal, requires
from service.dicom.series_inbox import CompleteSeries, SeriesInbox
from service.resources.dicom_metrics import DicomMetrics
from service.resources.routing_table import RoutingRule, RoutingTable
from service.resources.scratch import Scratch
from service.use_cases.audit_recorder import NO_OBJECT, AuditRecorder, Deed, outcome_of
from service.use_cases.orders import Destination, JobOrder, Orders
from service.use_cases.received_file import ReceivedFile
from service.use_cases.route_options import intake_options, options_of
from service.use_cases.scan_intake import ScanIntake
from service.use_cases.storage_room import StorageRoom

logger = logging.getLogger("tessera.dicom")

POLL_S = 0.5
CLEANUP_S = 30.0


class SeriesRouter:
    """A thread that takes complete series in, on behalf of the nodes that sent them."""

    def __init__(
        self,
        inbox: SeriesInbox,
        routing: RoutingTable,
        intake: ScanIntake,
        orders: Orders,
        scratch: Scratch,
        authenticator: Authenticator,
        metrics: DicomMetrics,
        recorder: AuditRecorder,
        room: StorageRoom | None = None,
    ) -> None:
        """`room` is told about series that find none; None: nobody asks."""
        self._inbox, self._routing, self._room = inbox, routing, room
        self._intake, self._orders, self._scratch = intake, orders, scratch
        self._authenticator = authenticator
        self._metrics = metrics
        self._recorder = recorder
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="series-router", daemon=True)

    def start(self) -> None:
        """Starts the thread; series from before the start are taken in first."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread after the series that it works on."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def step(self) -> None:
        """Routes every complete series."""
        for series in self._inbox.complete():
            if self._stop.is_set():
                return
            sender, identity = ANONYMOUS, None
            try:
                identity = identify(series.files[0])
                sender = self._authenticator.authenticate(DicomCaller(identity.sender))
                with tracing.span("route series", None):
                    self.route(sender, series, identity)
                self._metrics.series_routed("taken")
            except (Unavailable, LimitReached) as error:
                logger.warning("A series waits: %s", error.detail)
                self._inbox.postpone(series)
                self._metrics.series_routed("postponed")
            except TesseraError as error:
                logger.warning("A series was refused: %s", error)
                self._record(sender, identity, outcome=outcome_of(error))
                self._refuse(series, problem.problem_of(error))
            except Exception as error:  # noqa: BLE001 - one series must not block the others
                error_id = problem.logged(error, logger)
                self._record(sender, identity, outcome=AuditOutcome.FAILED)
                self._refuse(series, problem.unexpected(error_id))

    def _refuse(self, series: CompleteSeries, reason: Mapping[str, Any]) -> None:
        self._inbox.refuse(series, reason)
        self._metrics.series_routed("refused")

    @requires(Permission.SCANS_WRITE)
    def route(
        self, principal: Principal, series: CompleteSeries, identity: InstanceIdentity
    ) -> None:
        """Takes a series in and starts the jobs of every rule that applies to it.

        The sender needs no permission for jobs and deliveries: the routing table, which an
        administrator writes, orders them.
        """
        rules = self._routing.of(principal.project).rules_for(identity)
        scans, job_count, faults = [], 0, []
        for wanted in intake_options(rules):
            try:
                with self._copies(series, identity) as files:
                    result = self._intake.take_in(principal.project, files, wanted)
            except StorageLimitReached as error:
                if self._room is not None:
                    self._room.block(principal.project, error)
                raise
            except BadInput as error:
                faults.append(error)
                continue
            faults += [refused.error for refused in result.refused]
            scans += [taken.scan for taken in result.taken]
            for rule in rules:
                if options_of(rule) == wanted:
                    job_count += sum(
                        self._order(principal, taken.scan, rule) for taken in result.taken
                    )
        if not scans:
            raise faults[0]
        self._record(principal, identity, scans)
        if self._room is not None:
            self._room.unblock(principal.project)
        for fault in faults:
            logger.warning("A part of a series was refused: %s", fault)
        self._inbox.mark_taken(series)
        logger.info(
            "A series of %d images was taken in: %d jobs started.", len(series.files), job_count
        )

    def _run(self) -> None:
        waited_s = CLEANUP_S
        while not self._stop.wait(POLL_S):
            waited_s += POLL_S
            try:
                if waited_s >= CLEANUP_S:
                    self._inbox.delete_old()
                    waited_s = 0.0
                self.step()
            except Exception as error:  # noqa: BLE001 - the thread must go on
                problem.logged(error, logger)

    def _record(
        self,
        sender: Principal,
        identity: InstanceIdentity | None,
        scans: Sequence[StoredScan] = (),
        outcome: AuditOutcome = AuditOutcome.SUCCESS,
    ) -> None:
        """Records an upload; `identity`: of an image of the series, None if none can be read."""
        objects = [(AuditObject.SCAN, scan.id) for scan in scans] or [NO_OBJECT]
        origin = identity.sender if identity is not None else ""
        self._recorder.done(Deed(sender, AuditAction.UPLOAD, outcome, objects, origin))

    def _order(self, principal: Principal, scan: StoredScan, rule: RoutingRule) -> bool:
        """Places the rule's job for a scan.

        False if it exists, the model does not fit, or the rule has no model.
        """
        if rule.model is None:
            return False
        order = JobOrder(model=rule.model, scan=scan.id, priority=rule.priority)
        key = "dicom-" + hashlib.sha256(f"{scan.id} {rule.digest}".encode()).hexdigest()
        destinations = [Destination(peer, form) for peer in rule.to for form in rule.formats]
        try:
            placed = self._orders.place(scan.project, order, key, destinations)
        except (BadInput, NotFound) as error:
            logger.warning("A rule for %s cannot be followed: %s", rule.model, error)
            return False
        if placed.created:
            ordered = ((AuditObject.JOB, placed.job.id), (AuditObject.SCAN, scan.id))
            self._recorder.done(Deed(principal, AuditAction.ORDER, objects=ordered))
            self._orders.dispatch([placed.job])
        return placed.created

    @contextmanager
    def _copies(
        self, series: CompleteSeries, identity: InstanceIdentity
    ) -> Iterator[Sequence[ReceivedFile]]:
        """Copies of the files, because intake may move its files away."""
        with ExitStack() as stack:
            files = []
            for source in series.files:
                path = stack.enter_context(self._scratch.file(".dcm"))
                with raising_storage_full():
                    shutil.copyfile(source, path)
                name = identity.modality or "DICOM"
                files.append(ReceivedFile(path, name, path.stat().st_size))
            yield files
