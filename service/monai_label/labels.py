"""Labels of the datastore: what readers corrected or drew, and the networks' own masks."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Any
from uuid import uuid4

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response

from imaging.errors import BadRequest, NotFound, Unavailable
from imaging.formats.mask_file import SUFFIXES, write
from imaging.formats.png_write import LARGEST_IN_PNG
from imaging.formats.sniff import open_scan
from jobs.job import Job, Review, StoredScan
from jobs.repository import FINAL
from models.card import ModelCard
from service.monai_label import image_names, label_map
from service.monai_label.datastore import ORIGINAL, label_out
from service.monai_label.endpoint import serves
from service.monai_label.form import received
from service.parts import OwnerDep, Parts, PartsDep
from service.use_cases import results

router = APIRouter()
logger = logging.getLogger("tessera.service")

_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")


@dataclass(frozen=True, slots=True)
class _Stored:
    sha256: str
    format: str


@serves(router, "PUT", "/datastore/label")
async def put_label(
    request: Request, image: str, parts: PartsDep, project: OwnerDep, tag: str = FINAL
) -> dict[str, str]:
    """Stores a label map as a review with the verdict `corrected`; see docs/monai-label.md."""
    scan = await run_sync(image_names.image, parts, project, image)
    checked = _own(tag)
    async with received(request, parts) as form:
        sent, params = form.upload("label").path, form.json("params")
        await parts.take_in(_save, parts, scan, checked, sent, params)
    return {"image": image, "label": image}


@serves(router, "GET", "/datastore/label")
async def get_label(label: str, parts: PartsDep, project: OwnerDep, tag: str = FINAL) -> Response:
    """A label map as it is stored, on its image's grid: NIfTI of a volume, PNG of a picture."""
    scan = await run_sync(image_names.image, parts, project, label)
    found = await run_sync(_mask, parts, scan, tag)
    name = f"{scan.id}{SUFFIXES[found.format]}"
    kind = results.MEDIA[found.format]
    return await parts.show(results.stored, parts, found.sha256, name, kind, found.sha256)


@serves(router, "HEAD", "/datastore/label")
async def head_label(image: str, parts: PartsDep, project: OwnerDep, tag: str = FINAL) -> Response:
    """Whether there is such a label; asked by the image's name."""
    scan = await run_sync(image_names.image, parts, project, image)
    found = await run_sync(_mask, parts, scan, tag)
    answer = Response(media_type=results.MEDIA[found.format])
    del answer.headers["content-length"]  # that of the file
    return answer


@serves(router, "GET", "/datastore/label/info")
def get_label_info(
    label: str, parts: PartsDep, project: OwnerDep, tag: str = FINAL
) -> dict[str, Any]:
    """What was sent with a label map."""
    scan = image_names.image(parts, project, label)
    if tag == ORIGINAL:
        job = _made(parts, scan)[0]
        return {"model": job.model, "version": job.model_version, "ts": int(job.finished_at or 0)}
    info: dict[str, Any] = label_out(parts.repository.labels.get(project, scan.id, _own(tag)))[
        "info"
    ]
    return info


@serves(router, "PUT", "/datastore/label/info")
async def put_label_info(
    request: Request, label: str, parts: PartsDep, project: OwnerDep, tag: str = FINAL
) -> dict[str, str]:
    """Replaces what is kept with a label map."""
    return await _noted(request, "info", label, tag, parts, project)


@serves(router, "PUT", "/datastore/updatelabelinfo")
async def update_label_info(
    request: Request, label: str, parts: PartsDep, project: OwnerDep, tag: str = FINAL
) -> dict[str, str]:
    """The same, by its older name and with its older field."""
    return await _noted(request, "params", label, tag, parts, project)


@serves(router, "DELETE", "/datastore/label")
def delete_label(id: str, parts: PartsDep, project: OwnerDep, tag: str = FINAL) -> dict[str, str]:  # noqa: A002 - the word on the wire
    """Deletes what readers drew under a tag, and the reviews that held it."""
    scan = image_names.image(parts, project, id)
    unnamed = parts.repository.labels.delete(project, scan.id, _own(tag))
    try:
        parts.collector.take(unnamed)
    except Unavailable as error:  # the label is gone; its file goes as soon as it can
        logger.warning("Files of a deleted label wait for the sweeper: %s", error)
    return {}


async def _noted(
    request: Request, field: str, label: str, tag: str, parts: Parts, project: str
) -> dict[str, str]:
    scan = await run_sync(image_names.image, parts, project, label)
    found = await run_sync(parts.repository.labels.get, project, scan.id, _own(tag))
    async with received(request, parts) as form:
        await run_sync(parts.repository.labels.set_info, found.id, form.json(field))
    return {}


def _save(
    parts: Parts, scan: StoredScan, tag: str, sent: Path, params: Mapping[str, Any]
) -> Review:
    """Proves the label map, stores its file, then its review: visible last."""
    called = label_map.names_of(params)
    with parts.blobs.local(scan.sha256) as source:
        opened = open_scan(source, parts.limits, parts.scratch.folder)
        numbers = label_map.read(sent, opened, parts.limits, parts.scratch.folder)
        drawn = label_map.fitted(numbers, called, _known(parts, scan))
        form = _form(opened.dimension, int(drawn.numbers.max(initial=0)))
        with parts.scratch.file(SUFFIXES[form]) as path:
            write(path, drawn.numbers, opened)
            sha256 = parts.blobs.put(path, move=True)
    review = Review(
        id=uuid4().hex,
        job=drawn.job.id if drawn.job else None,
        verdict="corrected",
        comment="",
        reviewer=str(params.get("client_id") or "")[:200].replace("\0", ""),
        created_at=time(),
        mask_sha256=sha256,
        mask_format=form,
        scan=scan.id,
        tag=tag,
        info=dict(params),
    )
    return parts.repository.reviews.add(scan.project, review)


def _known(parts: Parts, scan: StoredScan) -> list[tuple[Job, ModelCard]]:
    """The jobs that made a mask of this scan, newest first, as far as their models are here."""
    cards = {model.card.sha256: model.card for model in parts.registry.all()}
    made = parts.repository.jobs.succeeded_on(scan.project, scan.id)
    return [(job, cards[job.model_sha256]) for job in made if job.model_sha256 in cards]


def _mask(parts: Parts, scan: StoredScan, tag: str) -> _Stored:
    if tag == ORIGINAL:
        job = _made(parts, scan)[0]
        return _Stored(str(job.mask_sha256), str(job.mask_format))
    review = parts.repository.labels.get(scan.project, scan.id, _own(tag))
    return _Stored(str(review.mask_sha256), str(review.mask_format))


def _made(parts: Parts, scan: StoredScan) -> list[Job]:
    made = parts.repository.jobs.succeeded_on(scan.project, scan.id)
    if not made:
        raise NotFound("No network made a mask of this image yet.", hint="Run an inference first.")
    return made


def _form(dimension: int, largest: int) -> str:
    if dimension == 3:
        return "nifti"
    return "png" if largest <= LARGEST_IN_PNG else "ome-tiff"


def _own(tag: str) -> str:
    """A tag under which readers' labels lie; raises BadRequest for any other."""
    tag = tag or FINAL
    if _TAG.fullmatch(tag) and tag != ORIGINAL:
        return tag
    raise BadRequest(
        "No label of a reader can be kept under this tag.",
        expected=f"`{FINAL}`, or letters and digits of your own, not `{ORIGINAL}`: that is the "
        "network's own mask.",
        hint="Leave the tag out.",
    )
