"""A DICOM receiver and its inbox in this process."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from jobs.settings import Settings
from service.auth import LocalAdministrator
from service.dicom.series_inbox import SeriesInbox
from service.dicom.storage_scp import StorageScp
from service.resources.routing_table import Caller
from service.use_cases.audit_recorder import AuditRecorder
from tests.support.dicom.metrics import dicom_metrics
from tests.support.ports import free_port


class Receiver:
    """Listens until `close`."""

    def __init__(
        self, folder: Path, callers: Sequence[Caller] = (), commitments: Any = None, **changes: Any
    ) -> None:
        """`changes` are settings."""
        self.port = free_port()
        values = {"data": folder, "dicom_port": self.port, "dicom_series_idle_s": 0.2, **changes}
        self.settings = Settings(**values)
        self.inbox = SeriesInbox(self.settings)
        self.registry = CollectorRegistry()
        self.scp = StorageScp(
            self.settings,
            self.inbox,
            LocalAdministrator(),
            commitments,
            dicom_metrics(self.registry),
            AuditRecorder(None),
            callers=callers,
        )

    def close(self) -> None:
        self.scp.stop()
        self.inbox.close()

    def files(self) -> list[Path]:
        return sorted((self.settings.data / "inbox").rglob("*.dcm"))

    def refusals(self, reason: str) -> float:
        """How often something was refused for this reason."""
        labels = {"reason": reason}
        return self.registry.get_sample_value("tessera_dicom_refusals_total", labels) or 0.0
