"""Among DICOM systems: who the peers are, what they have, what is fetched and what is sent."""

import time
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from imaging.errors import BadRequest
from jobs.delivery import Delivery
from service.parts import OwnerDep, PartsDep
from service.routes import serializers
from service.schemas import (
    UID,
    DeliveriesIn,
    DeliveryOut,
    Identifier,
    PeerOut,
    PullIn,
    ScanOut,
    SeriesOut,
    Text,
)
from service.use_cases.scan_intake import Asked

router = APIRouter(tags=["pacs"])

_Value = Annotated[Text | None, Field(max_length=200)]


class _Filters(BaseModel):
    """What is searched for, by keyword; `*` and `?` as QIDO-RS has them (PS3.18, 8.3.4)."""

    model_config = ConfigDict(extra="forbid")

    PatientID: _Value = None
    PatientName: _Value = None
    AccessionNumber: _Value = None
    StudyInstanceUID: UID | None = None
    StudyDate: Annotated[str | None, Field(pattern=r"^[0-9]{0,8}-?[0-9]{0,8}$")] = None
    StudyDescription: _Value = None
    SeriesInstanceUID: UID | None = None
    SeriesDescription: _Value = None
    Modality: Annotated[str | None, Field(pattern=r"^[A-Z0-9]{1,16}$")] = None
    BodyPartExamined: _Value = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 200


@router.get("/v1/peers")
def list_peers(parts: PartsDep) -> list[PeerOut]:
    """The systems that scans can be fetched from and results sent to."""
    return [serializers.peer_out(peer) for peer in parts.routes.peer]


@router.get("/v1/peers/{name}/series")
async def search_series(
    name: Identifier, filters: Annotated[_Filters, Query()], parts: PartsDep
) -> list[SeriesOut]:
    """Series that a peer has (QIDO-RS). A peer that is away is a 503."""
    from service.dicom import dicomweb_client  # loads for a second

    peer = parts.routes.named(name)
    wanted = filters.model_dump(exclude_none=True, exclude={"limit"})
    return await parts.show(dicomweb_client.search, peer, wanted, filters.limit)


@router.post("/v1/scans/pull", status_code=201)
async def pull_scans(asked: PullIn, parts: PartsDep, project: OwnerDep) -> list[ScanOut]:
    """Fetches a series, or all images of a study, from a peer (WADO-RS): a scan of each volume."""
    from service.dicom import dicomweb_client  # loads for a second

    peer = parts.routes.named(asked.peer)
    wish = Asked(each=True, resample=asked.resample, deidentify=asked.deidentify)
    scans = await parts.take_in(
        dicomweb_client.pull, parts, project, peer, asked.study, asked.series, wish
    )
    return [serializers.scan_out(scan) for scan in scans]


@router.post("/v1/jobs/{job_id}/deliveries", status_code=202)
def deliver(
    job_id: Identifier, asked: DeliveriesIn, parts: PartsDep, project: OwnerDep
) -> list[DeliveryOut]:
    """Has a job's results sent to peers, as soon as it has succeeded; all its deliveries.

    What was sent or failed earlier is sent again: it is the same object, by its UIDs.
    """
    job = parts.repository.jobs.get(project, job_id)
    scan = parts.repository.scans.get(project, job.grid_scan)
    if scan.format != "dicom":
        raise BadRequest(
            "The job's scan is no DICOM: there is nothing that its results could refer to.",
            expected="A job of a DICOM scan.",
            hint="Fetch the mask and send it yourself.",
        )
    names = [parts.routes.named(name).name for name in dict.fromkeys(asked.to)]
    wanted = [
        Delivery(uuid4().hex, job_id, name, form, time.time())
        for name in names
        for form in dict.fromkeys(asked.formats)
    ]
    stored = parts.repository.deliveries.request(project, job_id, wanted)
    return [serializers.delivery_out(one) for one in stored]


@router.get("/v1/jobs/{job_id}/deliveries")
def list_deliveries(job_id: Identifier, parts: PartsDep, project: OwnerDep) -> list[DeliveryOut]:
    """What of a job is to be sent, to whom, and how far that is."""
    return [
        serializers.delivery_out(one) for one in parts.repository.deliveries.of_job(project, job_id)
    ]
