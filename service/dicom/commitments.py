"""Storage commitment of deliveries: requested after they were sent, and recorded when reported."""

import logging
import random
from dataclasses import dataclass

from imaging.errors import TesseraError
from imaging.formats.dicom.commitment import CommitmentReport, new_transaction
from jobs import problem, repository
from jobs.delivery import Delivery, due_in
from service.dicom import storage_commitment
from service.dicom.storage_scu import exchange_limit_s
from service.resources.peers import Peer, PeerRefused, PeerUnavailable

logger = logging.getLogger("tessera.dicom")

LEASE_MARGIN_S = 60.0
"""How much longer a claim lasts than the slowest exchange with the peer."""
REPORT_WAIT_S = 3600.0
"""How long to wait for a report before the request is repeated."""
MOST_REQUESTS = 24
"""Number of accepted requests without a report after which none is made any more."""


@dataclass(frozen=True, slots=True)
class Commitments:
    """Requests commitments and records the reports about them."""

    rows: repository.Commitments
    ae_title: str
    """Our AE title."""
    listens: bool
    """Whether peers can report on an association that they open to us."""

    def claim(self, peer: Peer) -> Delivery | None:
        """A delivery to the peer whose commitment is due, for longer than `request` needs to store
        that the peer accepted: a second request would make the report on the first one unknown."""
        lease_s = exchange_limit_s(peer) + LEASE_MARGIN_S
        return self.rows.claim(peer.name, new_transaction(), lease_s)

    def request(self, peer: Peer, sent: Delivery) -> None:
        """Requests the commitment of a delivery that was claimed."""
        try:
            if sent.commit_requests >= MOST_REQUESTS:
                raise _no_report(peer)
            self._exchange(peer, sent)
        except PeerUnavailable as error:
            after_s = due_in(sent.commit_attempts, random.random())  # noqa: S311 - not a secret
            self.rows.postpone(sent, after_s, problem.problem_of(error))
        except PeerRefused as error:
            self.give_up(sent, error)

    def give_up(self, sent: Delivery, error: TesseraError) -> None:
        """The commitment is not requested again."""
        logger.warning("job %s: storage is not committed: %s", sent.job, error)
        self.rows.fail(str(sent.transaction), problem.problem_of(error))

    def record(self, report: CommitmentReport) -> bool:
        """Stores a report; False if it belongs to no request that is open."""
        sent = self.rows.of_transaction(report.transaction)
        if sent is None:
            return False
        if str(sent.sop_instance) in report.committed:
            return self.rows.commit(report.transaction)
        logger.warning("job %s: %s does not keep what it was sent.", sent.job, sent.destination)
        reason = report.failed.get(str(sent.sop_instance), 0)
        error = problem.problem_of(_not_kept(sent, reason))
        return self.rows.fail(report.transaction, error, resend=True)

    def _exchange(self, peer: Peer, sent: Delivery) -> None:
        """Stores that the peer accepted before it waits for the report, which needs no lease."""
        wait_s = 0.0 if self.listens else peer.timeout_s
        with storage_commitment.requested(peer, sent, self.ae_title, self.record) as over:
            self.rows.requested(sent, wait_s + REPORT_WAIT_S)
            over.wait(wait_s)


def _not_kept(sent: Delivery, reason: int) -> PeerRefused:
    return PeerRefused(
        f"The peer {sent.destination} accepted the object, and reports now that it does not keep "
        f"it: failure reason {reason:04X}H.",
        expected="A report of storage commitment without failures (PS3.4, J.3.3).",
        hint="The peer's own log says why. Request the delivery again.",
    )


def _no_report(peer: Peer) -> PeerRefused:
    return PeerRefused(
        f"The peer {peer.name} accepted every request for storage commitment and never reported.",
        expected="A report within an hour, on an association to Tessera's DICOM port.",
        hint="Enter Tessera's address, port and AE title in the peer, and set TESSERA_DICOM_PORT.",
    )
