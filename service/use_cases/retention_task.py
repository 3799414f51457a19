"""The background task that applies the rules of retention, and forgets what others deleted."""

import threading

from imaging.errors import Conflict
from jobs.account import FIRST_PROJECT
from jobs.repository import References
from service.auth import Authenticator, BackgroundTask, Permission, Principal, requires
from service.resources.assistant_process import AssistantProcess
from service.resources.polling_task import PollingTask
from service.resources.tile_files import TileFiles
from service.use_cases.retention import Retention

NAME = "retention"


class RetentionTask(PollingTask):
    """A thread that runs `Retention` again and again; of several gateways, one at a time does.

    It also drops tiles and open scans of the gateway whose files no row names any more: another
    gateway or a command has deleted the scan.
    """

    def __init__(
        self,
        retention: Retention,
        references: References,
        tiles: TileFiles,
        assistant: AssistantProcess,
        authenticator: Authenticator,
        interval_s: float,
    ) -> None:
        self._authenticator = authenticator
        self._retention, self._references = retention, references
        self._tiles, self._assistant = tiles, assistant
        self._stopping = threading.Event()
        super().__init__(NAME, interval_s, "Retention works again.")

    def stop(self) -> None:
        """Ends the thread after what it deletes now."""
        self._stopping.set()
        super().stop()

    def step(self) -> bool:
        """Runs once."""
        unused = self._references.unused(self._tiles.contents() | self._assistant.contents())
        self._tiles.forget_contents(unused)
        self._assistant.forget_contents(unused)
        try:
            self.run(self._authenticator.authenticate(BackgroundTask(NAME, FIRST_PROJECT)))
        except Conflict:  # another gateway is at work
            return False
        self._thread.log_once("")
        return False

    @requires(Permission.RETENTION_MANAGE)
    def run(self, _: Principal) -> None:
        """Applies the rules of all projects; raises as `Retention.run`."""
        self._retention.run(NAME, stops=self._stopping.is_set)
