"""Prints the mean scores of an evaluation as a table."""

from rich.console import Console
from rich.table import Table

from inference.evaluation.case_metrics import METRICS, MetricOptions
from inference.evaluation.summary import Mean, Summary


def show(summary: Summary, rules: MetricOptions) -> None:
    """Prints a row for each label and score: mean, interval, and number of cases that have it."""
    table = Table(box=None, header_style="bold", title=f"{summary.cases} cases")
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


def _cells(mean: Mean, decimals: int) -> tuple[str, str, str]:
    interval = "-"
    if mean.low is not None and mean.high is not None:
        interval = f"{mean.low:z.{decimals}f} to {mean.high:z.{decimals}f}"
    return f"{mean.mean:z.{decimals}f}", interval, str(mean.cases)
