"""`tessera dicom-callers`: which AE titles send into which project, in this machine's database."""

import click

from cli.account_options import ROLES, accounts_database, project_option
from cli.recorded_change import recorded_change
from jobs.account import ProjectRole
from jobs.audit.event import AuditObject


@click.group("dicom-callers")
def command() -> None:
    """Say which AE titles send into which project.

    Where there are users or keys, the gateway refuses images of other AE titles. The commands use
    the database that TESSERA_DATA or TESSERA_DATABASE_URL names, like the gateway.
    """


@command.command("add")
@click.argument("title")
@click.option(
    "--role",
    type=ROLES,
    default=ProjectRole.UPLOADER.value,
    show_default=True,
    help="`uploader` sends images. A peer that reports storage commitment needs `operator`.",
)
@project_option
def add(title: str, role: str, project: str) -> None:
    """Let the AE title TITLE send images into a project."""
    with recorded_change(AuditObject.DICOM_CALLER, title, project) as change:
        change.repository.dicom_senders.add(title, project, ProjectRole(role))
    click.echo(f"{title} is {role} in the project {project}.")


@command.command("list")
def list_callers() -> None:
    """List the AE titles with their projects and roles."""
    with accounts_database() as repository:
        senders = repository.dicom_senders.all()
    for sender in senders:
        click.echo(f"{sender.ae_title}  {sender.project}:{sender.role}")


@command.command("remove")
@click.argument("title")
def remove(title: str) -> None:
    """Remove the AE title TITLE: its images are refused."""
    with recorded_change(AuditObject.DICOM_CALLER, title) as change:
        change.repository.dicom_senders.remove(title)
    click.echo(f"{title} is removed.")
