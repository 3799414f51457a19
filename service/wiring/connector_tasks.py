"""Tasks that exchange data with other systems: the DICOM node and webhooks."""

from service.dicom.node import DicomNode, NodeParts
from service.resources.dicom_metrics import DicomMetrics
from service.resources.webhook_metrics import WebhookMetrics
from service.use_cases.orders import Orders
from service.use_cases.received_data import ReceivedData
from service.use_cases.result_files import ResultFiles
from service.use_cases.scan_intake import ScanIntake
from service.use_cases.storage_room import StorageRoom
from service.webhooks.announcer import WebhookAnnouncer
from service.webhooks.message_sender import MessageSender, SenderParts
from service.wiring.parts import Parts
from service.wiring.services import Services
from service.wiring.task import Task


def connector_tasks(parts: Parts, services: Services) -> list[Task]:
    """The DICOM node, the announcer of webhook messages, and a sender for each webhook; not
    started."""
    return [_dicom_node(parts, services), *_webhooks(parts)]


def _dicom_node(parts: Parts, services: Services) -> DicomNode:
    rows = parts.repository
    return DicomNode(
        NodeParts(
            settings=parts.settings,
            routing=parts.routing,
            intake=services[ScanIntake],
            orders=services[Orders],
            jobs=rows.jobs,
            deliveries=rows.deliveries,
            commitments=rows.commitments,
            reviews=rows.reviews,
            results=services[ResultFiles],
            scratch=parts.scratch,
            authenticator=parts.access.authenticator,
            room=services[StorageRoom],
            metrics=services[DicomMetrics],
            recorder=parts.recorder,
            received=services[ReceivedData],
        )
    )


def _webhooks(parts: Parts) -> list[Task]:
    rows, endpoints = parts.repository.webhooks, parts.routing.webhook
    authenticator, poll_s = parts.access.authenticator, parts.settings.sweep_interval_s
    announcer = WebhookAnnouncer(
        rows,
        parts.repository.reading_stages,
        endpoints,
        authenticator,
        poll_s,
        parts.settings.webhook_keep_s,
    )
    shared = SenderParts(rows, authenticator, WebhookMetrics(parts.metrics.registry), poll_s)
    senders: list[Task] = [MessageSender(shared, endpoint) for endpoint in endpoints]
    return [announcer, *senders]
