"""Reads and writes files of scans and masks; the one place that knows file formats."""
