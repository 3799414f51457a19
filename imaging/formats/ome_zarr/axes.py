"""The spatial axes of an OME-Zarr image: units, and directions in the patient."""

LENGTHS_MM = {
    "nanometer": 1e-6,
    "micrometer": 1e-3,
    "millimeter": 1.0,
    "centimeter": 10.0,
    "meter": 1000.0,
}
"""NGFF's name of a unit -> its length in mm."""
DIRECTIONS = {
    "left-to-right": (0, 1.0),
    "right-to-left": (0, -1.0),
    "posterior-to-anterior": (1, 1.0),
    "anterior-to-posterior": (1, -1.0),
    "inferior-to-superior": (2, 1.0),
    "superior-to-inferior": (2, -1.0),
}
"""Orientation of an axis (NGFF RFC-4) -> the axis of RAS+ space, and the sign along it."""
LPS = {"x": "right-to-left", "y": "anterior-to-posterior", "z": "inferior-to-superior"}
"""Orientation of each axis where the file does not state it: LPS, as in ITK and DICOM."""
