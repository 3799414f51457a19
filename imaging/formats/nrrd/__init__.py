"""NRRD: volumes and masks."""
