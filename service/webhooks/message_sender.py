"""The message sender: posts signed messages to an endpoint, and tries again with growing waits."""

import logging
import random
import time
from dataclasses import dataclass
from importlib.metadata import version

from imaging.errors import Conflict, TesseraError
from jobs import problem, repository, tracing
from jobs.webhook import MAX_ATTEMPTS, WebhookMessage, wait_s
from service.auth import Authenticator, BackgroundTask, Permission, Principal, requires
from service.resources.polling_task import PollingTask
from service.resources.webhook_endpoint import WebhookEndpoint
from service.resources.webhook_metrics import WebhookMetrics
from service.webhooks.http_post import EndpointUnavailable, post

logger = logging.getLogger("tessera.webhooks")

LEASE_MARGIN_S = 60.0
"""For the look-up of the name and the database, beyond the time of the endpoint."""
_GONE = 410
"""The receiver wants no more messages (RFC 9110, 15.5.11)."""


@dataclass(frozen=True, slots=True)
class SenderParts:
    """What all message senders share."""

    rows: repository.Webhooks
    authenticator: Authenticator
    metrics: WebhookMetrics
    poll_s: float


class MessageSender(PollingTask):
    """A thread for one endpoint, so that a slow or silent endpoint delays no other."""

    def __init__(self, parts: SenderParts, endpoint: WebhookEndpoint) -> None:
        self._parts = parts
        self._endpoint = endpoint
        super().__init__(
            f"message-sender-{endpoint.name}",
            parts.poll_s,
            f"The webhook {endpoint.name} receives messages again.",
        )

    def step(self) -> bool:
        """Sends one message that is due; False if there is none. Raises Unavailable."""
        message = self._parts.rows.claim(
            self._endpoint.name, self._endpoint.timeout_s + LEASE_MARGIN_S
        )
        if message is None:
            return False
        if not self._endpoint.serves(message.project):
            self._bury(message, _not_for(self._endpoint), None)
            return True
        try:
            status = self._send_as_task(message)
        except TesseraError as error:
            self._failed(message, error, None)
        except Exception as error:  # noqa: BLE001 - the next message may be sendable
            problem.logged(error, logger)
            self._failed(message, EndpointUnavailable("The message could not be sent."), None)
        else:
            if _is_delivered(status):
                self._parts.rows.mark_delivered(message, status)
                self._parts.metrics.attempted(self._endpoint.name, "delivered")
                self._thread.log_once("")
            else:
                self._failed(message, _refused(status), status)
        return True

    @requires(Permission.WEBHOOKS_WRITE)
    def send(self, _: Principal, message: WebhookMessage) -> int:
        """Posts a message; returns the status of the answer."""
        body, timestamp = message.body.encode(), int(time.time())
        signatures = [secret.sign(message.id, timestamp, body) for secret in self._endpoint.secrets]
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"Tessera/{version('tessera-seg')}",
            "webhook-id": message.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(signatures),
        }
        return post(self._endpoint, body, headers)

    def _send_as_task(self, message: WebhookMessage) -> int:
        task = BackgroundTask("message sender", message.project)
        attributes = _described(message)
        with tracing.span(
            "send webhook", message.traceparent, kind="client", attributes=attributes
        ):
            status = self.send(self._parts.authenticator.authenticate(task), message)
            tracing.annotate({"http.response.status_code": status})
            if not _is_delivered(status):
                tracing.annotate({"error.type": str(status)})
            return status

    def _failed(self, message: WebhookMessage, error: TesseraError, status: int | None) -> None:
        """Stores why an attempt failed; the last one makes the message dead."""
        self._thread.log_once(f"Webhook {self._endpoint.name}: {error.detail}")
        if status == _GONE or message.attempts >= MAX_ATTEMPTS:
            self._bury(message, error, status)
        else:
            chance = random.random()  # noqa: S311 - not a secret
            after_s, members = wait_s(message.attempts, chance), problem.problem_of(error)
            self._parts.rows.postpone(message, after_s, members, status)
            self._parts.metrics.attempted(self._endpoint.name, "postponed")

    def _bury(self, message: WebhookMessage, error: TesseraError, status: int | None) -> None:
        self._parts.rows.bury(message, problem.problem_of(error), status)
        logger.warning("webhook %s: message %s is dead", self._endpoint.name, message.id)
        self._parts.metrics.attempted(self._endpoint.name, "dead")


def _is_delivered(status: int) -> bool:
    return 200 <= status < 300


def _described(message: WebhookMessage) -> tracing.Attributes:
    """What a span says of a message."""
    own: tracing.Attributes = {
        "tessera.attempt": message.attempts,
        "tessera.webhook.endpoint": message.endpoint,
        "tessera.webhook.event": message.event,
    }
    job: tracing.Attributes = {"tessera.job.id": message.job} if message.job else {}
    batch: tracing.Attributes = {"tessera.batch.id": message.batch} if message.batch else {}
    return {**own, **job, **batch}


def _not_for(endpoint: WebhookEndpoint) -> Conflict:
    return Conflict(
        f"The webhook {endpoint.name} is no longer for the project of the message.",
        expected="A webhook that GET /v1/webhooks lists.",
        hint="Add the project to `projects` of the webhook in the routing table, then resend it.",
    )


def _refused(status: int) -> EndpointUnavailable:
    redirect = " Redirects are not followed." if 300 <= status < 400 else ""
    return EndpointUnavailable(
        f"The webhook endpoint answered with status {status}.{redirect}",
        expected="A status from 200 to 299.",
        hint="Read the receiver's log, correct the receiver or the URL, then resend the message.",
    )
