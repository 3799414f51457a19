"""Scan removal: a scan is deleted with its jobs, masks and reviews, then their files."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from imaging.errors import TesseraError
from jobs.blob_collector import BlobCollector
from jobs.repository import Scans
from service.resources.assistant_process import AssistantProcess
from service.resources.tile_files import TileFiles

logger = logging.getLogger("tessera.service")


@dataclass(frozen=True, slots=True)
class ScanRemoval:
    """Deletes scans."""

    scans: Scans
    collector: BlobCollector
    tiles: TileFiles
    assistant: AssistantProcess

    def delete(self, project: str, scan_id: str) -> None:
        """Deletes a scan with its finished jobs, and every blob that no row refers to any more.

        Raises NotFound, and Conflict while a job that uses the scan is not final.
        """
        unused = self.scans.delete(project, scan_id)
        self.tiles.forget_contents(unused)
        self.assistant.forget_contents(unused)
        delete_blobs(self.collector, unused)


def delete_blobs(collector: BlobCollector, unused: Sequence[str]) -> None:
    """Deletes blobs whose rows are gone; if the store is unavailable, the sweeper does it later.

    A blob that was stored a moment ago, perhaps for another upload, is left to the sweeper too.
    """
    try:
        collector.delete_unused(unused)
    except TesseraError as error:
        logger.warning("The sweeper will delete the files of a deleted scan or label: %s", error)
