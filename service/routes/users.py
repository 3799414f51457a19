"""The users of the caller's project, and their roles."""

from typing import Annotated

from fastapi import Response

from jobs.account import Member
from jobs.audit.event import AuditObject
from service.auth import Permission, Principal
from service.http.audited import AuditedDep
from service.http.dependencies import AccountsDep, KnownCallersDep, PasswordSignInDep
from service.http.permissions import Allowed
from service.http.router import Router
from service.routes.times import time_of
from service.schemas import Login, RoleIn, SetupLinkOut, UserIn, UserOut, UsersOut

router = Router(tags=["accounts"])

_Manager = Annotated[Principal, Allowed(Permission.ACCOUNTS_MANAGE)]


@router.get("/v1/users")
def list_users(accounts: AccountsDep, principal: _Manager) -> UsersOut:
    """The users of the project, by login name."""
    return UsersOut(users=[_user_out(one) for one in accounts.members(principal.project)])


@router.post("/v1/users", status_code=201)
def add_user(
    body: UserIn,
    accounts: AccountsDep,
    callers: KnownCallersDep,
    audited: AuditedDep,
    principal: _Manager,
) -> UserOut:
    """Adds a user to the project. Login names and names are unique in the whole service.

    If a user of another project has one of them, or both, the response is a 409: only the command
    `tessera users role` adds such a user. A user who is in no project any more is added by stating
    both names, and needs a new link: the password of before and its sessions end. The first user
    ends the time without accounts: from then on every request needs a key, or a user who signed in.
    """
    member = accounts.add_member(body.login, body.name, principal.project, body.role)
    audited.add(AuditObject.ACCOUNT, member.person.login)
    callers.refresh()
    return _user_out(member)


@router.put("/v1/users/{login}/membership", status_code=204, response_class=Response)
def change_role(
    login: Login,
    body: RoleIn,
    accounts: AccountsDep,
    callers: KnownCallersDep,
    principal: _Manager,
) -> None:
    """Changes the role of a user in the project. The only administrator keeps the role (409)."""
    accounts.set_role(login, principal.project, body.role, keep_administrator=True)
    callers.refresh()


@router.delete("/v1/users/{login}/membership", status_code=204, response_class=Response)
def remove_user(
    login: Login, accounts: AccountsDep, callers: KnownCallersDep, principal: _Manager
) -> None:
    """Removes a user from the project; the user's keys of this project no longer work. The only
    administrator stays (409)."""
    accounts.set_role(login, principal.project, None, keep_administrator=True)
    callers.refresh()


@router.post("/v1/users/{login}/setup-link", status_code=201)
def create_setup_link(
    login: Login, passwords: PasswordSignInDep, principal: _Manager
) -> SetupLinkOut:
    """Creates a link with which the user chooses a password, once. Earlier links end.

    The user must be in this project alone: the response is a 403 for others. Send the link by a way
    that only the user reads.
    """
    link = passwords.invite(login, principal.project)
    return SetupLinkOut(link=link.secret, expires_at=time_of(link.expires_at))


def _user_out(member: Member) -> UserOut:
    return UserOut(
        login=member.person.login,
        name=member.person.name,
        role=member.role,
        disabled=member.person.disabled_at is not None,
    )
