"""DICOM as a scan format, and the DICOM objects that results are written as."""
