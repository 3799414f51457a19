"""`tessera routes try`: what the routing table would do with DICOM files."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.account_options import project_option
from cli.error_text import DETAIL_INDENT, parts_of
from imaging.counted import counted
from jobs.settings import Settings

if TYPE_CHECKING:  # it loads the formats
    from service.resources.routing_table import RoutingRule
    from service.use_cases.route_trial import RuleTrial, SeriesTrial


@click.group("routes")
def command() -> None:
    """Check the routing table of DICOM peers and rules."""


@command.command("try")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="FILES"
)
@click.option(
    "--table",
    type=click.Path(path_type=Path),
    help="The routing table; without it, the file that TESSERA_ROUTING_TABLE names.",
)
@click.option(
    "--calling",
    metavar="TITLE",
    help="AE title of the sender; without it, the title that the files state.",
)
@project_option
def try_routes(
    files: tuple[Path, ...], table: Path | None, calling: str | None, project: str
) -> None:
    """Print what would happen if FILES were received by C-STORE for a project.

    FILES are DICOM files, folders or archives of them. For each series, the output states which
    rules match, which jobs would start, and which results would be sent to which peer. Nothing is
    stored and nothing is sent.
    """
    from imaging.formats.limits import Limits
    from models.registry import Registry
    from service.resources.routing_table import RoutingTable
    from service.use_cases.route_trial import RouteTrial

    settings = Settings()
    routing = RoutingTable.load(table or settings.routing_table)
    registry = Registry(settings.added_models)
    routing.check(registry)
    limits = Limits(settings.max_voxels, settings.max_pixels, settings.max_unpacked_bytes)
    with tempfile.TemporaryDirectory(prefix="tessera-") as folder:
        tried = RouteTrial(routing, registry, limits, Path(folder), project).run(files, calling)
    if not tried.series:
        click.echo("The files hold no DICOM series.")
    if tried.unreadable:
        click.echo(f"{_files(tried.unreadable)} refused: not a readable DICOM instance")
    for number, series in enumerate(tried.series, 1):
        count = len(tried.series)
        click.echo(f"Series {number} of {count}: {series.modality}, {_files(series.files)}")
        for line in _lines(series):
            click.echo(f"  {line}")


def _lines(series: "SeriesTrial") -> list[str]:
    lines = []
    if series.rejected:
        lines.append(f"{_files(series.rejected)} rejected: C-STORE accepts images only")
    for rule in series.rules:
        lines += _rule_lines(rule)
    for scan in dict.fromkeys(series.scans):
        lines.append(f"scan: {scan.title}, {_shape(scan.shape)}")
        lines += [f"  warning: {warning}" for warning in scan.warnings]
    for error in series.refusals:
        first, *others = parts_of(error)
        lines += [f"refused: {first}", *(f"{DETAIL_INDENT}{part}" for part in others)]
    if series.scans and not any(rule.applies for rule in series.rules):
        lines.append("no rule applies: the scan is stored without a job, and not de-identified")
    return lines


def _rule_lines(tried: "RuleTrial") -> list[str]:
    rule, name = tried.rule, f"rule.{tried.number}"
    if tried.mismatches:
        verb = "does" if len(tried.mismatches) == 1 else "do"
        return [f"{name} does not apply: {', '.join(tried.mismatches)} {verb} not match"]
    if not tried.applies:
        return [f"{name} does not apply: it is for series that no other rule matches"]
    if rule.model is None:
        return [f"{name} applies{_projects(rule)}: no job"]
    options = [n for n in ("deidentify", "resample") if getattr(rule, n)]
    ending = f" ({', '.join(options)})" if options else ""
    lines = [f"{name} applies{_projects(rule)}: {rule.model}, priority {rule.priority}{ending}"]
    for job in tried.jobs:
        if job.fault is None:
            lines.append(f"  job for {job.scan.title}")
        else:
            lines.append(f"  no job for {job.scan.title}: {job.fault}")
    sent = [f"{form} to {peer}" for peer in rule.to for form in rule.formats]
    if any(job.fault is None for job in tried.jobs):
        lines.append(f"  results: {', '.join(sent) or 'sent nowhere'}")
    return lines


def _projects(rule: "RoutingRule") -> str:
    return "" if rule.projects is None else f" in {', '.join(rule.projects)}"


def _files(count: int) -> str:
    return counted(count, "file")


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) + (" voxels" if len(shape) == 3 else " pixels")
