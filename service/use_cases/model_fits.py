"""Model fits: which models suit a stored scan."""

from dataclasses import dataclass
from math import prod

from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan
from jobs.blobs import Blobs
from jobs.stored_scan import StoredScan
from models.model_fit import ModelFit, ranked
from service.resources.scratch import Scratch
from service.resources.usable_models import UsableModels

_MOST_VOXELS = 1 << 28
"""Of larger scans, only the header is compared: to read their voxels takes minutes."""


@dataclass(frozen=True, slots=True)
class ModelFits:
    """Compares stored scans with the cards of the models."""

    models: UsableModels
    blobs: Blobs
    scratch: Scratch
    limits: Limits

    def of(self, stored: StoredScan) -> list[ModelFit]:
        """The models of the scan's project for scans of this dimension, the best one first."""
        cards = [model.card for model in self.models.all(stored.project)]
        with self.blobs.local(stored.sha256) as path, self.scratch.subfolder() as folder:
            scan = open_scan(path, self.limits, folder)
            return ranked(scan, cards, read_values=prod(scan.shape) <= _MOST_VOXELS)
