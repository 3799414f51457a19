"""`tessera doctor`"""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click

from cli.doctor.broker import check_broker
from cli.doctor.database import check_database
from cli.doctor.encryption import check_encryption
from cli.doctor.files import check_blobs, check_data_folder, check_disk, check_secret_files
from cli.doctor.finding import Finding, Level, problem
from cli.doctor.gateway import check_addresses, check_gateway, check_proxies
from cli.doctor.models import check_models, check_runtimes
from cli.doctor.openid import check_openid_provider
from imaging.errors import TesseraError
from jobs.settings import Settings

CHECKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    check_data_folder,
    check_secret_files,
    check_disk,
    check_blobs,
    check_encryption,
    check_database,
    check_broker,
    check_addresses,
    check_proxies,
    check_gateway,
    check_openid_provider,
    check_models,
    check_runtimes,
)
"""In the order in which they are printed."""
_COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "red"}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(as_json: bool) -> int:
    """Check an installation, and say what is wrong and what to do.

    Reads the same TESSERA_* environment variables as the gateway and the workers: run it on their
    machine, as their user. The exit status is 1 if there is a problem. The output contains no
    patient data and no secret.
    """
    settings, findings = Settings(), list[Finding]()
    with _without_warnings("tessera.models"):  # a finding says the same
        for check in CHECKS:
            for finding in _safely(check, settings):
                findings.append(finding)
                if not as_json:
                    _print(finding)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    return int(any(finding.level is Level.PROBLEM for finding in findings))


@contextmanager
def _without_warnings(name: str) -> Iterator[None]:
    """A logger logs errors alone in the block."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _safely(
    check: Callable[[Settings], Iterator[Finding]], settings: Settings
) -> Iterator[Finding]:
    """The findings; a check that fails is a problem, and the others go on."""
    name = check.__name__.removeprefix("check_").replace("_", " ")
    try:
        yield from check(settings)
    except TesseraError as error:
        yield problem(name, error.detail, error.hint)
    except Exception as error:  # noqa: BLE001 - of which the text may contain anything
        yield problem(name, f"The check failed: {type(error).__name__}.", "Read the logs.")


def _print(finding: Finding) -> None:
    level = click.style(f"{finding.level:<8}", fg=_COLOURS[finding.level])
    click.echo(f"{level} {finding.check}: {finding.text}")
    if finding.hint:
        click.echo(f"{'':<8} What to do: {finding.hint}")
