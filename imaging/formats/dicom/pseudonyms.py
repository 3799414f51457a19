"""Pseudonyms and UIDs that replace those of a patient: the same for the same value and secret."""

import hmac
from base64 import b32encode
from uuid import UUID

from pydicom import Dataset
from pydicom.uid import UID

from imaging.formats.dicom.readable_element import readable_element


def new_uid(uid: str, secret: bytes) -> UID:
    """The UID (PS3.5, B.2) that replaces `uid`; UIDs of the standard itself are kept."""
    if UID(uid).name != uid or not uid:
        return UID(uid)
    return UID(f"2.25.{UUID(bytes=_digest(secret, 'uid', uid)[:16], version=4).int}")


def pseudonym(kind: str, value: str, secret: bytes) -> str:
    """16 letters and digits in place of `value`; "" for an empty value."""
    return b32encode(_digest(secret, kind, value)[:10]).decode() if value else ""


def patient_pseudonym(header: Dataset, secret: bytes) -> str:
    """That of the PatientID; where it is empty, of the name and the date of birth."""

    def text(keyword: str) -> str:
        element = readable_element(header, keyword)
        return "" if element is None else str(element.value or "").strip()

    known = text("PatientID") or "|".join(
        filter(None, map(text, ("PatientName", "PatientBirthDate")))
    )
    return pseudonym("patient", known, secret)


def _digest(secret: bytes, kind: str, value: str) -> bytes:
    return hmac.digest(secret, f"{kind}:{value}".encode(), "sha256")
