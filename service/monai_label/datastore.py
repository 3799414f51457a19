"""The datastore as a whole: its images with their labels, or statistics."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from imaging.formats import registry
from jobs.repository import ImageNames, Jobs, Labels, Scans
from jobs.review import Review
from jobs.stored_scan import StoredScan
from service.auth import Permission, Principal
from service.http.dependencies import provided
from service.http.permissions import Allowed
from service.http.router import Router
from service.monai_label.endpoint import endpoint
from service.monai_label.images import ENDING, facts

router = Router()

ORIGINAL = "original"
"""The tag of a network's own mask."""
NAME = "Tessera"
DESCRIPTION = "The scans of this Tessera, and the masks that readers corrected or drew."
_PAGE = 200

ImageNamesDep = Annotated[ImageNames, provided(ImageNames)]
LabelsDep = Annotated[Labels, provided(Labels)]


@dataclass(frozen=True, slots=True)
class DatastoreListing:
    """Lists images with their labels."""

    scans: Scans
    names: ImageNames
    jobs: Jobs
    labels: Labels

    def objects(self, project: str, reader: str) -> dict[str, Any]:
        """Image name -> the image with its labels, of all the project's scans.

        `reader`: the name of the caller's account; empty without accounts.
        """
        cursor: str | None = None
        objects: dict[str, Any] = {}
        while True:
            scans, cursor = self.scans.page(project, cursor=cursor, limit=_PAGE)
            objects.update(self._page(scans, reader))
            if cursor is None:
                return objects

    def _page(self, scans: Sequence[StoredScan], reader: str) -> Iterator[tuple[str, Any]]:
        ids = [scan.id for scan in scans]
        names, masks = self.names.of_scans(ids), self.jobs.mask_formats(ids)
        labels: dict[str, dict[str, Any]] = {scan_id: {} for scan_id in ids}
        for scan_id, form in masks.items():
            labels[scan_id][ORIGINAL] = {"ext": registry.mask_format(form).file_ending, "info": {}}
        for review in self.labels.newest(ids, reader):
            labels[str(review.scan)][str(review.tag)] = label_out(review)
        for scan in scans:
            image = {"ext": ENDING, "info": facts(scan)}
            yield names.get(scan.id, scan.id), {"image": image, "labels": labels[scan.id]}


@endpoint(router, "GET", "/datastore")
def datastore(
    listing: Annotated[DatastoreListing, provided(DatastoreListing)],
    labels: LabelsDep,
    principal: Annotated[Principal, Allowed(Permission.SCANS_READ)],
    output: Literal["", "all", "train"] = "",
) -> dict[str, Any] | list[Any]:
    """Statistics; `output=all`: all images and labels; `output=train`: [], nothing is trained."""
    if output == "all":
        return {
            "name": NAME,
            "description": DESCRIPTION,
            "images_dir": "",
            "labels_dir": "",
            "objects": listing.objects(principal.project, principal.reader),
        }
    return [] if output == "train" else statistics(labels, principal)


def statistics(labels: Labels, principal: Principal) -> dict[str, Any]:
    """The number of images, of images with a final label, and of images for each tag."""
    counts = labels.counts(principal.project, principal.reader)
    return {"total": counts.total, "completed": counts.completed, "label_tags": counts.tags}


def label_out(review: Review) -> dict[str, Any]:
    """A stored label on the wire."""
    info = {**(review.info or {}), "ts": int(review.created_at)}
    return {"ext": registry.mask_format(str(review.mask_format)).file_ending, "info": info}
