"""The commitment requester: asks a peer to confirm that it keeps what was sent to it."""

from dataclasses import dataclass

from imaging.errors import Forbidden, NotFound, Unauthenticated
from jobs.delivery import Delivery
from jobs.repository import Jobs
from service.auth import Authenticator, BackgroundTask, Permission, Principal, requires
from service.dicom.commitments import Commitments
from service.resources.peers import Peer
from service.resources.polling_task import PollingTask


@dataclass(frozen=True, slots=True)
class RequesterParts:
    """What all commitment requesters share."""

    commitments: Commitments
    jobs: Jobs
    authenticator: Authenticator
    poll_s: float


class CommitmentRequester(PollingTask):
    """A thread for one peer. It is not the delivery sender's: waiting for a report delays no
    delivery."""

    def __init__(self, parts: RequesterParts, peer: Peer) -> None:
        self._parts = parts
        self._peer = peer
        super().__init__(
            f"commitment-requester-{peer.name}",
            parts.poll_s,
            f"Storage commitment is requested from the peer {peer.name} again.",
        )

    def step(self) -> bool:
        """Requests one commitment that is due; False if there is none. Raises Unavailable."""
        sent = self._parts.commitments.claim(self._peer)
        self._thread.log_once("")
        if sent is None:
            return False
        try:
            job = self._parts.jobs.by_id(sent.job)
            task = BackgroundTask("commitment requester", job.project)
            self.request(self._parts.authenticator.authenticate(task), sent)
        except (Unauthenticated, Forbidden, NotFound) as error:
            self._parts.commitments.give_up(sent, error)
        return True

    @requires(Permission.DELIVERIES_WRITE)
    def request(self, _: Principal, sent: Delivery) -> None:
        """Requests the commitment of one object that was sent to the peer."""
        self._parts.commitments.request(self._peer, sent)
