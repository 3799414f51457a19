"""What a DICOM scan needs so that a result can refer to its images."""

from imaging.scan import Scan


def has_planes(scan: Scan) -> bool:
    """Whether the scan consists of image planes, to which an object can refer."""
    return scan.source is not None and scan.source.has_planes


def has_position(scan: Scan) -> bool:
    """Whether the scan's planes have a position in the patient."""
    return has_planes(scan) and scan.source is not None and scan.source.has_position
