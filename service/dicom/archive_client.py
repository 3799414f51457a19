"""The adapter of the port `ArchiveClient`: DICOM peers, by DICOMweb."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from service.resources.peers import Peer
from service.resources.scratch import Scratch
from service.use_cases.archives import RemoteSeries
from service.use_cases.received_file import ReceivedFile


@dataclass(frozen=True, slots=True)
class DicomWebArchives:
    """Searches and fetches by DICOMweb.

    The DICOMweb library takes a second to import, so it is imported at the first use.
    """

    scratch: Scratch
    max_bytes: int
    """Largest series that is fetched."""

    def search(self, peer: Peer, filters: Mapping[str, str], limit: int) -> list[RemoteSeries]:
        """As `ArchiveClient.search`."""
        from service.dicom import dicomweb_client

        return dicomweb_client.search(peer, filters, limit)

    def fetch(
        self, peer: Peer, series: RemoteSeries
    ) -> AbstractContextManager[Sequence[ReceivedFile]]:
        """As `ArchiveClient.fetch`."""
        from service.dicom import dicomweb_client

        return dicomweb_client.fetch(peer, series, self.scratch, self.max_bytes)
