"""`tessera retention`: rules, runs, reports and legal holds."""

import click

from cli.account_options import project_option
from cli.recorded_change import PRINCIPAL, recorded_change
from cli.retention.durations import seconds_of
from cli.retention.lines import hold_line, report_lines, rule_line, tally_lines
from cli.retention.parts import retention_parts
from jobs.account import FIRST_PROJECT
from jobs.audit.event import AuditAction, AuditObject
from jobs.retention.hold import HoldKind
from jobs.retention.rule import BASES, SERVICE, Basis, RetentionKind, RetentionRule
from jobs.server_database import server_database
from jobs.settings import Settings

_KINDS = click.Choice([str(kind) for kind in RetentionKind])
_BASES = click.Choice([str(basis) for basis in Basis])
"""Of a rule."""


@click.group("retention")
def command() -> None:
    """Say how long projects keep data, and hold what must stay.

    Without a rule, data is kept for ever. The commands use the database that TESSERA_DATA or
    TESSERA_DATABASE_URL names, like the gateway.
    """


@command.command("set")
@click.argument("kind", type=_KINDS)
@click.argument("keep", metavar="TIME", callback=seconds_of)
@click.option("--after", "basis", type=_BASES, help="From when on.  [default: depends on the kind]")
@project_option
def set_rule(kind: str, keep: float, basis: str | None, project: str) -> None:
    """Delete data of KIND after TIME, such as 12h, 90d or 52w.

    \b
    scans     scans with all their jobs, masks and reviews
    masks     jobs that have ended, with masks and reviews
    previews  preview images
    drafts    corrections that nobody has finished
    uploads   resumable uploads that nobody has finished
    inbox     originals that were received by C-STORE
    audit     events of the audit trail, of the whole service

    Gateways that run apply the rule within an hour (TESSERA_RETENTION_INTERVAL_S). Look at
    `tessera retention run --dry-run` first.
    """
    of = RetentionKind(kind)
    chosen = BASES[of][0] if basis is None else Basis(basis)
    owner = _owner(of, project)
    with recorded_change(
        AuditObject.RETENTION_RULE, kind, owner, AuditAction.CONFIGURATION
    ) as change:
        rule = change.repository.retention_rules.set(
            RetentionRule(owner, of, chosen, keep, PRINCIPAL)
        )
    click.echo(rule_line(rule))


@command.command("unset")
@click.argument("kind", type=_KINDS)
@project_option
def unset(kind: str, project: str) -> None:
    """Remove the rule for KIND: such data is kept for ever."""
    owner = _owner(RetentionKind(kind), project)
    with recorded_change(
        AuditObject.RETENTION_RULE, kind, owner, AuditAction.CONFIGURATION
    ) as change:
        change.repository.retention_rules.unset(owner, RetentionKind(kind))
    click.echo("The rule is removed.")


@command.command("list")
def list_rules() -> None:
    """List the rules of all projects."""
    with server_database(Settings()) as repository:
        rules = repository.retention_rules.all()
    for rule in rules:
        click.echo(rule_line(rule))
    if not rules:
        click.echo("No project has rules: everything is kept for ever.")


@command.command("run")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
def run(dry_run: bool) -> None:
    """Delete what is due by the rules, now.

    Gateways do the same by themselves. Received originals and unfinished uploads are those in the
    data folder of this machine. A run that is interrupted is continued by the next one.
    """
    from service.use_cases.retention import Retention

    with retention_parts() as parts:
        retention = Retention(parts)
        if dry_run:
            lines = list(tally_lines(retention.plan()))
        else:
            report = retention.run(PRINCIPAL)
            lines = ["nothing"] if report is None else list(report_lines(report))
    click.echo("\n".join(lines))


@command.command("reports")
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=20,
    show_default=True,
    metavar="COUNT",
    help="At most this many reports.",
)
def reports(limit: int) -> None:
    """List what went by rules and by erasures, the newest first."""
    with server_database(Settings()) as repository:
        page, _ = repository.retention_reports.page(limit=limit)
    for report in page:
        click.echo("\n".join(report_lines(report)))
    if not page:
        click.echo("Nothing has been deleted by rule or erased.")


@command.command("hold")
@click.argument("kind", type=click.Choice([str(kind) for kind in HoldKind]))
@click.argument("target", required=False, default="")
@click.option("--reason", required=True, help="Why, without the name of a patient.")
@project_option
def hold(kind: str, target: str, reason: str, project: str) -> None:
    """Hold a scan (TARGET is its id), a patient (a pseudonym) or a whole project.

    Nobody can delete what a hold covers, and no rule does, until the hold is lifted.
    """
    with recorded_change(
        AuditObject.LEGAL_HOLD, project=project, action=AuditAction.CONFIGURATION
    ) as change:
        one = change.repository.legal_holds.set(project, HoldKind(kind), target, reason, PRINCIPAL)
        change.object_id = one.id
    click.echo(hold_line(one))


@command.command("lift")
@click.argument("hold_id", metavar="HOLD")
def lift(hold_id: str) -> None:
    """Lift a HOLD by its id."""
    with recorded_change(
        AuditObject.LEGAL_HOLD, hold_id, action=AuditAction.CONFIGURATION
    ) as change:
        one = change.repository.legal_holds.lift(hold_id, PRINCIPAL)
        change.project = one.project
    click.echo(hold_line(one))


@command.command("holds")
@click.option("--all", "lifted", is_flag=True, help="Also those that were lifted.")
def holds(lifted: bool) -> None:
    """List the holds of all projects."""
    with server_database(Settings()) as repository:
        found = repository.legal_holds.all(lifted=lifted)
    for one in found:
        click.echo(hold_line(one))
    if not found:
        click.echo("There is no hold.")


def _owner(kind: RetentionKind, project: str) -> str:
    """The project of a rule; raises UsageError for one of the audit trail with a project."""
    if kind is not RetentionKind.AUDIT:
        return project
    if project != FIRST_PROJECT:
        raise click.UsageError("The audit trail is one chain of all projects: leave out --project.")
    return SERVICE
