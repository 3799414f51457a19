"""`tessera audit`: reads the audit trail in the database of this machine's settings."""

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.audit.atna import AuditSource, syslog_line
from cli.audit.fhir import fhir_line
from cli.audit.json_lines import json_line
from imaging.counted import counted
from jobs.audit.event import AuditAction, AuditObject, AuditOutcome, ChainedEvent
from jobs.audit.filter import AuditFilter
from jobs.settings import Settings

if TYPE_CHECKING:  # it loads SQLAlchemy
    from jobs.audit.removal import AuditRemoval
    from jobs.audit.signing import Signer
    from jobs.audit.verification import Verification
    from jobs.repository import Audit

FAULTS_STATUS = 1
"""Exit status of `verify` where the trail is not intact."""
_FORMATS = ("json", "fhir", "atna")


def _filters(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that choose events."""
    options = (
        click.option("--since", type=click.DateTime(), metavar="TIME", help="At or after, in UTC."),
        click.option("--until", type=click.DateTime(), metavar="TIME", help="Before, in UTC."),
        click.option("--project", metavar="NAME", help="Only of this project."),
        click.option("--principal", metavar="NAME", help="Only what this account or task did."),
        click.option(
            "--action",
            type=click.Choice([str(a) for a in AuditAction]),
            help="Only events of this kind.",
        ),
        click.option(
            "--outcome",
            type=click.Choice([str(o) for o in AuditOutcome]),
            help="Only with this outcome.",
        ),
        click.option("--object", "object_id", metavar="ID", help="Only about this object."),
        click.option(
            "--kind",
            "object_kind",
            type=click.Choice([str(kind) for kind in AuditObject if kind]),
            help="Only about such objects.",
        ),
        click.option("--origin", metavar="ADDRESS", help="Only from this address."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def _wanted(filters: dict[str, Any]) -> AuditFilter:
    times = {"since": "since_ms", "until": "until_ms"}
    values = {name: value for name, value in filters.items() if name not in times}
    for name, member in times.items():
        values[member] = None if filters[name] is None else _milliseconds(filters[name])
    kinds = {"action": AuditAction, "outcome": AuditOutcome, "object_kind": AuditObject}
    for name, kind in kinds.items():
        values[name] = None if values[name] is None else kind(values[name])
    return AuditFilter(**values)


@click.group("audit")
def command() -> None:
    """List, export and verify the audit trail: who did what, when, from where.

    The database is that of TESSERA_DATA or TESSERA_DATABASE_URL, like the gateway's. Gateways may
    run meanwhile.
    """


@command.command("list")
@_filters
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=50,
    show_default=True,
    metavar="COUNT",
    help="At most this many events.",
)
def list_events(limit: int, **filters: Any) -> None:
    """List events, newest first."""
    with _trail() as (audit, _):
        page, more = audit.page(_wanted(filters), None, limit)
    for one in page:
        click.echo(_line(one))
    if more:
        click.echo(f"There are more than {counted(limit, 'event')}.", err=True)


@command.command("export")
@_filters
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    default="json",
    show_default=True,
    help="json: all members, one object a line. fhir: FHIR R4 AuditEvent, one resource a line. "
    "atna: syslog messages (RFC 5424) with the XML of DICOM PS3.15 A.5.",
)
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write, which must not exist.  [default: the standard output]",
)
@click.option(
    "--source", metavar="NAME", help="Name of this service in fhir and atna.  [default: the host]"
)
def export(form: str, target: Path | None, source: str | None, **filters: Any) -> None:
    """Export events, oldest first."""
    host = socket.gethostname()
    write = _writer(form, AuditSource(source or host, host))
    count = 0
    with (
        _trail() as (audit, _),
        nullcontext(sys.stdout) if target is None else target.open("x", encoding="utf-8") as file,
    ):
        for one in audit.events(_wanted(filters)):
            file.write(write(one) + "\n")
            count += 1
    click.echo(f"{counted(count, 'event')} exported.", err=True)


@command.command("verify")
@click.option(
    "--key",
    "keys",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="Another key file, such as that of another gateway or of earlier times. Repeatable.",
)
@click.option(
    "--checkpoint",
    "recorded",
    metavar="NUMBER:HASH",
    multiple=True,
    help="A checkpoint that was kept elsewhere, such as in the log of a gateway. Repeatable.",
)
def verify(keys: tuple[Path, ...], recorded: tuple[str, ...]) -> None:
    """Find events that were changed, removed, swapped or inserted, and check all signatures.

    The exit status is 1 if there are any.
    """
    from jobs.audit.verification import verify as verified

    checkpoints = [_checkpoint(text) for text in recorded]
    with _trail() as (audit, settings):
        result = verified(audit, _signers(settings, keys), checkpoints)
    if result.removal is not None:
        click.echo(_removed(result.removal))
    for finding in result.findings:
        click.echo(str(finding))
    click.echo(_summary(result))
    if result.findings:
        raise click.exceptions.Exit(FAULTS_STATUS)


@contextmanager
def _trail() -> Iterator[tuple["Audit", Settings]]:
    from jobs.server_database import server_database

    settings = Settings()
    with server_database(settings) as repository:
        yield repository.audit, settings


def _signers(settings: Settings, keys: tuple[Path, ...]) -> list["Signer"]:
    from service.resources.audit_key import existing_signer, signers_of_file

    own = existing_signer(settings)
    return [*([own] if own else []), *(one for key in keys for one in signers_of_file(key))]


def _writer(form: str, source: AuditSource) -> Callable[[ChainedEvent], str]:
    if form == "json":
        return json_line
    if form == "fhir":
        return lambda one: fhir_line(one, source.name)
    return lambda one: syslog_line(one, source)


def _checkpoint(text: str) -> tuple[int, str]:
    number, _, last_hash = text.partition(":")
    if not number.isdecimal() or len(last_hash) != 64:
        raise click.UsageError(
            f"{text} is no checkpoint. Give its number, a colon and its hash, as in the log."
        )
    return int(number), last_hash


def _summary(result: "Verification") -> str:
    end = f"The trail ends with {result.end}." if result.end.seq else "The trail is empty."
    if result.findings:
        return f"The audit trail is not intact. {end}"
    events, checkpoints = result.events, result.checkpoints
    counts = f"{counted(events, 'event')} and {counted(checkpoints, 'checkpoint')}"
    return f"The audit trail is intact: {counts}. {end}"


def _removed(removal: "AuditRemoval") -> str:
    before, at = (
        datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="minutes")
        for ms in (removal.before_ms, removal.time_ms)
    )
    return (
        f"Events before {before} were removed by rule on {at}: those up to number {removal.seq}. "
        "The trail begins after them."
    )


def _milliseconds(time: datetime) -> int:
    return round(time.replace(tzinfo=UTC).timestamp() * 1000)


def _line(one: ChainedEvent) -> str:
    event = one.event
    time = datetime.fromtimestamp(event.time_ms / 1000, UTC).isoformat(timespec="milliseconds")
    about = " ".join(filter(None, (str(event.object_kind), event.object_id))) or "-"
    to = f" to {event.destination}" if event.destination else ""
    return (
        f"{one.seq}  {time}  {event.outcome}  {event.action}  {about}{to}  "
        f"{event.principal or '-'}  {event.project or '-'}  {event.origin or '-'}"
    )
