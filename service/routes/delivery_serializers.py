"""Peers, deliveries and webhooks as JSON of /v1."""

from typing import Any, cast

from jobs.delivery import Delivery, DeliveryState
from jobs.webhook import MessageState, WebhookMessage
from service.http import errors
from service.resources.peers import Peer
from service.resources.webhook_endpoint import WebhookEndpoint
from service.routes.times import time_of, time_or_none
from service.schemas import DeliveryOut, PeerOut, WebhookMessageOut, WebhookOut


def peer_out(peer: Peer) -> PeerOut:
    """A peer, without its address and credentials."""
    web = peer.dicomweb is not None
    return PeerOut(name=peer.name, search=web, send="stow-rs" if web else "c-store")


def delivery_out(delivery: Delivery) -> DeliveryOut:
    """A delivery."""
    waits = delivery.state is DeliveryState.WAITING and delivery.due_at > 0
    return DeliveryOut(
        id=delivery.id,
        job=delivery.job,
        to=delivery.destination,
        format=delivery.format,
        state=delivery.state.value,
        attempts=delivery.attempts,
        created_at=time_of(delivery.created_at),
        due_at=time_of(delivery.due_at) if waits else None,
        finished_at=time_or_none(delivery.finished_at),
        error=errors.stored(delivery.error) if delivery.error else None,
        review=delivery.review or None,
        sent_as=delivery.sent_as,
        commitment=None if delivery.commitment is None else delivery.commitment.value,
    )


def webhook_out(endpoint: WebhookEndpoint) -> WebhookOut:
    """A webhook, without its URL and secrets."""
    return WebhookOut(
        name=endpoint.name, events=list(endpoint.events), models=list(endpoint.models)
    )


def webhook_message_out(message: WebhookMessage) -> WebhookMessageOut:
    """A webhook message, without its body."""
    waits = message.state is MessageState.WAITING
    return WebhookMessageOut(
        id=message.id,
        webhook=message.endpoint,
        event=cast("Any", message.event),
        job=message.job,
        batch=message.batch,
        state=message.state,
        attempts=message.attempts,
        created_at=time_of(message.created_at),
        due_at=time_of(message.due_at) if waits else None,
        finished_at=time_or_none(message.finished_at),
        status=message.status,
        error=errors.stored(message.error) if message.error else None,
    )
