"""An evaluation as plain JSON values, and as CSV."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from inference.evaluation.case_metrics import METRICS, MetricOptions
from inference.evaluation.evaluation import Evaluation
from inference.evaluation.summary import CONFIDENCE
from models.any_card import AnyCard

COLUMNS = (
    *("case", "label", "precision", "missed", "spurious"),
    *("tolerance", "distance_unit", "size_unit"),
    *(metric.name for metric in METRICS),
)
"""The columns in their order; a cell is empty where the metric does not apply."""


def as_json(
    card: AnyCard, rules: MetricOptions, evaluations: Sequence[Evaluation]
) -> dict[str, Any]:
    """Model, checksum, units, device and scores; means with intervals, and every case.

    The latter are under the precision's name in `precisions` if there are two evaluations.
    """
    device = evaluations[0].device
    results = {each.device.precision: _results(each) for each in evaluations}
    return {
        "model": card.name,
        "version": card.version,
        "sha256": card.checksum,
        "rules": asdict(rules),
        "confidence": CONFIDENCE,
        "device": device.name,
        "measured_on": f"{device.runtime.title}, {device.runtime.hardware_name()}",
        "count": len(evaluations[0].cases),
        "scores": {each.device.precision: each.scores(card) for each in evaluations},
        **({"precisions": results} if len(results) > 1 else results[device.precision]),
    }


def _results(evaluation: Evaluation) -> dict[str, Any]:
    summary = evaluation.summary
    return {
        "precision": evaluation.device.precision,
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
            for case in evaluation.cases
        ],
    }


def to_csv(rules: MetricOptions, evaluations: Sequence[Evaluation]) -> str:
    """A header line of COLUMNS, and a row for each precision, case and label."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    units = asdict(rules)
    del units["membrane"]
    for evaluation in evaluations:
        precision = {"precision": evaluation.device.precision}
        for case in evaluation.cases:
            for row in case.labels:
                key = {"case": case.case, "label": row.label}
                flags = {"missed": row.missed, "spurious": row.spurious}
                writer.writerow({**key, **precision, **flags, **units, **row.values})
    return text.getvalue()
