"""The media type of a DICOM file."""

MEDIA_TYPE = "application/dicom"
"""PS3.18 8.7.3, RFC 3240."""
