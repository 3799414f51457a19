"""When a request is sent again."""

import random
import time
from dataclasses import dataclass

from tessera_client.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Retries:
    """How long, and how often, a server that does not respond is tried again.

    The pauses double, with a random part, so that many clients do not return at the same moment.
    Only requests that have the same effect when they are sent twice are repeated.
    """

    total_s: float = 120.0
    """Time in seconds that is spent on retries before an operation fails. An upload or a wait that
    makes progress starts anew. 0: nothing is retried."""
    first_pause_s: float = 0.25
    """About the first pause, in seconds."""
    longest_pause_s: float = 10.0
    """About the longest pause, in seconds. A longer `Retry-After` of the server is honoured."""
    first_contact_s: float = 3.0
    """As `total_s`, while the server refuses connections and has not responded to this client yet:
    its address may be wrong."""


class Tries:
    """The tries of one operation."""

    def __init__(self, retries: Retries) -> None:
        self._retries = retries
        self.reset()

    def reset(self) -> None:
        """The operation has made progress: its time starts anew."""
        self._failed_since: float | None = None
        self._failures = 0

    def pause_s(self, failure: Unavailable) -> float | None:
        """The pause before the next try, in seconds; None if the time is over."""
        now = time.monotonic()
        if self._failed_since is None:
            self._failed_since = now
        policy = self._retries
        limit = policy.first_contact_s if failure.first_contact else policy.total_s
        about = min(policy.longest_pause_s, policy.first_pause_s * 2.0 ** min(self._failures, 16))
        self._failures += 1
        pause = max(about * random.uniform(0.5, 1.0), failure.retry_after_s)  # noqa: S311
        return pause if now + pause < self._failed_since + limit else None
