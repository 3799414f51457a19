"""Services that take in scans, find them and show them."""

from service.dicom.archive_client import DicomWebArchives
from service.dicom.peer_probe import DicomPeerProbe
from service.resources.assistant_process import AssistantProcess
from service.resources.dicom_metrics import DicomMetrics
from service.resources.pseudonyms import PseudonymSecrets
from service.resources.tile_files import TileFiles
from service.use_cases.archives import Archives
from service.use_cases.image_sessions import ImageSessions
from service.use_cases.model_fits import ModelFits
from service.use_cases.named_scans import NamedScans
from service.use_cases.peer_health import PeerHealth
from service.use_cases.received_data import ReceivedData
from service.use_cases.same_scans import SameScans
from service.use_cases.scan_intake import ScanIntake
from service.use_cases.scan_removal import ScanRemoval
from service.use_cases.scan_views import ScanViews
from service.use_cases.tiles import Tiles
from service.use_cases.uploaded_masks import UploadedMasks
from service.use_cases.uploaded_scans import UploadedScans
from service.wiring.parts import Parts
from service.wiring.services import Services


def add_scans(parts: Parts, services: Services) -> None:
    """Adds what handles scans and the series and uploads that become scans."""
    rows, blobs, scratch, limits = parts.repository, parts.blobs, parts.scratch, parts.limits
    masks = UploadedMasks(rows.scans, rows.uploaded_masks, blobs, scratch, limits)
    intake = _intake(parts, masks)
    tiles = TileFiles(scratch.folder, parts.settings.tile_bytes)
    assistant = AssistantProcess(parts.settings.assistant_timeout_s)
    removal = ScanRemoval(rows.scans, parts.collector, tiles, assistant)
    services.add(masks, intake, tiles, assistant, removal)
    services.add(
        ScanViews(blobs, scratch, limits),
        Tiles(blobs, scratch, limits, tiles),
        ModelFits(parts.models, blobs, scratch, limits),
    )
    _add_received(parts, services, intake)
    _add_archives(parts, services, intake)
    _add_named(parts, services)


def _intake(parts: Parts, masks: UploadedMasks) -> ScanIntake:
    rows, blobs, scratch, limits = parts.repository, parts.blobs, parts.scratch, parts.limits
    return ScanIntake(
        scans=rows.scans,
        blobs=blobs,
        scratch=scratch,
        limits=limits,
        metrics=parts.metrics,
        same=SameScans(rows.scans, blobs, limits, scratch.folder),
        masks=masks,
        secret=PseudonymSecrets(parts.settings, rows.shared_pseudonyms).of,
    )


def _add_received(parts: Parts, services: Services, intake: ScanIntake) -> None:
    received = ReceivedData.of(parts.settings, parts.repository)
    uploads = received.uploads
    services.add(received, uploads, UploadedScans(uploads, intake, parts.scratch))


def _add_archives(parts: Parts, services: Services, intake: ScanIntake) -> None:
    client = DicomWebArchives(parts.scratch, parts.settings.max_upload_bytes)
    metrics = DicomMetrics(parts.metrics.registry)
    probe = DicomPeerProbe(parts.settings.dicom_ae_title)
    archives = Archives(parts.routing, client, intake, parts.recorder)
    services.add(archives, metrics, PeerHealth(parts.routing, probe, metrics))


def _add_named(parts: Parts, services: Services) -> None:
    rows, intake, removal = parts.repository, services[ScanIntake], services[ScanRemoval]
    services.add(
        NamedScans(rows.image_names, intake, removal, services[Archives]),
        ImageSessions(rows.sessions, rows.image_names, intake, removal),
    )
