"""Session expiry: a background task that ends expired sessions."""

import asyncio
import logging
from contextlib import suppress

from anyio.to_thread import run_sync

from imaging.errors import TesseraError
from jobs import problem
from jobs.image_name import ImageName
from service.auth import Authenticator, BackgroundTask, Permission, Principal, requires
from service.use_cases.image_sessions import ImageSessions

logger = logging.getLogger("tessera.service")

POLL_S = 30.0


class SessionExpiry:
    """A task of the event loop that ends sessions as they expire."""

    def __init__(self, sessions: ImageSessions, authenticator: Authenticator) -> None:
        self._sessions = sessions
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
    def end(self, _: Principal, session: ImageName) -> None:
        """Ends an expired session."""
        self._sessions.end(session)

    async def _run(self) -> None:
        while True:
            try:
                await run_sync(self._end_expired)
            except TesseraError as error:
                logger.warning("Expired sessions could not be ended yet: %s", error)
            except Exception as error:  # noqa: BLE001 - the task must go on
                problem.logged(error, logger)
            await asyncio.sleep(POLL_S)

    def _end_expired(self) -> None:
        for session in self._sessions.expired():
            task = BackgroundTask("session expiry", session.project)
            self.end(self._authenticator.authenticate(task), session)
