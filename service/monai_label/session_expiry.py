"""Session expiry: a background task that ends expired sessions."""

import asyncio
import logging
from contextlib import suppress

from anyio.to_thread import run_sync

from imaging.errors import TesseraError
from jobs import problem
from jobs.audit.event import AuditAction, AuditObject
from jobs.image_name import ImageName
from service.auth import Authenticator, BackgroundTask, Permission, Principal, requires
from service.use_cases.audit_recorder import AuditRecorder, Deed
from service.use_cases.image_sessions import ImageSessions

logger = logging.getLogger("tessera.service")

POLL_S = 30.0


class SessionExpiry:
    """A task of the event loop that ends sessions as they expire."""

    def __init__(
        self, sessions: ImageSessions, authenticator: Authenticator, recorder: AuditRecorder
    ) -> None:
        self._sessions = sessions
        self._recorder = recorder
        self._authenticator = authenticator
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Starts the task; call it in a running event loop."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Cancels the task and waits for its end."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @requires(Permission.SCANS_DELETE)
    def end(self, principal: Principal, session: ImageName) -> None:
        """Ends an expired session."""
        if self._sessions.end(session):
            deleted = ((AuditObject.SESSION, session.name), (AuditObject.SCAN, session.scan))
            self._recorder.done(Deed(principal, AuditAction.DELETION, objects=deleted))

    async def _run(self) -> None:
        while True:
            try:
                expired = await run_sync(self._sessions.expired)
            except TesseraError as error:
                logger.warning("Expired sessions could not be listed yet: %s", error)
            except Exception as error:  # noqa: BLE001 - the task must go on
                problem.logged(error, logger)
            else:
                for session in expired:
                    await run_sync(self._try_to_end, session)
            await asyncio.sleep(POLL_S)

    def _try_to_end(self, session: ImageName) -> None:
        """Ends one session. A failure is logged: the others end, and this one is tried again."""
        task = BackgroundTask("session expiry", session.project)
        try:
            self.end(self._authenticator.authenticate(task), session)
        except TesseraError as error:
            logger.warning("An expired session could not be ended yet: %s", error)
        except Exception as error:  # noqa: BLE001 - the other sessions must end
            problem.logged(error, logger)
