"""One association at the DICOM port, from its complete request to its end."""

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

from pynetdicom.association import Association
from pynetdicom.dul import DULServiceProvider
from pynetdicom.transport import AssociationServer, AssociationSocket, RequestHandler

from service.dicom.association_request import INVALID
from service.dicom.pdu_socket import ACCEPTOR_PDUS, PduSocket, abort_pdu
from service.dicom.refusals import Refusal, Refusals

STRANGER_IDLE_S = 5.0
"""An association of a caller whose AE title is not known is aborted after this long without data:
it is good for a C-ECHO alone."""


@dataclass(slots=True, eq=False)
class WaitingConnection:
    """A connection whose request is not complete, or was just completed."""

    socket: socket.socket
    address: Any
    group: str
    deadline: float
    data: bytearray = field(default_factory=bytearray)
    calling: str = ""
    """Calling AE title, once the request is complete."""
    stranger: bool = False
    """Whether the AE title is not known."""


class AssociationHandler(RequestHandler):
    """Runs an association; its creation returns when the association has ended."""

    def __init__(
        self, admitted: WaitingConnection, server: AssociationServer, refusals: Refusals
    ) -> None:
        self._admitted = admitted
        self._refusals = refusals
        super().__init__(admitted.socket, admitted.address, server)

    def handle(self) -> None:
        """Starts pynetdicom's threads and waits for both."""
        super().handle()
        self.association.join()
        self.association.dul.join()

    def _create_association(self) -> Association:
        self.association = super()._create_association()
        if self._admitted.stranger:
            self.association.network_timeout = STRANGER_IDLE_S
        upper_layer = self.association.dul
        opened = cast("AssociationSocket", upper_layer.socket)
        upper_layer.socket = PduSocket(
            opened, ACCEPTOR_PDUS, bytes(self._admitted.data), self._refused
        )
        upper_layer.run = partial(  # type: ignore[method-assign]
            self._upper_layer, upper_layer, upper_layer.run
        )
        self.association.run = partial(  # type: ignore[method-assign]
            self._guarded, self.association.run
        )
        return self.association

    def _upper_layer(self, layer: DULServiceProvider, run: Callable[[], None]) -> None:
        """Runs the thread that reads PDUs. The other one might wait for a request from it that
        could not be decoded, and keep the place of an association until `acse_timeout`."""
        self._guarded(run)
        layer.to_user_queue.put(None)  # type: ignore[arg-type]

    def _guarded(self, run: Callable[[], None]) -> None:
        """Runs one of pynetdicom's threads; a message that it cannot decode raises anything."""
        try:
            run()
        except Exception as error:  # noqa: BLE001 - it would be printed, once for each message
            self._refused(Refusal.INVALID, f"a message that raised {type(error).__name__}")
            with suppress(OSError):
                if isinstance(self._admitted.socket, ssl.SSLSocket):  # the other thread may use it
                    self._admitted.socket.shutdown(socket.SHUT_RDWR)
                else:
                    self._admitted.socket.send(abort_pdu(INVALID))

    def _refused(self, kind: Refusal, problem: str) -> None:
        self._refusals.add(kind, self._admitted.group, self._admitted.calling, problem)
