"""Metrics of a DICOM node, and their values."""

from prometheus_client import CollectorRegistry

from service.resources.dicom_metrics import DicomMetrics


def dicom_metrics(registry: CollectorRegistry | None = None) -> DicomMetrics:
    """Metrics without deliveries."""
    return DicomMetrics(registry or CollectorRegistry())
