"""Archives: series of DICOM peers are searched for, fetched and taken in."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from imaging.errors import BadInput, BadRequest, NotFound, TesseraError
from jobs.audit.event import AuditAction, AuditObject, AuditOutcome
from jobs.stored_scan import StoredScan
from service.auth import Permission, Principal, requires
from service.resources.peers import OtherImages, Peer, PeerUnavailable
from service.resources.routing_table import RoutingTable
from service.use_cases.audit_recorder import AuditRecorder, Deed
from service.use_cases.received_file import ReceivedFile
from service.use_cases.scan_intake import ScanIntake, ScanSelection

logger = logging.getLogger("tessera.service")

MAX_SERIES = 1000
"""Most series of one search."""
_WITHOUT_IMAGES = ("SEG", "SR", "RTSTRUCT", "RTPLAN", "RTDOSE", "PR", "KO", "DOC", "REG")
"""Modalities that are not fetched with a study."""


@dataclass(frozen=True, slots=True)
class RemoteSeries:
    """A series of a peer, by the keywords of its attributes; empty if the peer gives no value."""

    StudyInstanceUID: str
    SeriesInstanceUID: str
    PatientID: str
    PatientName: str
    StudyDate: str
    StudyDescription: str
    Modality: str
    SeriesDescription: str
    SeriesNumber: str
    BodyPartExamined: str
    NumberOfSeriesRelatedInstances: int | None


class ArchiveClient(Protocol):
    """Port to the peers. Raises PeerUnavailable, PeerRefused, and BadRequest for a peer that
    cannot be searched."""

    def search(self, peer: Peer, filters: Mapping[str, str], limit: int) -> list[RemoteSeries]:
        """Series that match all filters (keyword -> value)."""

    def fetch(
        self, peer: Peer, series: RemoteSeries
    ) -> AbstractContextManager[Sequence[ReceivedFile]]:
        """The instances of a series, in scratch until the end of the block.

        Raises OtherImages if an instance is of another study or series.
        """


@dataclass(frozen=True, slots=True)
class Archives:
    """Searches and fetches."""

    routing: RoutingTable
    client: ArchiveClient
    intake: ScanIntake
    recorder: AuditRecorder

    @requires(Permission.ARCHIVES_SEARCH)
    def search(
        self, principal: Principal, peer: str, filters: Mapping[str, str], limit: int
    ) -> list[RemoteSeries]:
        """Series of the named peer; raises NotFound for an unknown peer."""
        return self.client.search(self._peer(principal, peer), filters, limit)

    @requires(Permission.ARCHIVES_PULL)
    def pull(
        self,
        principal: Principal,
        peer: str,
        study: str | None,
        series: str | None,
        wanted: ScanSelection,
    ) -> list[StoredScan]:
        """Fetches a series, or all image series of a study, and takes them in.

        Raises NotFound if the peer has none, OtherImages if it answers with others, and what intake
        raises; for a study only if none of its series can be taken in.
        """
        return self._pull(principal, self._peer(principal, peer), study, series, wanted)

    @requires(Permission.ARCHIVES_PULL)
    def pull_from_any(self, principal: Principal, series: str) -> None:
        """Takes a series in from the first peer that has it: a scan for each volume.

        Raises NotFound, what `pull` raises, and PeerUnavailable or OtherImages if no other peer has
        the series.
        """
        failure: TesseraError = NotFound(
            "No peer has this series.", hint="GET /v1/peers lists the peers that were searched."
        )
        for peer in self.routing.of(principal.project).peer:
            if peer.dicomweb is None:
                continue
            try:
                self._pull(principal, peer, None, series, ScanSelection(each=True, frames=False))
            except NotFound:
                continue
            except (PeerUnavailable, OtherImages) as error:
                failure = error
            else:
                return
        raise failure

    def _peer(self, principal: Principal, name: str) -> Peer:
        return self.routing.of(principal.project).peer_named(name)

    def _pull(
        self,
        principal: Principal,
        peer: Peer,
        study: str | None,
        series: str | None,
        wanted: ScanSelection,
    ) -> list[StoredScan]:
        with self._other_images_recorded(principal, peer):
            chosen = self._chosen(peer, study, series)
            return self._taken_in(principal.project, peer, chosen, wanted)

    @contextmanager
    def _other_images_recorded(self, principal: Principal, peer: Peer) -> Iterator[None]:
        try:
            yield
        except OtherImages:
            objects = ((AuditObject.PEER, peer.name),)
            self.recorder.done(Deed(principal, AuditAction.UPLOAD, AuditOutcome.FAILED, objects))
            raise

    def _chosen(self, peer: Peer, study: str | None, series: str | None) -> list[RemoteSeries]:
        """The series to fetch; raises OtherImages if the peer lists others than it was asked for:
        a peer that ignores filters lists all that it has."""
        filters = {"StudyInstanceUID": study or "", "SeriesInstanceUID": series or ""}
        filters = {keyword: value for keyword, value in filters.items() if value}
        listed = self.client.search(peer, filters, MAX_SERIES)
        if any(getattr(one, uid) != value for one in listed for uid, value in filters.items()):
            raise other_images(peer)
        found = {(one.StudyInstanceUID, one.SeriesInstanceUID): one for one in listed}
        if series and len(found) > 1:
            raise other_images(peer)
        chosen = [one for one in found.values() if series or one.Modality not in _WITHOUT_IMAGES]
        if not chosen:
            raise NotFound(
                "The peer has no such series.", hint="Search with GET /v1/peers/{name}/series."
            )
        return chosen

    def _taken_in(
        self, project: str, peer: Peer, chosen: Sequence[RemoteSeries], wanted: ScanSelection
    ) -> list[StoredScan]:
        scans: list[StoredScan] = []
        refusal: BadInput | None = None
        for one in chosen:
            try:
                with self.client.fetch(peer, one) as files:
                    result = self.intake.take_in(project, files, wanted)
                scans += [taken.scan for taken in result.taken]
            except BadRequest:
                raise
            except BadInput as error:  # a study may also hold series that are no scan
                logger.warning("A series of a fetched study was refused: %s", error)
                refusal = error
        if refusal is not None and not scans:
            raise refusal
        return scans


def other_images(peer: Peer) -> OtherImages:
    """The error for a peer that lists or sends a study or series that was not requested."""
    return OtherImages(
        f"The peer {peer.name} answered with images of another study or series. "
        "Nothing of them was stored.",
        expected="Only the study or series that was requested.",
        hint="Check the peer: it may ignore search filters, or route requests to a wrong archive.",
    )
