"""Tables of the DICOM conformance statement, made from what the receiver negotiates."""

from md import code, table
from pydicom.uid import UID

from service.dicom import application_entity


def storage_classes() -> list[str]:
    """SOP Classes of images that are accepted by C-STORE, by their UIDs."""
    rows = sorted((UID(uid).name, code(uid)) for uid in application_entity.IMAGE_CLASSES)
    return table(("SOP Class", "UID"), rows)


def transfer_syntaxes() -> list[str]:
    """Transfer syntaxes in the order in which they are offered."""
    rows = [(UID(uid).name, code(uid)) for uid in application_entity.SYNTAXES]
    return table(("transfer syntax", "UID"), rows)
