"""`tessera erase`"""

from collections.abc import Callable, Sequence

import click

from cli.recorded_change import PRINCIPAL
from cli.retention.lines import report_lines, tally_lines
from cli.retention.parts import retention_parts
from imaging.errors import BadRequest
from jobs.settings import Settings


@click.command("erase")
@click.option(
    "--project",
    "projects",
    multiple=True,
    required=True,
    metavar="NAME",
    help="A project to erase from. Repeatable.",
)
@click.option(
    "--pseudonym",
    "pseudonyms",
    multiple=True,
    metavar="TEXT",
    help="Pseudonym, as the page shows it. Repeatable.",
)
@click.option(
    "--patient-id",
    "asks",
    is_flag=True,
    help="Ask for the PatientID, or read it from the standard input; the pseudonym is computed "
    "with the pseudonym key of this machine.",
)
@click.option(
    "--scan",
    "scans",
    multiple=True,
    metavar="ID",
    help="A further scan, such as NIfTI. Repeatable.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be erased.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(
    projects: tuple[str, ...],
    pseudonyms: tuple[str, ...],
    asks: bool,
    scans: tuple[str, ...],
    dry_run: bool,
    yes: bool,
) -> None:
    """Erase the data of one patient from projects: scans, jobs, masks, reviews, drafts, messages,
    received originals and unfinished uploads.

    Running jobs are cancelled. The audit trail keeps ids. Run it on each machine whose data folder
    receives files, and stop sending images of the patient before.
    """
    from service.use_cases.erasure import Erasure, Patient

    if not (pseudonyms or asks or scans):
        raise click.UsageError("Give --pseudonym, --patient-id or --scan.")
    with retention_parts() as parts:
        asked = _asked(parts.received.secret, projects) if asks else ()
        subjects = frozenset(one for one in (*pseudonyms, *asked) if one)
        patient = Patient(projects, subjects, frozenset(scans))
        erasure = Erasure(parts)
        click.echo("\n".join(tally_lines(erasure.plan(patient))))
        if unknown := len(erasure.unattributed(patient)):
            click.echo(
                f"{unknown:,} unfinished uploads of these projects are not DICOM files, so that "
                "nobody can say whose they are. They expire after TESSERA_UPLOAD_KEEP_S.",
                err=True,
            )
        if dry_run:
            return
        if not yes:
            click.confirm("Erase this? It cannot be undone.", abort=True, err=True)
        erased = erasure.erase(patient, PRINCIPAL)
    click.echo("\n".join(report_lines(erased.report)))
    if not erased.log_emptied:
        click.echo(
            "A process that reads the database kept its write-ahead log. Erased rows leave it with "
            "the next erasure, or when all processes have stopped.",
            err=True,
        )


def _asked(secret: Callable[[str], bytes], projects: Sequence[str]) -> list[str]:
    """The pseudonyms of a PatientID in projects; and the PatientID, which de-identified files have
    as their own pseudonym. `secret`: of a project."""
    from imaging.formats.dicom.pseudonyms import pseudonym
    from service.resources.pseudonyms import has_pseudonym_secret

    if not has_pseudonym_secret(Settings()):
        raise BadRequest(
            "The pseudonym key is not on this machine.",
            expected="TESSERA_PSEUDONYM_SECRET, or the file pseudonyms.key in the data folder.",
            hint="Run the command on the host of a gateway, or give --pseudonym.",
        )
    patient: str = click.prompt("PatientID", hide_input=True, err=True).strip()
    return [*(pseudonym("patient", patient, secret(one)) for one in projects), patient]
