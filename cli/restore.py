"""`tessera restore`"""

import time
from contextlib import ExitStack, closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.backup_keys import backup_keys
from cli.backup_progress import BackupProgress, backup_progress
from cli.folder_lock import locked_folder
from cli.recorded_change import PRINCIPAL
from imaging.counted import counted
from imaging.errors import Conflict
from jobs.audit.event import AuditAction, AuditEvent, AuditObject, AuditOutcome
from jobs.private_files import creating_private
from jobs.settings import Settings

if TYPE_CHECKING:  # it loads SQLAlchemy
    from jobs.backup import Restored, StoredBackup, StoredBackups
    from jobs.repository import Repository


@click.command("restore")
@click.argument("target", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--backup", "name", metavar="NAME", help="Name of the backup.  [default: the newest]")
@click.option(
    "--replace",
    is_flag=True,
    help="Replace what is in the database, and files with the same names. It is lost.",
)
@click.option(
    "--secrets",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also restore the secrets from the FILE of `tessera backup --secrets`.",
)
@click.option("--check", is_flag=True, help="Only read and verify the backup; restore nothing.")
def command(
    target: Path, name: str | None, replace: bool, secrets: Path | None, check: bool
) -> None:
    """Restore a backup from the folder TARGET.

    Writes to the database, store and data folder that the TESSERA_* environment variables name;
    they may be of another kind than those of the backup. Stop all gateways and workers before.
    """
    from jobs.backup import StoredBackups, verify

    stored = StoredBackups(target, backup_keys(Settings(), target))
    backup = stored.get(name)
    with backup_progress() as progress:
        if check:
            verify(backup, stored.contents, progress)
            restored = None
        else:
            restored, signs_audit = _restore(
                Settings(), stored, backup, progress, secrets, replace=replace
            )
    if restored is None:
        click.echo(f"Backup {backup.name} is complete and not damaged.")
    else:
        _report(backup, restored, Settings(), signs_audit=signs_audit)


def _restore(
    settings: Settings,
    stored: "StoredBackups",
    backup: "StoredBackup",
    progress: BackupProgress,
    secrets: Path | None,
    *,
    replace: bool,
) -> "tuple[Restored, bool]":
    """What was restored, and whether the key that signed its audit trail is here."""
    from jobs.backup import Destination, read_secrets, restore, write_secret_files
    from jobs.blobs import open_blobs
    from jobs.repository import Repository

    with ExitStack() as stack:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A folder of models outside the data folder may be for several users.
        private = nullcontext() if settings.models else creating_private(settings.data)
        stack.enter_context(private)
        lock = locked_folder(settings.data, "up.lock", _in_use(settings), "TESSERA_DATA")
        stack.enter_context(lock)
        keys = {} if secrets is None else read_secrets(secrets, settings.data)
        repository = Repository(settings.database, settings.database_timeout_s)
        destination = Destination(
            repository=stack.enter_context(closing(repository)),
            blobs=open_blobs(settings),
            folders={
                "models": settings.added_models,
                **{name: settings.data / name for name in ("inbox", "refused")},
            },
            scratch=settings.scratch,
        )
        restored = restore(backup, stored.contents, destination, progress, replace=replace)
        write_secret_files(settings.data, keys)
        signs = _signs_audit(destination.repository, settings)
        if settings.audit and signs:
            _record(destination.repository, settings, backup.name)
        return restored, signs


def _in_use(settings: Settings) -> Conflict:
    return Conflict(
        f"Tessera is running with the data folder {settings.data}.",
        expected="A data folder that nothing uses.",
        hint="Stop Tessera, or set TESSERA_DATA to another folder.",
    )


def _signs_audit(repository: "Repository", settings: Settings) -> bool:
    from service.resources.audit_key import existing_signer

    head, signer = repository.audit.head(), existing_signer(settings)
    return head.seq == 0 or (signer is not None and signer.key_id == head.key_id)


def _record(repository: "Repository", settings: Settings, name: str) -> None:
    """The first event after those of the backup; without a key here, there is none."""
    from service.resources.audit_key import existing_signer

    signer = existing_signer(settings)
    if signer is None:
        return
    event = AuditEvent(
        time_ms=int(time.time() * 1000),
        action=AuditAction.CONFIGURATION,
        principal=PRINCIPAL,
        project="",
        outcome=AuditOutcome.SUCCESS,
        object_kind=AuditObject.BACKUP,
        object_id=name,
    )
    repository.audit.append([event], signer)


def _report(
    backup: "StoredBackup", restored: "Restored", settings: Settings, *, signs_audit: bool
) -> None:
    from jobs.backup import key_check

    counts = "".join(
        f"\n  {table}: {number:,}" for table, number in sorted(restored.rows.items()) if number
    )
    click.echo(
        f"Backup {backup.name} is restored: {counted(restored.blobs, 'stored file')}, "
        f"{counted(restored.files, 'file')} of the data folder, and these rows:{counts}"
    )
    if restored.queued_again:
        one, many = "job or training that ran is", "jobs and trainings that ran are"
        click.echo(f"{counted(restored.queued_again, one, many)} queued again.")
    if lost := len(backup.manifest.lost_blobs):
        click.echo(
            f"{counted(lost, 'stored file was', 'stored files were')} missing in the service when "
            "it was backed up.",
            err=True,
        )
    if restored.rows.get("people") or restored.rows.get("api_keys"):
        click.echo(
            "Users, roles, passwords and keys are as they were when it was backed up. What was "
            "revoked, disabled or lowered since then is valid again: before you start a gateway, "
            "repeat it with `tessera keys revoke`, `tessera users disable` and `tessera users "
            "role`.",
            err=True,
        )
    check = backup.manifest.key_check
    if check and check != key_check(settings.pseudonym_secret, settings.data):
        click.echo(
            "The pseudonym key of the backup is not here: patients of later uploads would get "
            "other pseudonyms. Before you start the gateway, restore it with --secrets, or set "
            "TESSERA_PSEUDONYM_SECRET to the value of the service that was backed up.",
            err=True,
        )
    if not signs_audit:
        click.echo(
            "The key that signed the audit trail is not here, so `tessera audit verify` cannot "
            "verify it. Before you start the gateway, restore it with --secrets, or set "
            "TESSERA_AUDIT_KEY to the value of the service that was backed up.",
            err=True,
        )
