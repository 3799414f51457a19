"""Callers that are known by their certificates, and not by their AE titles alone."""

from collections.abc import Sequence

from service.resources.routing_table import Caller
from service.tls.certificates import PresentedCertificate


class CallerCertificates:
    """Which certificate belongs to which calling AE title."""

    def __init__(self, callers: Sequence[Caller]) -> None:
        self._callers = tuple(callers)

    def problem(self, connection: object, ae_title: str) -> str:
        """Why the other side of the connection may not call under this title; "" if it may.

        A title that the routing table does not name with a certificate is anybody's.
        """
        own = [one.certificate for one in self._callers if one.ae_title == ae_title]
        if not own:
            return ""
        presented = PresentedCertificate.of(connection)
        problems = [certificate.mismatch(presented) for certificate in own]
        return "" if "" in problems else problems[0]
