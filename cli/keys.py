"""`tessera keys`: API keys in this machine's database."""

import re

import click

from cli.account_options import ROLES, accounts_database, project_option, shown_time
from cli.recorded_change import recorded_change
from jobs.account import KEY_PREFIX, ApiKey, ProjectRole
from jobs.audit.event import AuditObject

_UNITS_S = {"h": 3600, "d": 86_400, "w": 7 * 86_400}


def _seconds(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    """A duration such as 90d in seconds."""
    if value is None:
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,5})([hdw])", value)
    if match is None:
        raise click.BadParameter("Write hours, days or weeks, such as 12h, 90d or 52w.")
    return float(match[1]) * _UNITS_S[match[2]]


@click.group("keys")
def command() -> None:
    """Create, list and revoke API keys.

    The commands use the database that TESSERA_DATA or TESSERA_DATABASE_URL names, like the gateway.
    As soon as there is a user or a key, the service lets nobody in without a key.
    """


@command.command("create")
@click.argument("name")
@click.option(
    "--role",
    type=ROLES,
    help="What may be done with the key.  [default with --user: the user's role]",
)
@click.option(
    "--user",
    metavar="LOGIN",
    help="The user whose key it is. It never allows more than the user's role. Without it, a "
    "service uses the key.",
)
@click.option(
    "--expires",
    callback=_seconds,
    metavar="90d",
    help="Lifetime in hours (h), days (d) or weeks (w). Without it, the key does not expire.",
)
@project_option
def create(
    name: str, role: str | None, user: str | None, expires: float | None, project: str
) -> None:
    """Create a key and print it. It is shown only now; NAME says what it is for."""
    wanted = None if role is None else ProjectRole(role)
    with recorded_change(AuditObject.KEY, project=project) as change:
        key, secret = change.repository.api_keys.create(
            project, name, wanted, login=user, lifetime_s=expires
        )
        change.object_id = key.id
    click.echo(secret.text)
    click.echo(
        f"Keep this key: it cannot be shown again. It is {key.role} in the project {project}, "
        f"and expires: {shown_time(key.expires_at, 'never')}.",
        err=True,
    )


@command.command("list")
@click.option("--all", "with_invalid", is_flag=True, help="Also keys that were revoked.")
def list_keys(with_invalid: bool) -> None:
    """List the keys of all projects, newest first, without their secrets."""
    with accounts_database() as repository:
        keys, cursor = repository.api_keys.page(None, limit=1000)
        while cursor:
            page, cursor = repository.api_keys.page(None, cursor=cursor, limit=1000)
            keys += page
    for key in keys:
        if with_invalid or key.revoked_at is None:
            click.echo(_line(key))


@command.command("revoke")
@click.argument("key")
def revoke(key: str) -> None:
    """Revoke KEY for good: an id, or the beginning of a key as `list` shows it."""
    with recorded_change(AuditObject.KEY) as change:
        change.object_id = change.repository.api_keys.revoke(None, key.removeprefix(KEY_PREFIX))
    click.echo("The key is revoked. Gateways that run stop accepting it within seconds.")


def _line(key: ApiKey) -> str:
    holder = f"user {key.login}" if key.login else "service"
    expires, used = shown_time(key.expires_at, "never"), shown_time(key.last_used_at, "never")
    revoked = "" if key.revoked_at is None else f"  revoked {shown_time(key.revoked_at)}"
    return (
        f"{key.shown}  {key.name}  {holder}  {key.project}:{key.role}  "
        f"created {shown_time(key.created_at)}  expires {expires}  used {used}{revoked}"
    )
