"""The audit recorder: what principals did becomes events of the audit trail."""

import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass

from imaging.errors import Forbidden, Unauthenticated, Unavailable
from jobs.audit.event import AuditAction, AuditEvent, AuditObject, AuditOutcome
from jobs.repository import Audit
from jobs.settings import Settings
from service.auth import Principal
from service.resources.address_group import address_group
from service.resources.audit_key import audit_signer
from service.resources.audit_writer import AuditWriter
from service.resources.recent_keys import RecentKeys

logger = logging.getLogger("tessera.audit")

REPEAT_S = 600.0
"""Repeated views of an object by the same principal within this time are one event."""
_MOST_REPEATS = 20_000
_SIGN_IN = (AuditAction.SIGN_IN, AuditAction.LOCK_OUT)
WAIT_S = 10.0
"""How long a task waits until its event is stored."""

Object = tuple[AuditObject, str]
"""Kind and id."""
NO_OBJECT: Object = (AuditObject.NONE, "")


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody did, or tried to do."""

    principal: Principal
    action: AuditAction
    outcome: AuditOutcome = AuditOutcome.SUCCESS
    objects: Sequence[Object] = (NO_OBJECT,)
    """There is one event for each of them."""
    origin: str = ""
    destination: str = ""
    request: str = ""

    def events(self) -> list[AuditEvent]:
        """The events, with the time of now."""
        now_ms = int(time.time() * 1000)
        return [
            AuditEvent(
                time_ms=now_ms,
                action=self.action,
                principal=self.principal.name,
                project=self.principal.project,
                outcome=self.outcome,
                object_kind=kind,
                object_id=object_id,
                origin=self.origin,
                destination=self.destination,
                request=self.request,
            )
            for kind, object_id in self.objects
        ]


class AuditRecorder:
    """Records deeds; without a writer, it records nothing."""

    def __init__(self, writer: AuditWriter | None) -> None:
        self._writer = writer
        self._repeats = RecentKeys(REPEAT_S, _MOST_REPEATS)

    def note(self, deed: Deed, *, repeats: bool = False) -> None:
        """Records a deed within half a second; with `repeats` only if it is no repetition."""
        if self._writer is not None and (not repeats or self._is_new(deed)):
            self._writer.add(deed.events())

    def store(self, deed: Deed, *, repeats: bool = False) -> "Future[bool] | None":
        """Records a deed at once; see `AuditWriter.write`. None: there is nothing to wait for."""
        if self._writer is None or (repeats and not self._is_new(deed)):
            return None
        return self._writer.write(deed.events())

    def done(self, deed: Deed) -> None:
        """Records a deed, and returns when it is stored."""
        written = self.store(deed)
        if written is not None:
            try:
                written.result(WAIT_S)
            except TimeoutError:
                logger.warning("An event of the audit trail is not stored yet.")

    @contextmanager
    def task(self, principal: Principal, action: AuditAction, object_: Object) -> Iterator[None]:
        """A block that is recorded when it ends, as a success or with the outcome of its error.

        One that a part was unavailable for is tried again later, and not recorded.
        """
        try:
            yield
        except Unavailable:
            raise
        except Exception as error:
            self.done(Deed(principal, action, outcome_of(error), (object_,)))
            raise
        self.done(Deed(principal, action, objects=(object_,)))

    def _is_new(self, deed: Deed) -> bool:
        """Attempts of nobody in particular differ only by the address that they come from, and
        attempts to sign in by the account, too. An AE title before the address may be invented."""
        known = deed.principal.name
        objects = tuple(deed.objects) if known or deed.action in _SIGN_IN else ()
        origin = deed.origin if known else address_group(deed.origin.rpartition("@")[2])
        key = (known, deed.principal.project, deed.action, deed.outcome, objects, origin)
        return self._repeats.is_new(key)


@contextmanager
def recording(settings: Settings, audit: Audit) -> Iterator[AuditRecorder]:
    """The recorder of this process, whose events are stored until the end of the block. It records
    nothing where the settings turn the audit trail off."""
    if not settings.audit:
        yield AuditRecorder(None)
        return
    writer = AuditWriter(audit, audit_signer(settings))
    writer.start()
    try:
        yield AuditRecorder(writer)
    finally:
        writer.stop()


def outcome_of(error: Exception) -> AuditOutcome:
    """Denied for an error of permissions, else failed."""
    if isinstance(error, (Forbidden, Unauthenticated)):
        return AuditOutcome.DENIED
    return AuditOutcome.FAILED
