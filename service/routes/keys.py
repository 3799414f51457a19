"""API keys of the caller's project: created, listed and revoked."""

from typing import Annotated

from fastapi import Response

from jobs.account import ApiKey
from jobs.audit.event import AuditObject
from service.auth import Permission, Principal
from service.http.audited import AuditedDep
from service.http.dependencies import ApiKeysDep, KnownCallersDep
from service.http.permissions import Allowed
from service.http.router import Router
from service.routes.times import time_of, time_or_none
from service.schemas import Cursor, KeyId, KeyIn, KeyOut, KeyPage, NewKeyOut, PageLimit

router = Router(tags=["accounts"])

_Manager = Annotated[Principal, Allowed(Permission.KEYS_MANAGE)]


@router.post("/v1/keys", status_code=201)
def create_key(
    body: KeyIn,
    keys: ApiKeysDep,
    callers: KnownCallersDep,
    audited: AuditedDep,
    principal: _Manager,
) -> NewKeyOut:
    """Creates a key. Its secret is in this response only: the service stores a hash of it.

    The first key ends the time without accounts: from then on every request needs a key.
    """
    key, secret = keys.create(
        principal.project, body.name, body.role, login=body.user, lifetime_s=body.expires_in_s
    )
    audited.add(AuditObject.KEY, key.id)
    callers.refresh()
    return NewKeyOut(**_key_out(key).model_dump(), key=secret.text)


@router.get("/v1/keys")
def list_keys(
    keys: ApiKeysDep, principal: _Manager, cursor: Cursor = None, limit: PageLimit = 50
) -> KeyPage:
    """The keys of the project, newest first, also those that were revoked."""
    page, next_cursor = keys.page(principal.project, cursor=cursor, limit=limit)
    return KeyPage(keys=[_key_out(key) for key in page], next_cursor=next_cursor)


@router.delete("/v1/keys/{key_id}", status_code=204, response_class=Response)
def revoke_key(
    key_id: KeyId, keys: ApiKeysDep, callers: KnownCallersDep, principal: _Manager
) -> None:
    """Revokes a key for good. Other gateways of the same database follow within seconds."""
    keys.revoke(principal.project, key_id)
    callers.refresh()


def _key_out(key: ApiKey) -> KeyOut:
    return KeyOut(
        id=key.id,
        prefix=key.shown,
        name=key.name,
        user=key.login,
        role=key.role,
        created_at=time_of(key.created_at),
        expires_at=time_or_none(key.expires_at),
        revoked_at=time_or_none(key.revoked_at),
        last_used_at=time_or_none(key.last_used_at),
    )
