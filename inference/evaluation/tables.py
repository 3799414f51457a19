"""An evaluation as plain JSON values, and as CSV."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from inference.evaluation.case_metrics import METRICS, CaseMetrics, MetricOptions
from inference.evaluation.summary import CONFIDENCE, Summary
from models.card import ModelCard

COLUMNS = (
    *("case", "label", "missed", "spurious", "tolerance", "distance_unit", "size_unit"),
    *(metric.name for metric in METRICS),
)
"""The columns in their order; a cell is empty where the metric does not apply."""


def as_json(
    card: ModelCard, rules: MetricOptions, summary: Summary, cases: Sequence[CaseMetrics]
) -> dict[str, Any]:
    """Model, checksum, units, means with intervals per label, and every case."""
    return {
        "model": card.name,
        "version": card.version,
        "sha256": card.checksum,
        "rules": asdict(rules),
        "confidence": CONFIDENCE,
        "dice": asdict(summary.dice),
        "labels": {name: asdict(row) for name, row in summary.labels.items()},
        "cases": [
            {
                "case": case.case,
                "dice": case.dice,
                "labels": {
                    row.label: {"missed": row.missed, "spurious": row.spurious, **row.values}
                    for row in case.labels
                },
            }
            for case in cases
        ],
    }


def to_csv(rules: MetricOptions, cases: Sequence[CaseMetrics]) -> str:
    """A header line of COLUMNS, and a row for each case and label."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    units = asdict(rules)
    del units["membrane"]
    for case in cases:
        for row in case.labels:
            key = {"case": case.case, "label": row.label}
            flags = {"missed": row.missed, "spurious": row.spurious}
            writer.writerow({**key, **flags, **units, **row.values})
    return text.getvalue()
