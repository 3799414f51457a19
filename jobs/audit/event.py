"""An audit event: who did what to which object, when, from where, and with what result."""

import json
import re
from dataclasses import dataclass, fields
from enum import StrEnum
from hashlib import sha256
from operator import attrgetter

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_MOST = 200
"""Longest member in characters."""
VERSION = 1
"""Of the encoding that is hashed."""


class AuditAction(StrEnum):
    """Kinds of events."""

    SIGN_IN = "sign-in"
    """A person signs in, or tries to."""
    SIGN_OUT = "sign-out"
    """Sessions of a person end by request, of the person or of an administrator."""
    LOCK_OUT = "lock-out"
    """An attempt to sign in is refused because too many have failed."""
    VIEW = "view"
    """A scan, mask, report or the trail itself is read. Lists and states are not recorded."""
    UPLOAD = "upload"
    """Files arrive, or become a scan; also by C-STORE and from a peer."""
    ORDER = "order"
    """Jobs, batches, trainings and second readings are started, assigned, cancelled or retried."""
    REVIEW = "review"
    """A verdict on a mask is given or withdrawn."""
    CORRECTION = "correction"
    """A mask is changed, or a changed mask is stored."""
    DELIVERY = "delivery"
    """Results are sent to a DICOM peer, or messages to a webhook."""
    DELETION = "deletion"
    """Something is deleted, by a caller or because it has expired."""
    KEY_CHANGE = "key-change"
    """Accounts, keys or roles change."""
    DENIED_ATTEMPT = "denied-attempt"
    """A refused request whose success would not be recorded."""
    ASSOCIATION = "association"
    """A DICOM association is accepted or rejected."""
    CONFIGURATION = "configuration"
    """What the service does or holds changes: a model is published, projects, their limits, rules
    or legal holds change, a backup is restored."""
    GAP = "gap"
    """Events could not be stored; the object's id is their number."""


class AuditOutcome(StrEnum):
    """What became of it."""

    SUCCESS = "success"
    DENIED = "denied"
    """Refused: the caller is not known, or lacks the permission."""
    FAILED = "failed"
    """Any other error, such as an object that does not exist."""


class AuditObject(StrEnum):
    """Kinds of objects."""

    NONE = ""
    SCAN = "scan"
    JOB = "job"
    BATCH = "batch"
    REVIEW = "review"
    BATCH_REVIEW = "batch-review"
    UPLOAD = "upload"
    SESSION = "session"
    TRAINING = "training"
    MODEL = "model"
    PEER = "peer"
    WEBHOOK = "webhook"
    WEBHOOK_MESSAGE = "webhook-message"
    ACCOUNT = "account"
    KEY = "key"
    PROJECT = "project"
    DICOM_CALLER = "dicom-caller"
    LEGAL_HOLD = "legal-hold"
    RETENTION_RULE = "retention-rule"
    RETENTION_REPORT = "retention-report"
    BACKUP = "backup"
    AUDIT_TRAIL = "audit-trail"
    LOG = "log"
    LOST_EVENTS = "lost-events"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """What happened. It holds ids and names, no patient data and no free text.

    Texts keep 200 characters at most; `?` replaces control characters.
    """

    time_ms: int
    """Milliseconds since the epoch (UTC), by the clock of the gateway that recorded it."""
    action: AuditAction
    principal: str
    """Name of the account, key or background task; empty: nobody that is known."""
    project: str
    """Project of the principal; empty if it is not known."""
    outcome: AuditOutcome
    object_kind: AuditObject = AuditObject.NONE
    object_id: str = ""
    origin: str = ""
    """IP address or AE title of the caller; empty for background tasks."""
    destination: str = ""
    """Name of the peer that received a delivery."""
    request: str = ""
    """Id of the request, as in the log. Events of one request share it."""

    def __post_init__(self) -> None:
        for name in ("principal", "project", "object_id", "origin", "destination", "request"):
            object.__setattr__(self, name, _UNPRINTABLE.sub("?", getattr(self, name))[:_MOST])


@dataclass(frozen=True, slots=True)
class ChainedEvent:
    """An event in the trail."""

    seq: int
    """Its number in the trail, from 1, without gaps."""
    event: AuditEvent
    previous_hash: str
    """Hash of the event before it; 64 zeros for the first."""
    hash: str
    """SHA-256 of `canonical` in hexadecimal digits."""

    def expected_hash(self) -> str:
        """What `hash` must be."""
        return hash_of(self.seq, self.event, self.previous_hash)


_members = attrgetter(*(member.name for member in fields(AuditEvent)))

FIRST_HASH = "0" * 64
"""What the first event has as the hash before it."""


def canonical(seq: int, event: AuditEvent, previous_hash: str) -> bytes:
    """What is hashed: a JSON array in ASCII of version, number, all members and previous hash.

    It has no spaces; the members are in the order of the dataclass.
    """
    members = [VERSION, seq, *_members(event), previous_hash]
    return json.dumps(members, ensure_ascii=True, separators=(",", ":")).encode()


def hash_of(seq: int, event: AuditEvent, previous_hash: str) -> str:
    """The hash of an event in the trail."""
    return sha256(canonical(seq, event, previous_hash)).hexdigest()
