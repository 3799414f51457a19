"""What clients call images, cleaned, and which scan each name means."""

import re

from imaging.errors import BadRequest, NotFound
from jobs.job import StoredScan
from service.http.multipart import base_name
from service.parts import Parts

_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
"""DICOM PS3.5 9.1, of at most 64 characters."""


def image(parts: Parts, project: str, given: str) -> StoredScan:
    """The scan that is meant by an id, a name or a SeriesInstanceUID.

    A series that is not here yet is pulled, where a DICOMweb server is configured. Raises
    BadRequest, NotFound or Conflict.
    """
    name = base_name(given)
    if not name:
        raise BadRequest(
            "The request names no image.",
            expected="`image`: an id, a name or a SeriesInstanceUID.",
            hint="Send the image first, or ask GET datastore/?output=all which there are.",
        )
    try:
        return parts.repository.image_names.find(project, name)
    except NotFound:
        if not _UID.fullmatch(name) or len(name) > 64:
            raise
    from service.dicom import dicomweb_client  # loads for a second

    dicomweb_client.pull_series(parts, project, name)
    return parts.repository.image_names.find(
        project, name
    )  # the same of several volumes as the next time
