"""Webhooks: listed, tried, and their messages resent."""

from typing import Annotated

from fastapi import Query

from jobs.webhook import MessageState
from service.auth import Permission, Principal
from service.http.dependencies import RoutingTableDep, WebhooksDep
from service.http.permissions import Allowed
from service.http.router import Router
from service.routes.delivery_serializers import webhook_message_out, webhook_out
from service.schemas import (
    Cursor,
    MessageId,
    PageLimit,
    ResentOut,
    WebhookMessageOut,
    WebhookMessagePage,
    WebhookName,
    WebhookOut,
)
from service.use_cases.webhook_payloads import trial_message

router = Router(tags=["webhooks"])

_Webhook = Annotated[WebhookName | None, Query(description="Only messages for this webhook.")]


@router.get("/v1/webhooks")
def list_webhooks(
    routing: RoutingTableDep,
    principal: Annotated[Principal, Allowed(Permission.WEBHOOKS_READ)],
) -> list[WebhookOut]:
    """The systems that are told when jobs and batches end."""
    return [webhook_out(endpoint) for endpoint in routing.of(principal.project).webhook]


@router.post("/v1/webhooks/{name}/test", status_code=202)
def try_webhook(
    name: WebhookName,
    routing: RoutingTableDep,
    webhooks: WebhooksDep,
    principal: Annotated[Principal, Allowed(Permission.WEBHOOKS_WRITE)],
) -> WebhookMessageOut:
    """Sends a message of the type `webhook.test`; the list of messages shows what became of it."""
    endpoint = routing.of(principal.project).webhook_named(name)
    message = trial_message(endpoint, principal.project)
    return webhook_message_out(webhooks.add(message))


@router.get("/v1/webhooks/messages")
def list_webhook_messages(
    webhooks: WebhooksDep,
    principal: Annotated[Principal, Allowed(Permission.WEBHOOKS_READ)],
    webhook: _Webhook = None,
    state: Annotated[MessageState | None, Query(description="Only messages in this state.")] = None,
    cursor: Cursor = None,
    limit: PageLimit = 50,
) -> WebhookMessagePage:
    """The messages, newest first. Those that could not be delivered have the state `dead`."""
    page, next_cursor = webhooks.page(
        principal.project, endpoint=webhook, state=state, cursor=cursor, limit=limit
    )
    return WebhookMessagePage(
        messages=[webhook_message_out(message) for message in page], next_cursor=next_cursor
    )


@router.post("/v1/webhooks/messages/resend", status_code=202)
def resend_dead_messages(
    webhooks: WebhooksDep,
    principal: Annotated[Principal, Allowed(Permission.WEBHOOKS_WRITE)],
    webhook: _Webhook = None,
) -> ResentOut:
    """Sends all dead messages again, with all their attempts."""
    return ResentOut(resent=webhooks.resend_dead(principal.project, webhook))


@router.post("/v1/webhooks/messages/{message_id}/resend", status_code=202)
def resend_message(
    message_id: MessageId,
    webhooks: WebhooksDep,
    principal: Annotated[Principal, Allowed(Permission.WEBHOOKS_WRITE)],
) -> WebhookMessageOut:
    """Sends a message at once, with all its attempts, whatever its state."""
    return webhook_message_out(webhooks.resend(principal.project, message_id))
