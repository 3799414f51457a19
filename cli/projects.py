"""`tessera projects`: the projects of this machine's database."""

import click

from cli.account_options import accounts_database, shown_time
from cli.model_registry import registry
from cli.recorded_change import recorded_change
from imaging.errors import NotFound
from jobs.audit.event import AuditAction, AuditObject


@click.group("projects")
def command() -> None:
    """Add and list projects, and say which models they may use.

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


@command.command("models")
@click.argument("name")
@click.option("--only", multiple=True, metavar="MODEL", help="A model that it may use; repeatable.")
@click.option("--all", "every", is_flag=True, help="It may use all models, also later ones.")
def models(name: str, only: tuple[str, ...], every: bool) -> None:
    """Print or set the models that the project NAME may use.

    A model that the project may not use is as unknown to it as one that does not exist. Gateways
    that run know of a change after a second, and after 5 seconds at the latest. Jobs that are
    stored already keep their models.
    """
    if only and every:
        raise click.UsageError("Give --only or --all, not both.")
    if not only and not every:
        with accounts_database() as repository:
            repository.accounts.check_project(name)
            _print_models(name, repository.project_models.all().get(name))
        return
    names = frozenset(only) if only else None
    _check_names(only)
    with recorded_change(AuditObject.PROJECT, name, name, AuditAction.CONFIGURATION) as change:
        change.repository.accounts.check_project(name)
        change.repository.project_models.set(name, names)
    _print_models(name, names)


def _check_names(names: tuple[str, ...]) -> None:
    """Raises NotFound for a name that no model has."""
    installed = list(dict.fromkeys(model.card.name for model in registry().all()))
    for name in names:
        if name not in installed:
            raise NotFound(
                f"There is no model named {name}.",
                expected=f"One of: {', '.join(installed) or 'none'}.",
                hint="List the models with `tessera models`. A name stands for all its versions.",
            )


def _print_models(project: str, names: frozenset[str] | None) -> None:
    shown = "all models" if names is None else ", ".join(sorted(names))
    click.echo(f"The project {project} may use: {shown}.")
