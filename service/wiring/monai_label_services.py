"""Services of the MONAI Label API."""

from service.monai_label.batch_infer import BatchInference
from service.monai_label.datastore import DatastoreListing
from service.monai_label.infer_response import InferResponses
from service.monai_label.label_store import LabelStore
from service.monai_label.segmentation import Segmentations
from service.use_cases.corrected_masks import CorrectedMasks
from service.use_cases.job_status import JobStatuses
from service.use_cases.job_watcher import JobWatcher
from service.use_cases.orders import Orders
from service.use_cases.results import Results
from service.wiring.parts import Parts
from service.wiring.services import Services


def add_monai_label(parts: Parts, services: Services) -> None:
    """Adds what MONAI Label's requests are answered with."""
    rows, orders = parts.repository, services[Orders]
    services.add(
        BatchInference(rows.batches, rows.jobs, rows.scans, rows.labels, parts.models, orders),
        DatastoreListing(rows.scans, rows.image_names, rows.jobs, rows.labels),
        InferResponses(rows.scans, services[Results], parts.blobs, parts.scratch, parts.limits),
        _label_store(parts, services[CorrectedMasks]),
        Segmentations(
            rows.jobs,
            orders,
            services[JobStatuses],
            services[JobWatcher],
            parts.settings.monai_label_wait_s,
        ),
    )


def _label_store(parts: Parts, masks: CorrectedMasks) -> LabelStore:
    rows = parts.repository
    return LabelStore(
        labels=rows.labels,
        reviews=rows.reviews,
        jobs=rows.jobs,
        masks=masks,
        registry=parts.registry,
        blobs=parts.blobs,
        collector=parts.collector,
        scratch=parts.scratch,
        limits=parts.limits,
    )
