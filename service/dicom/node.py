"""All that a gateway does among DICOM systems, started and stopped together."""

import logging
from contextlib import ExitStack

from service.parts import Parts

logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)  # it tells UIDs and values


class Pacs:
    """A courier for each peer; receiver and router where `dicom_port` is set."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._stack = ExitStack()

    def start(self) -> None:
        """Raises BadRequest where the port or the inbox is somebody else's."""
        with ExitStack() as stack:
            if self._parts.settings.dicom_port:
                self._receive(stack)
            if self._parts.routes.peer:
                self._deliver(stack)
            self._stack = stack.pop_all()

    def stop(self) -> None:
        """Nothing more is taken; what is there stays for the next start."""
        self._stack.close()

    # DICOM's libraries load for a second: a gateway without archives does without them.

    def _receive(self, stack: ExitStack) -> None:
        from service.dicom.series_inbox import Inbox
        from service.dicom.series_router import Router
        from service.dicom.storage_scp import Receiver

        parts = self._parts
        inbox = Inbox(parts.settings)
        stack.callback(inbox.close)
        router = Router(parts, inbox, parts.routes)
        receiver = Receiver(parts.settings, inbox)
        stack.callback(router.stop)
        stack.callback(receiver.stop)
        router.start()

    def _deliver(self, stack: ExitStack) -> None:
        from service.dicom.delivery_sender import Courier

        for peer in self._parts.routes.peer:
            courier = Courier(self._parts, peer)
            stack.callback(courier.stop)
            courier.start()
