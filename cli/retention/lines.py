"""Rules, holds and reports as lines of text."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from cli.account_options import shown_time
from cli.retention.durations import duration_text
from jobs.retention.hold import Hold
from jobs.retention.report import Place, Report, Tally
from jobs.retention.rule import SERVICE, RetentionRule


def rule_line(rule: RetentionRule) -> str:
    """One rule."""
    return (
        f"{project_text(rule.project)}  {rule.kind}  {duration_text(rule.keep_s)} after "
        f"{rule.basis}  set by {rule.set_by} {shown_time(rule.set_at)}"
    )


def hold_line(hold: Hold) -> str:
    """One hold."""
    lifted = "" if hold.in_force else f"  lifted by {hold.lifted_by} {shown_time(hold.lifted_at)}"
    target = f" {hold.target}" if hold.target else ""
    return (
        f"{hold.id}  {hold.project}  {hold.kind}{target}  set by {hold.set_by} "
        f"{shown_time(hold.set_at)}{lifted}  {hold.reason}"
    )


def report_lines(report: Report) -> Iterator[str]:
    """A report with its tallies."""
    end = "not finished" if report.finished_at is None else shown_time(report.finished_at)
    began = shown_time(report.started_at)
    yield f"{report.id}  {report.kind}  by {report.requested_by}  {began}  {end}"
    yield from (f"  {line}" for line in tally_lines(report.tallies))


def tally_lines(tallies: Mapping[Place, Tally]) -> Iterator[str]:
    """One line for each project and kind; "nothing" if there is none."""
    for (project, kind), tally in sorted(tallies.items()):
        size = f", {tally.bytes:,} bytes" if tally.bytes else ""
        between = _day(tally.oldest)
        if _day(tally.newest) != between:
            between = f"{between} to {_day(tally.newest)}"
        yield f"{project_text(project)}  {kind}: {tally.number:,}{size}, {between}"
    if not tallies:
        yield "nothing"


def project_text(project: str) -> str:
    """The name of a project."""
    return "(whole service)" if project == SERVICE else project


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
