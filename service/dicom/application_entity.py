"""The application entity of the DICOM port: what it accepts, and from whom."""

from pynetdicom import AE, AllStoragePresentationContexts
from pynetdicom.sop_class import (  # type: ignore[attr-defined] # made at import
    StorageCommitmentPushModel,
    Verification,
)

from imaging.formats.dicom.instance import is_image
from jobs.settings import Settings

IDLE_S = 60.0
"""An association without data for this long is aborted."""
SYNTAXES = (
    *("1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"),  # uncompressed
    *("1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.5"),  # deflated, RLE
    *(f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70)),  # JPEG
    *(f"1.2.840.10008.1.2.4.{n}" for n in (80, 81, 90, 91)),  # JPEG-LS, JPEG 2000
    *(f"1.2.840.10008.1.2.4.{n}" for n in (201, 202, 203)),  # HTJ2K
)
"""Transfer syntaxes that can be decoded (PS3.6, A). Images are kept as they were sent."""

IMAGE_CLASSES = tuple(
    str(context.abstract_syntax)
    for context in AllStoragePresentationContexts
    if is_image(str(context.abstract_syntax))
)
"""Storage SOP Classes that are accepted: images only. An archive that forwards all new objects
would otherwise send us our own results."""


def application_entity(settings: Settings) -> AE:
    """Accepts C-ECHO, C-STORE of images, and reports of storage commitment."""
    entity = AE(settings.dicom_ae_title)
    entity.require_called_aet = True
    entity.require_calling_aet = list(settings.dicom_allowed_callers)
    entity.maximum_associations = settings.dicom_max_associations
    entity.network_timeout = IDLE_S
    entity.acse_timeout = settings.dicom_request_timeout_s
    entity.add_supported_context(Verification)
    entity.add_supported_context(StorageCommitmentPushModel, scu_role=False, scp_role=True)
    for sop_class in IMAGE_CLASSES:
        entity.add_supported_context(sop_class, list(SYNTAXES))
    return entity
