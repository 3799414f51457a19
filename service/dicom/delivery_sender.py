"""Brings what finished jobs made to where it is wanted; patient while a peer is away."""

import logging
import random
import threading

from imaging.errors import Conflict, TesseraError, Unavailable
from jobs import problem
from jobs.delivery import Delivery, due_in
from jobs.job import JobState
from service.dicom import dicomweb_client, storage_scu
from service.http import errors
from service.parts import Parts
from service.resources.routing_table import Peer
from service.use_cases import dicom_results

logger = logging.getLogger("tessera.pacs")

LEASE_S = 120.0
"""A delivery that takes longer may be made twice, which does no harm: the same object."""


class Courier:
    """A thread for one peer, so that one that is away holds up no other."""

    def __init__(self, parts: Parts, peer: Peer) -> None:
        self._parts = parts
        self._peer = peer
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"courier-{peer.name}", daemon=True)
        self._trouble = ""

    def start(self) -> None:
        """Begins; `stop` ends it."""
        self._thread.start()

    def stop(self) -> None:
        """Tells it to end, and waits a while for the delivery under way."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(5.0)

    def step(self) -> bool:
        """Brings one delivery that is due; False where there is none. Raises Unavailable."""
        delivery = self._parts.repository.deliveries.claim(self._peer.name, LEASE_S)
        if delivery is None:
            return False
        repository = self._parts.repository
        try:
            self._bring(delivery)
        except Unavailable as error:
            wait = due_in(delivery.attempts, random.random())  # noqa: S311 - no secret
            repository.deliveries.postpone(delivery, wait, _told(error))
            self._tell(error.detail)
        except TesseraError as error:
            logger.warning("job %s: %s is not delivered: %s", delivery.job, delivery.format, error)
            repository.deliveries.fail(delivery, _told(error))
        except Exception as error:  # noqa: BLE001 - said, and not met again and again
            told = errors.unexpected(problem.logged(error, logger))
            repository.deliveries.fail(delivery, told.model_dump())
        else:
            repository.deliveries.mark_sent(delivery.id)
            self._tell("")
        return True

    def _run(self) -> None:
        while not self._stop.wait(self._parts.settings.sweep_s):
            try:
                while not self._stop.is_set() and self.step():
                    pass
            except TesseraError as error:
                self._tell(error.detail)
            except Exception as error:  # noqa: BLE001 - a thread that ends serves nobody
                problem.logged(error, logger)

    def _bring(self, delivery: Delivery) -> None:
        job = self._parts.repository.jobs.by_id(delivery.job)
        if job.state is not JobState.SUCCEEDED:
            raise Conflict(
                f"The job is {job.state}: there is nothing to deliver.",
                expected="A job that succeeded.",
                hint="Retry the job; what was to be delivered of it then waits for it again.",
            )
        with self._parts.scratch.file(".dcm") as path:
            dicom_results.write(self._parts, job, delivery.format, path)
            if self._peer.dicomweb is not None:
                dicomweb_client.store(self._peer, path)
            else:
                storage_scu.store(self._peer, path, self._parts.settings.dicom_ae_title)

    def _tell(self, trouble: str) -> None:
        """Said once, not at every attempt."""
        if trouble != self._trouble:
            logger.warning("%s", trouble or f"The peer {self._peer.name} takes deliveries again.")
        self._trouble = trouble


def _told(error: TesseraError) -> dict[str, object]:
    return errors.problem_of(error).model_dump(exclude_none=True)
