"""Files of the data folder whose time is over: received series, and resumable uploads."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from imaging.errors import NotFound
from jobs.repository import RetentionReports
from jobs.retention.due import Due
from jobs.retention.rule import RetentionKind, RetentionRule
from service.use_cases.received_data import ReceivedData


class DueSeries:
    """Series that were taken in or refused."""

    kind = RetentionKind.INBOX

    def __init__(self, received: ReceivedData, reports: RetentionReports) -> None:
        self._received, self._reports = received, reports

    def due(self, rule: RetentionRule, now: float) -> Iterator[Due]:
        """As `DueScans.due`."""
        for one in self._received.series_of(rule.project):
            due = one.settled and one.newest < now - rule.keep_s
            if due and not self._received.keeps_series(one.path):
                yield Due(str(one.path), one.bytes, one.newest)

    def delete(self, project: str, item: Due, report: str) -> Sequence[str]:
        """As `DueScans.delete`; a series that has grown stays."""
        with suppress(FileNotFoundError):
            series = self._received.series.read(Path(item.id))
            if series.settled and series.newest <= item.at:
                series.remove()
                self._reports.count(report, (project, self.kind), item.bytes, item.at)
        return ()


class DueUploads:
    """Resumable uploads whose last byte arrived long ago."""

    kind = RetentionKind.UPLOADS

    def __init__(self, received: ReceivedData, reports: RetentionReports) -> None:
        self._received, self._reports = received, reports

    def due(self, rule: RetentionRule, now: float) -> Iterator[Due]:
        """As `DueScans.due`."""
        uploads = self._received.uploads
        for upload in self._received.uploads_of(rule.project):
            with suppress(NotFound):
                last = uploads.expires_at(upload) - uploads.limits.keep_s
                if last < now - rule.keep_s and not self._received.keeps_upload(upload):
                    yield Due(upload.id, uploads.offset(upload), last)

    def delete(self, project: str, item: Due, report: str) -> Sequence[str]:
        """As `DueScans.delete`; an upload that has gone on stays."""
        uploads = self._received.uploads
        upload = uploads.get(project, item.id)
        if uploads.expires_at(upload) - uploads.limits.keep_s <= item.at:
            uploads.remove(upload)
            self._reports.count(report, (project, self.kind), item.bytes, item.at)
        return ()
