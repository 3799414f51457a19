"""Reads and writes files of scans and masks; the one place that knows file formats."""

import logging

# These libraries log what they read, quoting tags and file names, which may be a patient's data.
for library in ("PIL", "nibabel", "tifffile", "pydicom", "highdicom"):
    logging.getLogger(library).setLevel(logging.CRITICAL + 1)
