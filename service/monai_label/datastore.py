"""The datastore as a whole: its images and their labels, or how many there are."""

from typing import Any, Literal

from fastapi import APIRouter

from imaging.formats.mask_file import SUFFIXES
from jobs.job import Review, StoredScan
from service.monai_label.endpoint import serves
from service.monai_label.images import ENDING, facts
from service.parts import OwnerDep, Parts, PartsDep

router = APIRouter()

ORIGINAL = "original"
"""The tag of a network's own mask."""
NAME = "Tessera"
ABOUT = "The scans of this Tessera, and the masks that readers corrected or drew."
_PAGE = 200


@serves(router, "GET", "/datastore")
def datastore(
    parts: PartsDep, project: OwnerDep, output: Literal["", "all", "train"] = ""
) -> dict[str, Any] | list[Any]:
    """All images and labels; with `output=train` nothing, as nobody trains here; else counts."""
    if output == "all":
        objects = {image: value for page in _pages(parts, project) for image, value in page.items()}
        return {
            "name": NAME,
            "description": ABOUT,
            "images_dir": "",
            "labels_dir": "",
            "objects": objects,
        }
    return [] if output == "train" else statistics(parts, project)


def statistics(parts: Parts, project: str) -> dict[str, Any]:
    """How many images there are, and how many a reader is done with."""
    found = parts.repository.labels.counts(project)
    return {"total": found.total, "completed": found.completed, "label_tags": found.tags}


def _pages(parts: Parts, project: str) -> Any:
    cursor: str | None = None
    while True:
        scans, cursor = parts.repository.scans.page(project, cursor=cursor, limit=_PAGE)
        yield _objects(parts, scans)
        if cursor is None:
            return


def _objects(parts: Parts, scans: list[StoredScan]) -> dict[str, Any]:
    ids = [scan.id for scan in scans]
    called, masks = (
        parts.repository.image_names.of_scans(ids),
        parts.repository.jobs.mask_formats(ids),
    )
    labels: dict[str, dict[str, Any]] = {scan_id: {} for scan_id in ids}
    for scan_id, form in masks.items():
        labels[scan_id][ORIGINAL] = {"ext": SUFFIXES[form], "info": {}}
    for review in parts.repository.labels.newest(ids):
        labels[str(review.scan)][str(review.tag)] = label_out(review)
    return {
        called.get(scan.id, scan.id): {
            "image": {"ext": ENDING, "info": facts(scan)},
            "labels": labels[scan.id],
        }
        for scan in scans
    }


def label_out(review: Review) -> dict[str, Any]:
    """A stored label on the wire."""
    info = {**(review.info or {}), "ts": int(review.created_at)}
    return {"ext": SUFFIXES[str(review.mask_format)], "info": info}
