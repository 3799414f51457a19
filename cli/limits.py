"""`tessera limits`: what the projects of this machine's database may store, queue and request."""

from dataclasses import replace
from typing import Any

import click

from cli.recorded_change import recorded_change
from jobs.audit.event import AuditAction, AuditObject
from jobs.project_limits import ProjectLimits, ProjectUsage
from jobs.settings import Settings

NONE = "none"


class LimitType(click.ParamType):  # type: ignore[type-arg]
    """A whole number, or `none` for no limit."""

    name = "NUMBER|none"

    def __init__(self, smallest: int = 0) -> None:
        self.smallest = smallest

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        """The number, or NONE; fails with a usage error for any other text."""
        text = str(value)
        if text == NONE:
            return NONE
        if not text.isdecimal() or int(text) < self.smallest:
            self.fail(f"give a number from {self.smallest} on, or none for no limit", param, ctx)
        return int(text)


@click.group("limits")
def command() -> None:
    """Show and set what projects may store, queue and request.

    The commands use the database that TESSERA_DATA or TESSERA_DATABASE_URL names, like the gateway.
    """


@command.command("show")
@click.argument("project", required=False)
def show(project: str | None) -> None:
    """Print the limits of PROJECT and what it uses; without it, of all projects with limits."""
    from jobs.server_database import server_database

    with server_database(Settings()) as repository:
        quotas = repository.quotas
        limits = quotas.all() if project is None else {project: quotas.get(project)}
        for name, its in limits.items():
            click.echo(_lines(name, its, quotas.usage(name)))
    if not limits:
        click.echo("No project has limits.")


@command.command("set")
@click.argument("project")
@click.option(
    "--bytes", "stored_bytes", type=LimitType(), help="Bytes of scans and masks that may be stored."
)
@click.option("--waiting", "waiting_jobs", type=LimitType(), help="Jobs that may wait.")
@click.option(
    "--requests",
    "requests_per_minute",
    type=LimitType(1),
    help="Requests in a minute, of all callers together, to each gateway.",
)
def set_limits(project: str, **given: int | str | None) -> None:
    """Set limits of PROJECT; those that are not given stay as they are.

    `none` removes a limit. Gateways that run know the limit of requests within ten seconds, the
    others at once. What the project has stored already stays.
    """
    changes = {
        name: None if value == NONE else value for name, value in given.items() if value is not None
    }
    if not changes:
        raise click.UsageError("Give --bytes, --waiting or --requests.")
    with recorded_change(
        AuditObject.PROJECT, project, project, AuditAction.CONFIGURATION
    ) as change:
        repository = change.repository
        repository.accounts.check_project(project)
        limits = replace(repository.quotas.get(project), **changes)  # type: ignore[arg-type]
        repository.quotas.set(project, limits)
        click.echo(_lines(project, limits, repository.quotas.usage(project)))


def _lines(project: str, limits: ProjectLimits, usage: ProjectUsage) -> str:
    """Four lines of text."""
    return "\n".join(
        (
            project,
            f"  stored bytes:  {usage.stored_bytes:,} of {_text(limits.stored_bytes)}",
            f"  waiting jobs:  {usage.waiting_jobs:,} of {_text(limits.waiting_jobs)}",
            f"  requests in a minute:  {_text(limits.requests_per_minute)}",
        )
    )


def _text(limit: int | None) -> str:
    return "any number" if limit is None else f"{limit:,}"
