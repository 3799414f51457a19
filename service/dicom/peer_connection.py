"""TLS of an association that we request."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from service.resources.peers import Peer
from service.tls.certificates import PresentedCertificate
from service.tls.failures import CertificateMismatch, reason_of

_AGAIN = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


class PeerConnection:
    """The context of one association, and why its connection failed.

    pynetdicom logs errors of the connection and drops them, so the socket itself keeps them.
    """

    def __init__(self, peer: Peer) -> None:
        """Raises BadRequest if a file of the peer's table cannot be used."""
        self._peer = peer
        self._context = peer.tls_context(check_host=not peer.names_certificate)
        self._context.sslsocket_class = _socket_class(self)
        self.problem = ""
        """Why no TLS connection was made, or why it ended."""

    @property
    def arguments(self) -> tuple[ssl.SSLContext, str]:
        """The `tls_args` of `AE.associate`."""
        return self._context, str(self._peer.host)

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Keeps the first TLS error that is raised inside."""
        try:
            yield
        except _AGAIN:
            raise
        except OSError as error:
            self.problem = self.problem or reason_of(error)
            raise

    def verify(self, connection: ssl.SSLSocket) -> None:
        """Raises CertificateMismatch if the peer's table names another certificate."""
        if self._peer.names_certificate:
            problem = self._peer.mismatch(PresentedCertificate.of(connection))
            if problem:
                raise CertificateMismatch(problem)


def _socket_class(owner: PeerConnection) -> type[ssl.SSLSocket]:
    class Recorded(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            try:
                with owner.recorded():
                    super().do_handshake(block)
                    owner.verify(self)
            except OSError:
                self.close()  # pynetdicom leaves it to the garbage collector
                raise

        def read(self, *args: Any, **kwargs: Any) -> Any:
            """As the base class; `recv` uses it. TLS 1.3 refuses our certificate only here."""
            with owner.recorded():
                return super().read(*args, **kwargs)

    return Recorded
