"""`tessera webhooks`: signing secrets, and the messages in this machine's database."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from imaging.counted import counted
from jobs.settings import Settings
from jobs.webhook import MessageState, WebhookMessage

if TYPE_CHECKING:  # it loads SQLAlchemy
    from jobs.repository import Webhooks

_webhook = click.option("--webhook", metavar="NAME", help="Only messages for this webhook.")


@click.group("webhooks")
def command() -> None:
    """Make signing secrets, list webhook messages and send them again.

    `messages` and `resend` use the database that TESSERA_DATA or TESSERA_DATABASE_URL names, like
    the gateway.
    """


@command.command("secret")
def secret() -> None:
    """Print a new signing secret."""
    from service.resources.signing_secret import SigningSecret

    click.echo(str(SigningSecret.new()))


@command.command("messages")
@_webhook
@click.option(
    "--state",
    type=click.Choice([state.value for state in MessageState]),
    help="Only messages in this state.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=50,
    show_default=True,
    metavar="COUNT",
    help="At most this many messages.",
)
def messages(webhook: str | None, state: str | None, limit: int) -> None:
    """List messages, newest first."""
    wanted = None if state is None else MessageState(state)
    with _webhooks() as rows:
        page, more = rows.page(None, endpoint=webhook, state=wanted, limit=limit)
    for message in page:
        click.echo(_line(message))
    if more:
        click.echo(f"There are more than {counted(limit, 'message')}.", err=True)


@command.command("resend")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--dead", is_flag=True, help="All dead messages, instead of IDs.")
@_webhook
def resend(ids: tuple[str, ...], dead: bool, webhook: str | None) -> None:
    """Send messages again, at once and with all their attempts. A running gateway sends them."""
    if bool(ids) == dead or (webhook and ids):
        raise click.UsageError("Give the ids of messages, or --dead with or without --webhook.")
    with _webhooks() as rows:
        count = rows.resend_dead(None, webhook) if dead else 0
        for message_id in ids:
            rows.resend(None, message_id)
            count += 1
    click.echo(f"{counted(count, 'message is', 'messages are')} sent again.")


@contextmanager
def _webhooks() -> Iterator["Webhooks"]:
    from jobs.server_database import server_database

    with server_database(Settings()) as repository:
        yield repository.webhooks


def _line(message: WebhookMessage) -> str:
    created = datetime.fromtimestamp(message.created_at, UTC).isoformat(timespec="seconds")
    subject = message.job or message.batch or "-"
    reason = f"  {message.error['detail']}" if message.error else ""
    return (
        f"{message.id}  {created}  {message.endpoint}  {message.event}  {subject}  "
        f"{message.state}  {counted(message.attempts, 'attempt')}{reason}"
    )
