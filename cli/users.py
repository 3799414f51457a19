"""`tessera users`: people and their roles in projects, in this machine's database."""

from typing import TYPE_CHECKING

import click

from cli.account_options import ROLES, accounts_database, project_option, shown_time
from cli.page_address import page_address
from cli.recorded_change import recorded_change
from imaging.errors import BadRequest
from jobs.account import Member, Person, ProjectRole
from jobs.audit.event import AuditAction, AuditObject
from jobs.identity import Identity
from jobs.settings import Settings

if TYPE_CHECKING:  # it loads SQLAlchemy
    from jobs.repository import Repository, SetupLink


@click.group("users")
def command() -> None:
    """Add users to projects, list them, change their roles.

    The commands use the database that TESSERA_DATA or TESSERA_DATABASE_URL names, like the gateway.
    As soon as there is a user or a key, the service lets nobody in without a key or a password.
    """


@command.command("add")
@click.argument("login")
@click.option("--name", required=True, help="Name that reviews show.")
@click.option("--role", type=ROLES, required=True, help="What the user may do in the project.")
@project_option
def add(login: str, name: str, role: str, project: str) -> None:
    """Add a user with the login name LOGIN to a project.

    Both names may be those of a known user. Then the user's password and sessions end, as with
    `tessera users role`.

    Login names are small letters, digits, dots, hyphens and underscores: no e-mail addresses, since
    logs contain them.
    """
    with recorded_change(AuditObject.ACCOUNT, login, project) as change:
        accounts = change.repository.accounts
        accounts.add_member(login, name, project, ProjectRole(role), join=True)
        link = _invite(change.repository, login)
    click.echo(f"{login} is {role} in the project {project}.")
    _show(login, link)
    click.echo(f"Create a key: tessera keys create NAME --user {login} --project {project}")


@command.command("invite")
@click.argument("login")
def invite(login: str) -> None:
    """Print a link with which the user LOGIN chooses a password, also instead of a forgotten one.

    It works once, and for three days (TESSERA_SETUP_LINK_S). Earlier links no longer work. Send it
    by a way that only the user reads.
    """
    with recorded_change(AuditObject.ACCOUNT, login) as change:
        link = _invite(change.repository, login)
    _show(login, link)


@command.command("list")
def list_users() -> None:
    """List the users with their roles."""
    with accounts_database() as repository:
        people = repository.accounts.people()
    for person, members in people:
        click.echo(_line(person, members))


@command.command("role")
@click.argument("login")
@click.argument("role", type=ROLES)
@project_option
def set_role(login: str, role: str, project: str) -> None:
    """Give the user LOGIN a role in a project, also if the user was not in it.

    Then the user's password and sessions end, since an administrator of another project may know
    the password, and the command prints a link for a new one. Keys, and users who sign in with an
    OpenID provider or a proxy, are not affected.
    """
    link = None
    with recorded_change(AuditObject.ACCOUNT, login, project) as change:
        accounts = change.repository.accounts
        if accounts.set_role(login, project, ProjectRole(role), join=True):
            link = _invite(change.repository, login)
    click.echo(f"{login} is {role} in the project {project}.")
    if link is not None:
        click.echo("The password of before and its sessions have ended.")
        _show(login, link)


@command.command("remove")
@click.argument("login")
@project_option
def remove(login: str, project: str) -> None:
    """Remove the user LOGIN from a project. The user's keys of this project no longer work."""
    with recorded_change(AuditObject.ACCOUNT, login, project) as change:
        change.repository.accounts.set_role(login, project, None)
    click.echo(f"{login} is no longer in the project {project}.")


@command.command("disable")
@click.argument("login")
def disable(login: str) -> None:
    """Disable the user LOGIN in all projects: sign the user out, and let no key work any more."""
    with recorded_change(AuditObject.ACCOUNT, login) as change:
        change.repository.accounts.set_disabled(login, disabled=True)
    click.echo(f"{login} is disabled.")


@command.command("enable")
@click.argument("login")
def enable(login: str) -> None:
    """Enable the user LOGIN again, with the same roles and keys."""
    with recorded_change(AuditObject.ACCOUNT, login) as change:
        change.repository.accounts.set_disabled(login, disabled=False)
    click.echo(f"{login} is enabled.")


@command.command("sessions")
@click.argument("login")
def list_sessions(login: str) -> None:
    """List the browsers in which the user LOGIN is signed in, the last used first.

    Each line has the session's id, when it was used and begun, the address and the browser.
    """
    with accounts_database() as repository:
        sessions = repository.browser_sessions.of(login, Settings().session_idle_s)
    for one in sessions:
        times = f"used {shown_time(one.used_at)}  begun {shown_time(one.created_at)}"
        click.echo(f"{one.id}  {times}  {one.place.address or '-'}  {one.place.browser or '-'}")


@command.command("sign-out")
@click.argument("login")
@click.option("--session", metavar="ID", help="Only this one, by its id.")
def sign_out(login: str, session: str | None) -> None:
    """Sign the user LOGIN out in all browsers. Keys of the user still work."""
    with recorded_change(AuditObject.ACCOUNT, login, action=AuditAction.SIGN_OUT) as change:
        change.repository.browser_sessions.end_of(login, session)
    where = "all browsers" if session is None else "one browser"
    click.echo(f"{login} is signed out in {where}.")


@command.command("link")
@click.argument("login")
@click.argument("subject")
def link(login: str, subject: str) -> None:
    """Let the user LOGIN sign in with the OpenID provider that TESSERA_OIDC_ISSUER names.

    SUBJECT is the claim `sub` of the user there. Without this, somebody who first signs in with the
    provider becomes a new user.
    """
    issuer = Settings().oidc_issuer
    if not issuer:
        raise BadRequest(
            "There is no OpenID provider.",
            expected="TESSERA_OIDC_ISSUER, as the gateways have it.",
            hint="Run the command with the settings of a gateway.",
        )
    with recorded_change(AuditObject.ACCOUNT, login) as change:
        change.repository.identities.link(Identity(issuer, subject), login)
    click.echo(f"{login} signs in with the provider from now on.")


def _invite(repository: "Repository", login: str) -> "SetupLink":
    return repository.passwords.invite(login, Settings().setup_link_s)


def _show(login: str, link: "SetupLink") -> None:
    click.echo(
        f"{login} chooses a password here, until {shown_time(link.expires_at)}, and only once:\n"
        f"{page_address(Settings())}/#setup={link.secret}&user={login}"
    )


def _line(person: Person, members: list[Member]) -> str:
    roles = " ".join(f"{member.project}:{member.role}" for member in members) or "-"
    state = "" if person.disabled_at is None else "  disabled"
    return f"{person.login}  {person.name}  {roles}{state}"
