"""Which requests are recorded in the audit trail, and as what: tables of permissions and routes.

A request that changes something is recorded by the permission of its route. One that reads is
recorded if it shows a scan, a mask, a report or the trail itself. Exceptions name the route.
Templates are those of /v1, and those of the MONAI Label API without its prefix and final slash.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from jobs.audit.event import AuditAction, AuditObject
from service.auth import Permission

_PREFIX = "/monai-label"
_CHANGES = ("POST", "PUT", "PATCH", "DELETE")
_READS = ("GET", "HEAD")

ACTIONS: Mapping[Permission, AuditAction] = {
    Permission.SCANS_WRITE: AuditAction.UPLOAD,
    Permission.SCANS_DELETE: AuditAction.DELETION,
    Permission.JOBS_CREATE: AuditAction.ORDER,
    Permission.JOBS_CANCEL: AuditAction.ORDER,
    Permission.JOBS_ASSIGN: AuditAction.ORDER,
    Permission.REVIEWS_WRITE: AuditAction.REVIEW,
    Permission.READINGS_MANAGE: AuditAction.ORDER,
    Permission.READINGS_UNBLIND: AuditAction.VIEW,
    Permission.TRAININGS_MANAGE: AuditAction.ORDER,
    Permission.ARCHIVES_PULL: AuditAction.UPLOAD,
    Permission.DELIVERIES_WRITE: AuditAction.DELIVERY,
    Permission.WEBHOOKS_WRITE: AuditAction.DELIVERY,
    Permission.KEYS_MANAGE: AuditAction.KEY_CHANGE,
    Permission.ACCOUNTS_MANAGE: AuditAction.KEY_CHANGE,
    Permission.RETENTION_MANAGE: AuditAction.CONFIGURATION,
}
"""What a changing request is, by its permission."""

VIEWS: Mapping[str, AuditObject] = {
    **dict.fromkeys(
        (
            *("/v1/scans/{scan_id}/volume", "/v1/scans/{scan_id}/tiles"),
            *("/v1/scans/{scan_id}/tiles/{level}/{row}/{column}", "/datastore/image"),
        ),
        AuditObject.SCAN,
    ),
    **dict.fromkeys(
        (
            *("/v1/jobs/{job_id}/mask", "/v1/jobs/{job_id}/report"),
            *("/v1/jobs/{job_id}/preview.png", "/v1/jobs/{job_id}/mask/tiles"),
            "/v1/jobs/{job_id}/mask/tiles/{level}/{row}/{column}",
            *("/v1/jobs/{job_id}/comparison", "/v1/jobs/{job_id}/draft/changes"),
        ),
        AuditObject.JOB,
    ),
    **dict.fromkeys(
        (
            "/v1/jobs/{job_id}/reviews/{review_id}/mask",
            "/v1/jobs/{job_id}/reviews/{review_id}/report",
            "/v1/jobs/{job_id}/reviews/{review_id}/measurements",
        ),
        AuditObject.REVIEW,
    ),
    "/datastore/label": AuditObject.SCAN,
    "/session/{session_id}": AuditObject.SESSION,
    "/v1/peers/{name}/series": AuditObject.PEER,
    "/v1/audit": AuditObject.AUDIT_TRAIL,
    "/logs": AuditObject.LOG,
}
"""Reading requests that are recorded, each with the kind of what it shows."""

_DRAFT, _ONE_UPLOAD = "/v1/jobs/{job_id}/draft", "/v1/uploads/{upload_id}"
CHANGES: Mapping[tuple[str, str], AuditAction] = {
    ("PUT", _DRAFT): AuditAction.CORRECTION,
    ("PUT", f"{_DRAFT}/changes/{{number}}"): AuditAction.CORRECTION,
    ("DELETE", _DRAFT): AuditAction.DELETION,
    ("DELETE", _ONE_UPLOAD): AuditAction.DELETION,
    ("GET", "/v1/sign-in/oidc/callback"): AuditAction.SIGN_IN,
    ("POST", "/v1/session"): AuditAction.SIGN_IN,
    ("DELETE", "/v1/session"): AuditAction.SIGN_OUT,
    ("DELETE", "/v1/sessions"): AuditAction.SIGN_OUT,
    ("DELETE", "/v1/sessions/{sign_in_id}"): AuditAction.SIGN_OUT,
    ("DELETE", "/v1/users/{login}/sessions"): AuditAction.SIGN_OUT,
    ("DELETE", "/v1/users/{login}/sessions/{sign_in_id}"): AuditAction.SIGN_OUT,
    ("PUT", "/v1/session/password"): AuditAction.KEY_CHANGE,
    ("POST", "/v1/passwords"): AuditAction.KEY_CHANGE,
    ("POST", "/v1/trainings/{training_id}/publish"): AuditAction.CONFIGURATION,
    ("PUT", "/datastore/label"): AuditAction.CORRECTION,
    ("DELETE", "/datastore/label"): AuditAction.DELETION,
}
"""Changing requests that are something else than their permission says."""

REPEATED = frozenset({("PUT", f"{_DRAFT}/changes/{{number}}"), ("PATCH", _ONE_UPLOAD)})
"""Changing requests that come in great number for one object, and are recorded like views."""

NOT_RECORDED = frozenset(
    {
        ("PUT", "/v1/jobs/{job_id}/viewers/{viewer_id}"),  # a page reports that it is open
        ("DELETE", "/v1/jobs/{job_id}/viewers/{viewer_id}"),
        ("POST", "/v1/jobs/{job_id}/assistance"),  # it computes a proposal, and stores nothing
        ("POST", "/activelearning/{strategy}"),  # it chooses an image
        ("POST", "/train"),  # not supported
        ("POST", "/train/{model}"),
        ("DELETE", "/train"),
        ("POST", "/v1/session/renewal"),  # the same session goes on
        ("POST", "/auth/token"),  # nobody signs in here
    }
)
"""Changing methods that change nothing worth recording."""

PARAMETERS: Mapping[str, AuditObject] = {
    "scan_id": AuditObject.SCAN,
    "job_id": AuditObject.JOB,
    "batch_id": AuditObject.BATCH,
    "review_id": AuditObject.REVIEW,
    "upload_id": AuditObject.UPLOAD,
    "session_id": AuditObject.SESSION,
    "sign_in_id": AuditObject.SESSION,
    "training_id": AuditObject.TRAINING,
    "message_id": AuditObject.WEBHOOK_MESSAGE,
    "key_id": AuditObject.KEY,
    "hold_id": AuditObject.LEGAL_HOLD,
    "login": AuditObject.ACCOUNT,
}
"""Parameters of paths that are ids, and of what."""

LOCATIONS: Mapping[str, AuditObject] = {
    "scans": AuditObject.SCAN,
    "jobs": AuditObject.JOB,
    "batches": AuditObject.BATCH,
    "uploads": AuditObject.UPLOAD,
    "trainings": AuditObject.TRAINING,
}
"""Second part of the header Location of a created object, and its kind."""

_NAMED = {
    "/v1/peers/{name}/series": AuditObject.PEER,
    "/v1/webhooks/{name}/test": AuditObject.WEBHOOK,
}
_KINDS = {"/v1/batch-reviews/{batch_id}/withdraw": {"batch_id": AuditObject.BATCH_REVIEW}}


@dataclass(frozen=True, slots=True)
class AuditedRoute:
    """How requests to a route are recorded."""

    action: AuditAction
    """Also of a refused request, unless a successful one is not recorded."""
    parameters: Mapping[str, AuditObject]
    """Parameters of the path that are ids or names."""
    kind: AuditObject = AuditObject.NONE
    """Of an object that no parameter names."""
    changes: bool = False
    """Whether the event is stored before the response is sent."""
    repeats: bool = False
    """Whether repetitions within a while are one event."""
    only_denied: bool = False
    """Whether only refused requests are recorded."""


@cache
def audited_route(method: str, path: str, permission: Permission) -> AuditedRoute | None:
    """How a request is recorded, by its method and its route's template; None: not at all."""
    template = path.removeprefix(_PREFIX).rstrip("/") or "/"
    parameters = {
        **{name: kind for name, kind in PARAMETERS.items() if f"{{{name}}}" in template},
        **({"name": _NAMED[template]} if template in _NAMED else {}),
        **_KINDS.get(template, {}),
    }
    known = (method, template)
    action = CHANGES.get(known)
    if action is None and method in _CHANGES and known not in NOT_RECORDED:
        action = ACTIONS.get(permission)
    if action is not None:
        repeats = known in REPEATED
        return AuditedRoute(action, parameters, changes=True, repeats=repeats)
    if method in _READS and template in VIEWS:
        kind = VIEWS[template]
        return AuditedRoute(AuditAction.VIEW, parameters, kind, repeats=True)
    if permission is Permission.PUBLIC:
        return None
    denied = AuditAction.DENIED_ATTEMPT
    return AuditedRoute(denied, parameters, repeats=True, only_denied=True)
