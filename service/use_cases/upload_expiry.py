"""Upload expiry: a background task that deletes uploads that nobody finished."""

from collections.abc import Callable

from jobs.audit.event import AuditAction, AuditObject
from service.auth import Authenticator, BackgroundTask, Permission, Principal, requires
from service.resources.partial_uploads import PartialUpload, PartialUploads
from service.resources.polling_task import PollingTask
from service.use_cases.audit_recorder import AuditRecorder

POLL_S = 30.0


class UploadExpiry(PollingTask):
    """A thread that deletes uploads as they expire, except those under a legal hold."""

    def __init__(
        self,
        uploads: PartialUploads,
        authenticator: Authenticator,
        recorder: AuditRecorder,
        keeps: Callable[[PartialUpload], bool] = lambda _: False,
    ) -> None:
        """`keeps`: whether an upload must stay though it has expired."""
        self._uploads, self._keeps = uploads, keeps
        self._recorder = recorder
        self._authenticator = authenticator
        super().__init__("upload expiry", POLL_S, "Expired uploads are deleted again.")

    @requires(Permission.SCANS_WRITE)
    def delete(self, principal: Principal, upload: PartialUpload) -> None:
        """Deletes an expired upload."""
        with self._recorder.task(principal, AuditAction.DELETION, (AuditObject.UPLOAD, upload.id)):
            self._uploads.remove(upload)

    def step(self) -> bool:
        """Deletes what has expired; always False: it is looked for again after a pause."""
        for upload in self._uploads.expired():
            if self._keeps(upload):
                continue
            task = BackgroundTask("upload expiry", upload.project)
            self.delete(self._authenticator.authenticate(task), upload)
        self._thread.log_once("")
        return False
