"""The delivery sender: sends results to a peer, and tries again while it is unavailable."""

import logging
import random
from dataclasses import dataclass

from imaging.errors import Conflict, TesseraError, Unavailable
from imaging.formats import registry
from imaging.formats.dicom.instance_identity import identify
from imaging.formats.format import MaskFormat, ReportFormat
from jobs import problem, repository, tracing
from jobs.audit.event import AuditAction, AuditObject, AuditOutcome
from jobs.delivery import Commitment, Delivery, Receipt, due_in
from jobs.job import Job, JobState
from jobs.job_trace import attributes_of
from jobs.repository import Jobs, Reviews
from service.auth import Authenticator, BackgroundTask, Permission, Principal, requires
from service.dicom import dicomweb_client, storage_scu
from service.resources.dicom_metrics import DicomMetrics, Outcome
from service.resources.peers import ObjectRefused, Peer, PeerRefused, PeerUnavailable
from service.resources.polling_task import PollingTask
from service.resources.scratch import Scratch
from service.use_cases.audit_recorder import AuditRecorder, Deed, outcome_of
from service.use_cases.result_files import ResultFiles
from service.use_cases.result_mask import ResultMask

logger = logging.getLogger("tessera.dicom")

_NAME = "delivery sender"
LEASE_MARGIN_S = 120.0
"""Time to write the objects. A delivery that takes longer may be sent twice, which is harmless: it
is the same object."""


@dataclass(frozen=True, slots=True)
class SenderParts:
    """What all delivery senders share."""

    deliveries: repository.Deliveries
    jobs: Jobs
    reviews: Reviews
    results: ResultFiles
    scratch: Scratch
    authenticator: Authenticator
    metrics: DicomMetrics
    recorder: AuditRecorder
    ae_title: str
    """Our AE title."""
    poll_s: float


class DeliverySender(PollingTask):
    """A thread for one peer, so that an unavailable peer delays no other."""

    def __init__(self, parts: SenderParts, peer: Peer) -> None:
        self._parts = parts
        self._peer = peer
        super().__init__(
            f"delivery-sender-{peer.name}",
            parts.poll_s,
            f"The peer {peer.name} accepts deliveries again.",
        )

    def step(self) -> bool:
        """Sends one delivery that is due; False if there is none. Raises Unavailable."""
        deliveries = self._parts.deliveries
        two_objects_s = 2 * storage_scu.exchange_limit_s(self._peer)  # one, and its fallback
        delivery = deliveries.claim(self._peer.name, two_objects_s + LEASE_MARGIN_S)
        if delivery is None:
            return False
        try:
            receipt = self._send_as_task(delivery)
        except Unavailable as error:
            wait_s = due_in(delivery.attempts, random.random())  # noqa: S311 - not a secret
            deliveries.postpone(delivery, wait_s, problem.problem_of(error))
            self._thread.log_once(error.detail)
            self._count("postponed", up=False if isinstance(error, PeerUnavailable) else None)
        except TesseraError as error:
            logger.warning("job %s: %s is not delivered: %s", delivery.job, delivery.format, error)
            deliveries.fail(delivery, problem.problem_of(error))
            self._record(delivery, outcome_of(error))
            self._count("failed", up=True if isinstance(error, PeerRefused) else None)
        except Exception as error:  # noqa: BLE001 - logged, and not tried again
            error_id = problem.logged(error, logger)
            deliveries.fail(delivery, problem.unexpected(error_id))
            self._record(delivery, AuditOutcome.FAILED)
            self._count("failed")
        else:
            deliveries.mark_sent(delivery.id, receipt)
            self._record(delivery, AuditOutcome.SUCCESS)
            self._count("sent", up=True)
            self._thread.log_once("")
        return True

    @requires(Permission.DELIVERIES_WRITE)
    def send(self, _: Principal, delivery: Delivery, job: Job) -> Receipt:
        """Sends one object of a job's results to the peer.

        If the peer does not store the object, its format's fallback is sent instead.
        """
        if job.state is not JobState.SUCCEEDED:
            raise Conflict(
                f"The job is {job.state}: it has no results to deliver.",
                expected="A job that succeeded.",
                hint="Retry the job; its deliveries are then sent when it succeeds.",
            )
        if not self._peer.serves(job.project):
            raise Conflict(
                f"The peer {self._peer.name} is no longer for the project of the job.",
                expected="A peer that GET /v1/peers lists.",
                hint="Send the results to another peer.",
            )
        review = None
        if delivery.review:
            review = self._parts.reviews.with_results(job.project, job.id, delivery.review, None)
        result, target = ResultMask(job, review), registry.result_format(delivery.format)
        try:
            return self._store(result, target)
        except ObjectRefused:
            if target.fallback is None:
                raise
            logger.info("%s does not store %s.", self._peer.name, target.name)
            return self._store(result, registry.result_format(target.fallback))

    def _store(self, result: ResultMask, target: MaskFormat | ReportFormat) -> Receipt:
        with self._parts.scratch.file(".dcm") as path:
            self._parts.results.write(result, target, path)
            instance = identify(path)
            if self._peer.dicomweb is not None:
                dicomweb_client.store(self._peer, path)
            else:
                storage_scu.store(self._peer, path, instance, self._parts.ae_title)
        commitment = Commitment.DUE if self._peer.storage_commitment else None
        return Receipt(target.name, instance.sop_class, instance.sop_instance, commitment)

    def _principal(self, job: Job) -> Principal:
        return self._parts.authenticator.authenticate(BackgroundTask(_NAME, job.project))

    def _record(self, delivery: Delivery, outcome: AuditOutcome) -> None:
        """Records the end of a delivery, not the attempts at a peer that does not answer."""
        objects = [(AuditObject.JOB, delivery.job)]
        if delivery.review:
            objects.append((AuditObject.REVIEW, delivery.review))
        try:
            principal = self._principal(self._parts.jobs.by_id(delivery.job))
        except TesseraError:  # the job was deleted meanwhile
            principal = Principal(_NAME, "")
        self._parts.recorder.done(
            Deed(
                principal,
                AuditAction.DELIVERY,
                outcome,
                objects,
                destination=delivery.destination,
            )
        )

    def _send_as_task(self, delivery: Delivery) -> Receipt:
        job = self._parts.jobs.by_id(delivery.job)
        attributes: tracing.Attributes = {
            **attributes_of(job),
            "tessera.attempt": delivery.attempts,
            "tessera.delivery.destination": delivery.destination,
            "tessera.delivery.format": delivery.format,
        }
        with tracing.span("deliver result", job.traceparent, kind="client", attributes=attributes):
            return self.send(self._principal(job), delivery, job)

    def _count(self, outcome: Outcome, *, up: bool | None = None) -> None:
        """Counts an attempt; `up`: whether the peer answered, None: it was not asked."""
        self._parts.metrics.delivery_attempted(self._peer.name, outcome)
        if up is not None:
            self._parts.metrics.peer_answered(self._peer.name, up=up)
