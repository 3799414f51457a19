"""Archives: DICOM peers are listed, searched, fetched from and sent to."""

from typing import Annotated

from fastapi import Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from jobs.audit.event import AuditObject
from service.auth import Permission, Principal
from service.http.audited import AuditedDep
from service.http.dependencies import (
    ArchivesDep,
    DeliveriesDep,
    PeerHealthDep,
    PeerThreadsDep,
    RoutingTableDep,
)
from service.http.fetch_site import check_not_from_other_site
from service.http.permissions import Allowed
from service.http.router import Router
from service.http.threads import PeerWork
from service.resources.routing_table import RoutingTable
from service.routes.delivery_serializers import delivery_out, peer_out
from service.routes.scan_serializers import scan_out
from service.schemas import (
    UID,
    DeliveriesIn,
    DeliveryOut,
    Health,
    JobId,
    PeerName,
    PeerOut,
    PullIn,
    ScanOut,
    Text,
)
from service.use_cases.archives import MAX_SERIES, RemoteSeries
from service.use_cases.peer_health import OK
from service.use_cases.scan_intake import ScanSelection

router = Router(tags=["archives"])

_Value = Annotated[Text | None, Field(max_length=200)]


class SeriesFilters(BaseModel):
    """Search terms by keyword; `*` and `?` are wildcards as in QIDO-RS (PS3.18, 8.3.4)."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    PatientID: _Value = None
    """Patient's identifier (0010,0020)."""
    PatientName: _Value = None
    """Patient's name (0010,0010), as family^given."""
    AccessionNumber: _Value = None
    """Number of the order (0008,0050)."""
    StudyInstanceUID: UID | None = None
    """UID of the study (0020,000D)."""
    StudyDate: Annotated[str | None, Field(pattern=r"^[0-9]{0,8}-?[0-9]{0,8}$")] = None
    """Date of the study (0008,0020), YYYYMMDD, or a range YYYYMMDD-YYYYMMDD with open ends."""
    StudyDescription: _Value = None
    """Description of the study (0008,1030)."""
    SeriesInstanceUID: UID | None = None
    """UID of the series (0020,000E)."""
    SeriesDescription: _Value = None
    """Description of the series (0008,103E)."""
    Modality: Annotated[str | None, Field(pattern=r"^[A-Z0-9]{1,16}$")] = None
    """Modality of the series (0008,0060), such as MR."""
    BodyPartExamined: _Value = None
    """Body part (0018,0015)."""
    limit: Annotated[int, Field(ge=1, le=MAX_SERIES)] = 200
    """Largest number of series in the response."""


_Searcher = Annotated[Principal, Allowed(Permission.ARCHIVES_SEARCH)]
_CALLS_A_PEER = [Depends(check_not_from_other_site)]


@router.get("/v1/peers")
def list_peers(routing: RoutingTableDep, principal: _Searcher) -> list[PeerOut]:
    """The DICOM systems that scans can be fetched from and results sent to."""
    return [peer_out(peer) for peer in routing.of(principal.project).peer]


@router.get(
    "/v1/peers/{name}/health",
    dependencies=_CALLS_A_PEER,
    responses={503: {"model": Health, "description": "The peer does not answer as it should."}},
)
async def check_peer(
    name: PeerName,
    response: Response,
    health: PeerHealthDep,
    routing: RoutingTableDep,
    threads: PeerThreadsDep,
    principal: _Searcher,
) -> Health:
    """Asks a peer whether it answers, by C-ECHO and QIDO-RS; a 503 says what is wrong."""
    _check_known(routing, principal, name)
    parts = dict(await threads.run(name, PeerWork.PROBE, health.check, principal, name))
    if set(parts.values()) == {OK}:
        return Health(status="ok", parts=parts)
    response.status_code = 503
    return Health(status="unavailable", parts=parts)


@router.get("/v1/peers/{name}/series", dependencies=_CALLS_A_PEER)
async def search_series(
    name: PeerName,
    filters: Annotated[SeriesFilters, Query()],
    archives: ArchivesDep,
    routing: RoutingTableDep,
    threads: PeerThreadsDep,
    principal: _Searcher,
) -> list[RemoteSeries]:
    """Series of a peer (QIDO-RS). A peer that does not answer is a 503, one that is too slow a
    504."""
    _check_known(routing, principal, name)
    terms = filters.model_dump(exclude_none=True, exclude={"limit"})
    return await threads.run(
        name, PeerWork.SEARCH, archives.search, principal, name, terms, filters.limit
    )


@router.post("/v1/scans/pull", status_code=201)
async def pull_scans(
    body: PullIn,
    archives: ArchivesDep,
    routing: RoutingTableDep,
    threads: PeerThreadsDep,
    audited: AuditedDep,
    principal: Annotated[Principal, Allowed(Permission.ARCHIVES_PULL)],
) -> list[ScanOut]:
    """Fetches a series, or all images of a study, from a peer (WADO-RS): a scan for each volume."""
    _check_known(routing, principal, body.peer)
    wanted = ScanSelection(
        each=True, frames=False, resample=body.resample, deidentify=body.deidentify
    )
    scans = await threads.run(
        body.peer,
        PeerWork.IMPORT,
        archives.pull,
        principal,
        body.peer,
        body.study,
        body.series,
        wanted,
    )
    audited.add(AuditObject.SCAN, *(scan.id for scan in scans))
    return [scan_out(scan) for scan in scans]


@router.post("/v1/jobs/{job_id}/deliveries", status_code=202)
def request_deliveries(
    job_id: JobId,
    body: DeliveriesIn,
    deliveries: DeliveriesDep,
    principal: Annotated[Principal, Allowed(Permission.DELIVERIES_WRITE)],
) -> list[DeliveryOut]:
    """Sends a job's results to peers as soon as it has succeeded; returns all its deliveries.

    Results that were sent before, or failed, are sent again: the same objects with the same UIDs.
    `review` is the id of a review with a corrected mask, which is then sent instead of the job's.
    """
    rows = deliveries.request(
        principal.project, job_id, body.to, body.formats, body.review, principal.reader
    )
    return [delivery_out(row) for row in rows]


@router.get("/v1/jobs/{job_id}/deliveries")
def list_deliveries(
    job_id: JobId,
    deliveries: DeliveriesDep,
    principal: Annotated[Principal, Allowed(Permission.DELIVERIES_READ)],
) -> list[DeliveryOut]:
    """The deliveries of a job: to which peer, in which format, in which state."""
    return [
        delivery_out(row) for row in deliveries.of_job(principal.project, job_id, principal.reader)
    ]


def _check_known(routing: RoutingTable, principal: Principal, peer: str) -> None:
    """Raises NotFound unless the peer is known to the project: before the request waits for others,
    which would tell that another project uses the peer."""
    routing.of(principal.project).peer_named(peer)
