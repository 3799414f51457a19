"""Publications: the models that trainings made are added to the models that jobs can choose."""

import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from imaging.errors import Conflict, TesseraError, Unavailable
from jobs import problem
from jobs.audit.event import AuditAction, AuditObject
from jobs.blobs import Blobs
from jobs.repository import Trainings
from jobs.training import Training
from models.registry import Model, Registry
from service.auth import Authenticator, BackgroundTask, Permission, Principal, requires
from service.resources.polling_task import PollingTask
from service.resources.scratch import Scratch
from service.use_cases.audit_recorder import AuditRecorder


@dataclass(frozen=True, slots=True)
class Publications:
    """Adds new models to the folder of models, which gateways and workers share.

    A model that is not worse than its parent is added by the next gateway that looks. The parent
    stays as it is.
    """

    trainings: Trainings
    registry: Registry
    blobs: Blobs
    scratch: Scratch
    models_folder: Path
    shared: bool
    """The folder is not in the data folder: its own mode says who may read its files."""

    def publish(self, project: str, training_id: str) -> Training:
        """Adds the model of the project's training at once; raises what prevents it.

        Raises NotFound, Conflict where there is no model or its version is in use by another,
        Unavailable where the folder of models cannot be written to.
        """
        training = self.trainings.request_publication(project, training_id)
        self.publish_due(training)
        return self.trainings.get(project, training_id)

    def publish_due(self, training: Training) -> None:
        """Adds the model of a training that is to be published; as `publish`."""
        if training.published_at is not None:
            return
        try:
            self._add(training)
        except TesseraError as error:
            if not (isinstance(error, Unavailable) and error.part):  # tried again soon
                self.trainings.mark_unpublished(training.id, problem.problem_of(error))
            raise
        self.trainings.mark_published(training.id)

    def _add(self, training: Training) -> None:
        with self.scratch.subfolder() as folder:
            with self.blobs.local(training.model_blob or "") as packed:
                shutil.unpack_archive(packed, folder, "zip")
            try:
                model = self.registry.add(folder)
            except Conflict:
                if self._is_added(training):
                    return
                raise
            except OSError as error:
                if self._is_added(training):  # another gateway added it at the same time
                    return
                raise _not_writable(error) from error
            self._let_others_read(model)

    def _is_added(self, training: Training) -> bool:
        """Whether another gateway was first, or this one before it was killed."""
        result = training.result
        checksums = {model.card.checksum for model in self.registry.all()}
        return result is not None and result.sha256 in checksums

    def _let_others_read(self, model: Model) -> None:
        if not self.shared:
            return
        mode = stat.S_IMODE(self.models_folder.stat().st_mode) & 0o777
        model.folder.chmod(mode)
        for file in model.folder.iterdir():
            file.chmod(mode & 0o666)


class PublicationThread(PollingTask):
    """Publishes the models that are to be published; every gateway has one."""

    def __init__(
        self,
        publications: Publications,
        authenticator: Authenticator,
        recorder: AuditRecorder,
        poll_s: float,
    ) -> None:
        self._recorder = recorder
        self._publications, self._authenticator = publications, authenticator
        super().__init__("publisher", poll_s, "New models are published again.")

    def step(self) -> bool:
        """Publishes what is due; always False: it is looked for again after a pause."""
        for training in self._publications.trainings.to_be_published():
            task = BackgroundTask("publisher", training.project)
            self.publish(self._authenticator.authenticate(task), training)
        self._thread.log_once("")
        return False

    @requires(Permission.TRAININGS_MANAGE)
    def publish(self, principal: Principal, training: Training) -> None:
        """Publishes the model of one training."""
        with self._recorder.task(
            principal, AuditAction.CONFIGURATION, (AuditObject.TRAINING, training.id)
        ):
            self._publications.publish_due(training)


def _not_writable(error: OSError) -> Unavailable:
    return Unavailable(
        f"The new model cannot be added to the folder of models: {error.strerror}.",
        expected="A folder of models that the gateway can write to.",
        hint="Give the gateway write access to TESSERA_MODELS and free space there, then publish "
        "the model again.",
    )
