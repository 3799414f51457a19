"""Prints the mean scores of an evaluation as a table."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from imaging.counted import counted
from inference.evaluation.case_metrics import METRICS, MetricOptions
from inference.evaluation.evaluation import Evaluation
from inference.evaluation.summary import Mean
from models.any_card import AnyCard


def show(evaluation: Evaluation, rules: MetricOptions) -> None:
    """Prints a row for each label and score: mean, interval, and number of cases that have it."""
    summary = evaluation.summary
    title = f"{counted(summary.cases, 'case')}, {evaluation.device.precision}"
    table = Table(box=None, header_style="bold", title=title)
    for head in ("label", "metric"):
        table.add_column(head)
    for head in ("mean", "95 % interval", "cases"):
        table.add_column(head, justify="right")
    for name, label in summary.labels.items():
        first = name
        for metric in METRICS:
            if metric.printed and metric.name in label.means:
                cells = _cells(label.means[metric.name], rules.decimals(metric))
                table.add_row(first, rules.title(metric), *cells)
                first = ""
        table.add_row("", "missed", str(label.missed))
        table.add_row("", "spurious", str(label.spurious))
    if len(summary.labels) > 1:
        table.add_row("all labels", "Dice", *_cells(summary.dice, 3))
    Console().print(table)


def show_scores(card: AnyCard, evaluations: Sequence[Evaluation]) -> None:
    """Prints the scores that a card records, in the precision of each evaluation."""
    precisions = [evaluation.device.precision for evaluation in evaluations]
    scores = [evaluation.scores(card) for evaluation in evaluations]
    table = Table("score", box=None, header_style="bold", title=" and ".join(precisions))
    for head in (*precisions, "difference"):
        table.add_column(head, justify="right")
    for name, first in scores[0].items():
        difference = scores[-1][name] - first
        row = (*(each[name] for each in scores), difference)
        table.add_row(name, *(f"{value:z.4f}" for value in row))
    Console().print(table)


def _cells(mean: Mean, decimals: int) -> tuple[str, str, str]:
    interval = "-"
    if mean.low is not None and mean.high is not None:
        interval = f"{mean.low:z.{decimals}f} to {mean.high:z.{decimals}f}"
    return f"{mean.mean:z.{decimals}f}", interval, str(mean.cases)
