"""Means and intervals against a resampling of our own, and the order of the columns."""

import csv
import io

import numpy as np
import pytest

from imaging.scan import Scan
from inference.device import Device
from inference.evaluation.case_metrics import (
    METRICS,
    CaseMetrics,
    LabelMetrics,
    MetricOptions,
    measure,
)
from inference.evaluation.evaluation import Evaluation
from inference.evaluation.summary import Mean, summarise
from inference.evaluation.tables import COLUMNS, to_csv
from models.registry import Registry


def case(name: str, missed: bool = False, **values: float | None) -> CaseMetrics:
    return CaseMetrics(name, (LabelMetrics("liver", missed, False, values),))


def test_the_interval_is_the_percentile_bootstraps() -> None:
    values = np.random.default_rng(1).gamma(2, size=30)
    weights = np.random.default_rng(2).integers(1, 9, 30)
    found, weighted = Mean.of(list(values)), Mean.of(list(values), list(weights))
    drawn = np.random.default_rng(3).integers(30, size=(20_000, 30))
    means = values[drawn].mean(1)
    assert found.mean == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx(np.percentile(means, [2.5, 97.5]), abs=0.02)
    means = (values * weights)[drawn].sum(1) / weights[drawn].sum(1)
    assert weighted.mean == pytest.approx((values * weights).sum() / weights.sum())
    assert (weighted.low, weighted.high) == pytest.approx(
        np.percentile(means, [2.5, 97.5]), abs=0.03
    )
    assert Mean.of(list(values)) == found  # the same seed, always
    assert Mean.of([0.5]) == Mean(0.5, None, None, 1)
    assert Mean.of([0.5, 0.5]) == Mean(0.5, 0.5, 0.5, 2)


def test_cases_without_a_figure_are_left_out_and_the_missed_counted() -> None:
    cases = [
        case("a", dice=0.9, hd95=2.0),
        case("b", dice=0.5, hd95=4.0),
        case("c", missed=True, dice=0.0, hd95=None),
    ]
    summary = summarise(cases)
    liver = summary.labels["liver"]
    assert (summary.cases, liver.missed, liver.spurious) == (3, 1, 0)
    assert liver.means["dice"].mean == pytest.approx(1.4 / 3)
    assert (liver.means["hd95"].mean, liver.means["hd95"].cases) == (3.0, 2)
    assert "seg" not in liver.means
    assert summary.dice == liver.means["dice"]


def test_what_is_missed_and_what_is_spurious() -> None:
    """The mask holds label 1 alone, the reference label 2 alone."""
    card = Registry().get("hippocampus-mri-3d").card
    found, reference = np.zeros((2, 4, 4, 4), np.uint8)
    found[1:3, 1, 1], reference[2, 2, 1:3] = 1, 2
    scan = Scan(
        shape=(1, 4, 4, 4),
        dtype=np.dtype(np.uint8),
        affine=np.diag([2.0, 2, 2, 1]),
        spacing_mm=(2.0, 2.0, 2.0),
        format="nifti",
        reader=lambda box: found[None][(slice(None), *box.slices)],
        stored_shape=(4, 4, 4),
    )
    told = measure("a", scan, found, reference, card, MetricOptions())
    first, second = told.labels
    assert (first.missed, first.spurious, second.missed, second.spurious) == (0, 1, 1, 0)
    assert [row.values["size_error"] for row in told.labels] == pytest.approx([0.016, -0.016])
    assert [row.values["size_error_percent"] for row in told.labels] == [None, -100.0]
    assert [row.values["hd95"] for row in told.labels] == [None, None]
    assert told.dice == 0.0
    same = measure("b", scan, found, found, card, MetricOptions())
    assert [(row.missed, row.spurious) for row in same.labels] == [(False, False)] * 2
    assert same.dice == 1.0


def test_seg_is_a_mean_over_objects() -> None:
    """One picture with 9 objects, one with 1, and one without, which has no SEG."""
    figures = ((9, 1.0), (1, 0.0), (0, None))
    cases = [case(str(n), dice=1.0, objects=float(n), seg=seg) for n, seg in figures]
    means = summarise(cases).labels["liver"].means
    assert (means["seg"].mean, means["seg"].cases) == (0.9, 2)
    assert means["objects"].mean == pytest.approx(10 / 3)


def test_columns_are_always_the_same() -> None:
    rules = MetricOptions(2.0, "px", "mm2")
    cases = [case("=a,b", dice=0.25, seg=None)]
    evaluation = Evaluation(Device("cpu", "fp32"), cases, summarise(cases))
    rows = list(csv.reader(io.StringIO(to_csv(rules, [evaluation]))))
    assert tuple(rows[0]) == COLUMNS
    assert rows[1][:9] == ["=a,b", "liver", "fp32", "False", "False", "2.0", "px", "mm2", "0.25"]
    assert set(rows[1][9:]) == {""}
    assert len({figure.name for figure in METRICS}) == len(METRICS)
    titles = [rules.title(figure) for figure in METRICS]
    assert titles[1:4] == ["surface Dice at 2 px", "HD95, px", "size error, mm²"]
