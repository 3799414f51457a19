"""Who may call, as the database said a moment ago."""

import hmac
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from imaging.errors import Forbidden, TesseraError, Unavailable
from jobs import problem
from jobs.account import DicomSender, KeyHolder
from jobs.identity import Access
from jobs.key_secret import KeySecret
from jobs.repository import Accounts, ApiKeys, DicomSenders, ProjectModels

logger = logging.getLogger("tessera.auth")

REFRESH_S = 1.0
"""How often the database is read."""
MAX_AGE_S = 5.0
"""How old the answer of the database may be. So a key that was revoked works at most this long
elsewhere; usually `REFRESH_S`."""
_MINUTE_S = 60
_NO_HASH = "0" * 64


@dataclass(frozen=True, slots=True)
class Known:
    """What was read at once."""

    accounts: bool
    """Whether there are accounts: without, nobody needs one."""
    holders: Mapping[str, KeyHolder] = field(default_factory=dict)
    """By the prefix of the key."""
    senders: Mapping[str, DicomSender] = field(default_factory=dict)
    """By AE title."""
    people: Mapping[str, Access] = field(default_factory=dict)
    """By login name; without those who are disabled."""
    models: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By project: the names of the models that it may use. A project that is not in it may use
    all."""
    trained: Mapping[str, str] = field(default_factory=dict)
    """By the checksum of the network: the project that trained the model, and is the only one that
    may use it."""
    at: float = field(default_factory=time.monotonic)

    def holder(self, key: KeySecret | None) -> KeyHolder | None:
        """Who holds the key; None if it is not valid. Takes as long for an unknown prefix."""
        holder = None if key is None else self.holders.get(key.prefix)
        stored = _NO_HASH if holder is None else holder.secret_sha256
        same = hmac.compare_digest("" if key is None else key.sha256, stored)
        return holder if same else None

    def person(self, login: str) -> Access:
        """The person whom a proxy names; raises Forbidden for one who may not use the service."""
        access = self.people.get(login)
        if access is None:
            raise Forbidden(
                "The proxy in front of the service names a user who does not exist here, or is "
                "disabled.",
                expected="The login name of a user, as `tessera users list` shows it.",
                hint="Ask an administrator of the service to add you with this login name.",
            )
        return access


class KnownCallers:
    """Reads them again and again on a thread of its own, so that no request waits for it."""

    def __init__(
        self,
        accounts: Accounts,
        keys: ApiKeys,
        senders: DicomSenders,
        models: ProjectModels,
        *,
        closed: bool = False,
    ) -> None:
        """`closed`: everybody needs an account, also if there is none."""
        self._closed = closed
        self._accounts, self._keys, self._senders = accounts, keys, senders
        self._models = models
        self._known: Known | None = None
        self._reading = threading.Lock()
        self._used: dict[str, float | None] = {}
        """Keys that were used since the last look, with the stored time of their last use."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="known-callers", daemon=True)
        self._problem = ""

    def start(self) -> None:
        """Reads once, and starts the thread; raises Unavailable."""
        self.refresh()
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(5.0)

    def refresh(self) -> None:
        """Reads now, such as after a key was created here; raises Unavailable."""
        with self._reading:
            began = time.monotonic()
            known = self._known
            closed = self._closed or (known is not None and known.accounts)
            models, trained = self._models.all(), self._models.trained()
            if not closed and not self._accounts.exist():
                self._known = Known(accounts=False, models=models, trained=trained, at=began)
                return
            holders = {holder.prefix: holder for holder in self._keys.holders()}
            senders = {sender.ae_title: sender for sender in self._senders.all()}
            people = {access.person.login: access for access in self._accounts.active()}
            self._known = Known(True, holders, senders, people, models, trained, began)

    def current(self) -> Known:
        """What is known; raises Unavailable if that is too old, and there are accounts."""
        known = self._known
        if known is None or (known.accounts and time.monotonic() - known.at > MAX_AGE_S):
            raise Unavailable(
                "Callers cannot be checked now: the database does not answer.",
                hint="Try again in a moment.",
            )
        return known

    def limited_models(self) -> Mapping[str, frozenset[str]]:
        """The models that projects may use, as `Known.models`; raises what `current` raises."""
        return self.current().models

    def trained_models(self) -> Mapping[str, str]:
        """The models of single projects, as `Known.trained`; raises what `current` raises."""
        return self.current().trained

    def used(self, holder: KeyHolder) -> None:
        """Notes that a key is used; it is stored by the thread, once a minute."""
        self._used[holder.key] = holder.last_used_at

    def _run(self) -> None:
        while not self._stop.wait(REFRESH_S):
            try:
                self.refresh()
                self._store_use()
            except TesseraError as error:
                self._report(str(error))
            except Exception as error:  # noqa: BLE001 - the thread must go on
                problem.logged(error, logger)
            else:
                self._report("")

    def _store_use(self) -> None:
        used, self._used = self._used, {}
        minute = time.time() // _MINUTE_S * _MINUTE_S
        due = [key for key, last in used.items() if last is None or last < minute]
        if due:
            self._keys.note_use(due)

    def _report(self, reason: str) -> None:
        """Logs an outage once, and its end."""
        if reason and not self._problem:
            logger.warning("Accounts cannot be read: %s", reason)
        elif self._problem and not reason:
            logger.info("Accounts can be read again.")
        self._problem = reason
