"""Use cases: what the service does, without any knowledge of HTTP or DICOM networking."""
