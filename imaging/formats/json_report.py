"""JSON as a report format: the whole report."""

import json

from imaging.formats.format import ReportFormat

REPORT = ReportFormat(
    name="json",
    title="JSON",
    endings=(".json",),
    media_type="application/json",
    render=lambda report: json.dumps(report, indent=2) + "\n",
)
