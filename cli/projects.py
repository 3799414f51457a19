"""`tessera projects`: the projects of this machine's database."""

import click

from cli.account_options import accounts_database, shown_time
from cli.recorded_change import recorded_change
from jobs.audit.event import AuditAction, AuditObject


@click.group("projects")
def command() -> None:
    """Add and list projects.

    A project owns scans, jobs and reviews; nobody sees those of another project. The commands use
    the database that TESSERA_DATA or TESSERA_DATABASE_URL names, like the gateway.
    """


@command.command("add")
@click.argument("name")
def add(name: str) -> None:
    """Add a project: small letters, digits and hyphens."""
    with recorded_change(AuditObject.PROJECT, name, name, AuditAction.CONFIGURATION) as change:
        change.repository.accounts.add_project(name)
    click.echo(f"The project {name} was added.")


@command.command("list")
def list_projects() -> None:
    """List the projects."""
    with accounts_database() as repository:
        projects = repository.accounts.projects()
    for project in projects:
        click.echo(f"{project.name}  {shown_time(project.created_at)}")
