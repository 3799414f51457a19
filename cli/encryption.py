"""`tessera encryption`: encryption of the stored files of this machine's settings."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from cli.backup_progress import BackupProgress, backup_progress
from cli.exit_status import SOME_FAILED_STATUS
from cli.recorded_change import recorded_change
from imaging.counted import counted
from imaging.errors import BadRequest, DamagedFile, NotFound
from jobs.audit.event import AuditObject
from jobs.settings import Settings

if TYPE_CHECKING:  # it loads a library of cryptography
    from jobs.blobs import EncryptedBlobs

_AT_ONCE = 4
"""An object store takes as long to begin with a file as to send a small one."""


@click.group("encryption")
def command() -> None:
    """Encrypt stored files, change keys, and say what is encrypted.

    Reads the same TESSERA_* environment variables as the gateway. Gateways and workers may run
    meanwhile, with the same keys.
    """


@command.command("new-key")
def make_key() -> None:
    """Print a new random key for TESSERA_ENCRYPTION_KEY, or for the file that its _FILE names.

    Keep a copy apart from the data and from backups: without it, all is lost.
    """
    from jobs.encryption import new_key

    click.echo(new_key())


@command.command("status")
@click.option("--check", is_flag=True, help="Also read and decrypt every file.")
def status(check: bool) -> int:
    """Print which keys are used, and how many files are encrypted.

    The exit status is 3 if --check finds a file that is damaged.
    """
    blobs = _encrypted_blobs()
    encrypted, plain = blobs.file_names()
    stored = blobs.keys.stored()
    for key in stored:
        date = f"{datetime.fromtimestamp(key.created_at, UTC):%Y-%m-%d}"
        newest = ", for new files" if key is stored[-1] else ""
        click.echo(f"Data key {key.id.hex()[:8]} of {date}: encrypted by {key.wrapped_by}{newest}")
    click.echo(f"Stored files: {len(encrypted):,} encrypted, {len(plain):,} not encrypted")
    if plain:
        click.echo("Run `tessera encryption encrypt` to encrypt the others.", err=True)
    if not check:
        return 0
    return _for_all("Reading stored files", sorted({*encrypted, *plain}), blobs.check)


@command.command("encrypt")
@click.option(
    "--again",
    is_flag=True,
    help="Also files that are encrypted with an earlier data key, such as after a key was stolen.",
)
def encrypt(again: bool) -> int:
    """Encrypt the stored files that are not encrypted yet.

    It may be interrupted at any time, and run again. Before, restart all gateways and workers with
    the key. The exit status is 3 if files are damaged; they stay as they are.
    """
    blobs = _encrypted_blobs()
    key = blobs.keys.current()
    encrypted, plain = blobs.file_names()
    with recorded_change(AuditObject.KEY, f"data-key-{key.id.hex()[:8]}"):
        status = _for_all("Encrypting stored files", plain, blobs.encrypt_plain)
        if again:

            def renew(name: str) -> int:
                return 0 if blobs.open(name).key_id == key.id else blobs.encrypt_again(name)

            status = _for_all("Encrypting files again", encrypted, renew) or status
    return status


@command.command("rotate")
def rotate() -> None:
    """Encrypt the data keys with the first key of the settings, and make one for new files.

    Set the new key first and the earlier one after it, restart all gateways and workers, and run
    this. Then remove the earlier key from the settings. No stored file is written.
    """
    from jobs.encryption import KeyRing

    blobs = _encrypted_blobs()
    key_id = KeyRing.parse(Settings().encryption_key).current.id
    with recorded_change(AuditObject.KEY, f"encryption-key-{key_id}"):
        count = blobs.keys.rotate()
    click.echo(f"Encrypted with the key {key_id}: {counted(count, 'earlier data key')}.")


def _encrypted_blobs() -> "EncryptedBlobs":
    from jobs.blobs import EncryptedBlobs, open_blobs

    settings = Settings()
    if not settings.blob_url and not settings.data.is_dir():
        raise BadRequest(
            f"The folder {settings.data} does not exist.",
            expected="The data folder of a gateway.",
            hint="Set TESSERA_DATA to the gateway's value.",
        )
    blobs = open_blobs(settings)
    if not isinstance(blobs, EncryptedBlobs):
        raise BadRequest(
            "Stored files are not encrypted: there is no key in the settings.",
            expected="TESSERA_ENCRYPTION_KEY, or TESSERA_ENCRYPTION_KEY_FILE.",
            hint="Make a key with `tessera encryption new-key`.",
        )
    blobs.keys.check()
    return blobs


def _for_all(work: str, names: Sequence[str], do: Callable[[str], int]) -> int:
    """Does something to each file and shows the progress; the exit status."""
    stopped, damaged = threading.Event(), list[str]()

    def done(name: str) -> int:
        if stopped.is_set():
            return 0
        try:
            return do(name)
        except NotFound:  # deleted meanwhile
            return 0
        except DamagedFile:
            damaged.append(name)
            return 0

    with backup_progress() as progress:
        _shown(progress, work, names, done, stopped)
    for name in damaged:
        click.echo(f"The stored file {name} is damaged.", err=True)
    return SOME_FAILED_STATUS if damaged else 0


def _shown(
    progress: BackupProgress,
    work: str,
    names: Sequence[str],
    do: Callable[[str], int],
    stopped: threading.Event,
) -> None:
    progress.begin(work, len(names))
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        try:
            for size in threads.map(do, names):
                progress.advance(size)
        finally:  # at Ctrl-C, what has begun is finished
            stopped.set()
