"""Pseudonyms and UIDs that replace those of a patient: the same for the same value and secret."""

import hmac
from base64 import b32encode
from uuid import UUID

from pydicom.uid import UID


def new_uid(uid: str, secret: bytes) -> UID:
    """The UID (PS3.5, B.2) that replaces `uid`; UIDs of the standard itself are kept."""
    if UID(uid).name != uid or not uid:
        return UID(uid)
    return UID(f"2.25.{UUID(bytes=_digest(secret, 'uid', uid)[:16], version=4).int}")


def pseudonym(kind: str, value: str, secret: bytes) -> str:
    """16 letters and digits in place of `value`; "" for an empty value."""
    return b32encode(_digest(secret, kind, value)[:10]).decode() if value else ""


def _digest(secret: bytes, kind: str, value: str) -> bytes:
    return hmac.digest(secret, f"{kind}:{value}".encode(), "sha256")
