"""All that a gateway does among DICOM systems, started and stopped together."""

import logging

from service.pacs.courier import Courier
from service.pacs.inbox import Inbox
from service.pacs.receiver import Receiver
from service.pacs.router import Router
from service.parts import Parts

logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)  # it tells UIDs and values


class Pacs:
    """A courier for each peer; receiver and router where `dicom_port` is set."""

    def __init__(self, parts: Parts) -> None:
        self._couriers = [Courier(parts, peer) for peer in parts.routes.peer]
        self._parts = parts
        self._inbox: Inbox | None = None
        self._router: Router | None = None
        self._receiver: Receiver | None = None

    def start(self) -> None:
        """Raises BadRequest where the port or the inbox is somebody else's."""
        parts = self._parts
        if parts.settings.dicom_port:
            self._inbox = Inbox(parts.settings)
            self._router = Router(parts, self._inbox, parts.routes)
            self._receiver = Receiver(parts.settings, self._inbox)
            self._router.start()
        for courier in self._couriers:
            courier.start()

    def stop(self) -> None:
        """Nothing more is taken; what is there stays for the next start."""
        if self._receiver is not None:
            self._receiver.stop()
        if self._router is not None:
            self._router.stop()
        for courier in self._couriers:
            courier.stop()
        if self._inbox is not None:
            self._inbox.close()
