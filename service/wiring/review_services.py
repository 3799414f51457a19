"""Services for second readings and corrections."""

from service.use_cases.corrected_masks import CorrectedMasks
from service.use_cases.corrections import Corrections
from service.use_cases.deliveries import Deliveries
from service.use_cases.draft_edits import DraftEdits
from service.use_cases.results import Results
from service.use_cases.second_readings import SecondReadings
from service.wiring.parts import Parts
from service.wiring.services import Services


def add_reviews(parts: Parts, services: Services) -> None:
    """Adds second readings, the drafts of corrections, and corrected masks."""
    rows, blobs, scratch = parts.repository, parts.blobs, parts.scratch
    readings = SecondReadings(
        jobs=rows.jobs,
        scans=rows.scans,
        reviews=rows.reviews,
        readings=rows.readings,
        deliveries=services[Deliveries],
        blobs=blobs,
        scratch=scratch,
    )
    masks = CorrectedMasks(services[Deliveries], readings, blobs, scratch)
    drafts = DraftEdits(services[Results], rows.scans, rows.drafts, scratch)
    corrections = Corrections(
        jobs=rows.jobs,
        scans=rows.scans,
        reviews=rows.reviews,
        drafts=rows.drafts,
        masks=masks,
        blobs=blobs,
        scratch=scratch,
        limits=parts.limits,
    )
    services.add(readings, masks, drafts, corrections)
