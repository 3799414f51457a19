"""The adapter of the port `PeerProbe`: a C-ECHO, and a search by QIDO-RS that finds nothing."""

from collections.abc import Callable
from dataclasses import dataclass

from imaging.errors import TesseraError
from service.resources.peers import Peer
from service.use_cases.peer_health import OK

_NO_SERIES = {"SeriesInstanceUID": "2.25.0"}
"""A UID that no series has, so that the search costs the archive little."""


@dataclass(frozen=True, slots=True)
class DicomPeerProbe:
    """Checks a peer by the services that the routing table gives an address for.

    The DICOM libraries take a second to import, so they are imported at the first use.
    """

    ae_title: str
    """Our AE title."""

    def probe(self, peer: Peer) -> dict[str, str]:
        """As `PeerProbe.probe`."""
        from service.dicom import dicomweb_client, storage_scu

        outcomes = {}
        if peer.dicomweb is not None:
            search = dicomweb_client.search
            outcomes["qido-rs"] = _outcome(lambda: search(peer, _NO_SERIES, 1))
        if peer.host is not None:
            outcomes["c-echo"] = _outcome(lambda: storage_scu.echo(peer, self.ae_title))
        return outcomes


def _outcome(check: Callable[[], object]) -> str:
    try:
        check()
    except TesseraError as error:
        return error.detail
    return OK
