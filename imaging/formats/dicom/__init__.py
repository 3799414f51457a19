"""DICOM: instances -> frames -> series, in; segmentations, contours and reports, out."""
