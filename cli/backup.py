"""`tessera backup`"""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.backup_keys import backup_keys
from cli.backup_progress import BackupProgress, backup_progress
from cli.exit_status import SOME_FAILED_STATUS
from cli.folder_lock import locked_folder
from imaging.counted import counted
from imaging.errors import BadRequest, Conflict
from jobs.private_files import creating_private
from jobs.server_database import check_database_exists
from jobs.settings import Settings

if TYPE_CHECKING:  # it loads SQLAlchemy
    from jobs.backup import Manifest, StoredBackup, StoredBackups


@click.command("backup")
@click.argument("target", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    metavar="COUNT",
    help="Delete all but the newest COUNT backups in TARGET afterwards.  [default: keep all]",
)
@click.option(
    "--recheck",
    is_flag=True,
    help="Also read the files that earlier backups stored in TARGET, and replace damaged ones.",
)
@click.option(
    "--secrets",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write the secrets of the data folder (pseudonym key, audit key) to a new FILE "
    "outside TARGET, to be kept apart.",
)
def command(target: Path, keep: int | None, recheck: bool, secrets: Path | None) -> int:
    """Back up a service, while it runs, to the folder TARGET.

    Reads the same TESSERA_* environment variables as the gateway. The backup has the database, all
    stored files, added models, and received images; later backups to the same TARGET copy only what
    is new. It contains patient data, but no secrets.
    """
    from jobs.backup import StoredBackups, secrets_in, write_secrets

    settings = Settings()
    check_database_exists(settings)
    with ExitStack() as stack:
        stack.enter_context(creating_private(target))
        stack.enter_context(locked_folder(target, "backup.lock", _in_use(target), "TARGET"))
        if secrets is not None:
            _check_apart(secrets, target)
        stored = StoredBackups(target, backup_keys(settings, target, rotate=True))
        with backup_progress() as progress:
            backup = _take(settings, stored, progress, recheck=recheck)
            if keep is not None:
                progress.begin("Deleting older backups")
                for size in stored.keep_newest(keep):
                    progress.advance(size)
        if secrets is not None:
            write_secrets(secrets, secrets_in(settings.data))
    return _report(backup, () if secrets else sorted(secrets_in(settings.data)))


def _take(
    settings: Settings, stored: "StoredBackups", progress: BackupProgress, *, recheck: bool
) -> "StoredBackup":
    from jobs.backup import Source, key_check, take_backup
    from jobs.blobs import open_blobs
    from jobs.repository import Repository

    repository = Repository(settings.database, settings.database_timeout_s)
    with closing(repository):
        source = Source(
            tables=repository.table_backup,
            blobs=open_blobs(settings),
            received={name: settings.data / name for name in ("inbox", "refused")},
            kept={"models": settings.added_models},
            key_check=key_check(settings.pseudonym_secret, settings.data),
        )
        return take_backup(source, stored, progress, recheck=recheck)


def _in_use(target: Path) -> Conflict:
    return Conflict(
        f"Another backup writes to {target}.",
        expected="One backup at a time.",
        hint="Wait until it ends, or give another folder.",
    )


def _check_apart(secrets: Path, target: Path) -> None:
    if not secrets.resolve().is_relative_to(target.resolve()) and not secrets.exists():
        return
    raise BadRequest(
        "The file of --secrets exists, or is in TARGET.",
        expected="A new file outside TARGET.",
        hint="Keep the secrets on another disk than the backups.",
    )


def _report(backup: "StoredBackup", left_out: Sequence[str]) -> int:
    """`left_out`: names of the secrets that are in no file of the backup."""
    manifest: Manifest = backup.manifest
    click.echo(
        f"Backup {backup.name} is complete: {counted(sum(manifest.rows.values()), 'row')}, "
        f"{counted(manifest.blobs, 'stored file')} ({manifest.blob_bytes:,} bytes), "
        f"{counted(manifest.files, 'file')} of the data folder ({manifest.file_bytes:,} bytes)."
    )
    if left_out:
        click.echo(
            f"Secrets are not part of it ({', '.join(left_out)}). Keep copies of them apart: see "
            "--secrets.",
            err=True,
        )
    if not manifest.lost_blobs:
        return 0
    click.echo(
        f"{counted(len(manifest.lost_blobs), 'stored file is', 'stored files are')} missing or "
        "damaged in the service itself. "
        "The manifest lists them as lost_blobs. Restore them from an earlier backup, or upload the "
        "scans again.",
        err=True,
    )
    return SOME_FAILED_STATUS
