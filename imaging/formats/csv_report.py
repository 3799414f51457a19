"""CSV as a report format: the measurements as a table."""

from imaging.formats.format import ReportFormat
from imaging.measure import table

REPORT = ReportFormat(
    name="csv",
    title="CSV",
    endings=(".csv",),
    media_type="text/csv",
    render=lambda report: table(report.get("measurements") or {}),
)
