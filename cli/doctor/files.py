"""Checks of the blob store, the disk, and who can read the data folder."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from cli.doctor.finding import Finding, ok, problem, warning
from cli.doctor.known_projects import unknown_projects
from imaging.counted import counted
from imaging.errors import BadRequest, TesseraError
from jobs.blobs import open_blobs
from jobs.disk import check_free
from jobs.private_files import SECRETS
from jobs.settings import Settings
from service.resources.routing_table import RoutingTable

_LOW_BYTES, _LOW_SHARE = 5 << 30, 0.1
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_NO_FOLDER = "Set TESSERA_DATA to the gateway's value, or start a gateway."


def check_data_folder(settings: Settings) -> Iterator[Finding]:
    """Whether it exists, belongs to this user and is closed to others."""
    data = settings.data
    if not data.is_dir():
        yield problem("data folder", f"The folder {data} does not exist.", _NO_FOLDER)
        return
    status = data.stat()
    if status.st_uid != os.geteuid():
        yield warning(
            "data folder",
            f"It belongs to the user with the number {status.st_uid}, not to this one.",
            "Run the doctor as the user that runs Tessera.",
        )
    open_to = stat.S_IRWXO if status.st_mode & stat.S_ISGID else _OTHERS
    if status.st_mode & open_to:
        mode = f"{stat.S_IMODE(status.st_mode):04o}"
        yield problem("data folder", f"Others can read it (mode {mode}).", f"chmod 700 {data}")
    else:
        yield ok("data folder", "Only its users can read it.")


def check_secret_files(settings: Settings) -> Iterator[Finding]:
    """Whether only their owner can read the files with secrets."""
    paths = [settings.data / name for name in SECRETS]
    try:
        table = RoutingTable.load(settings.routing_table)
    except BadRequest as error:
        yield problem("routing table", error.detail, error.hint)
    else:
        if settings.routing_table is not None:
            peers, rules = counted(len(table.peer), "peer"), counted(len(table.rule), "rule")
            yield ok("routing table", f"{peers}, {rules}.")
        if table.projects and (missing := unknown_projects(settings, table.projects)):
            hint = "Add them with `tessera projects add`, or correct the routing table."
            text = f"These projects do not exist: {', '.join(missing)}."
            yield warning("routing table", text, hint)
        paths += [hook.secret_file for hook in table.webhook if hook.secret_file is not None]
    present = [path for path in paths if path.is_file()]
    open_files = [path for path in present if path.stat().st_mode & _OTHERS]
    for path in open_files:
        yield problem("secret files", f"Others can read {path}.", f"chmod 600 {path}")
    if not open_files:
        one, many = "file; only its owner can read it.", "files; only their owner can read them."
        yield ok("secret files", counted(len(present), one, many))


def check_blobs(settings: Settings) -> Iterator[Finding]:
    """Whether the store of scans and masks can be written to."""
    where = "The object store" if settings.blob_url else "The folder"
    if not settings.blob_url and not settings.data.is_dir():
        yield problem("stored files", "There is no data folder.", _NO_FOLDER)
        return
    try:
        open_blobs(settings).check_writable()
    except TesseraError as error:
        yield problem("stored files", error.detail, error.hint)
    else:
        yield ok("stored files", f"{where} of scans and masks can be written to.")


def check_disk(settings: Settings) -> Iterator[Finding]:
    """How much space is left on the disk of the data folder."""
    folder = _existing(settings.data)
    try:
        check_free(folder)
    except TesseraError as error:
        yield problem("disk", error.detail, error.hint)
        return
    usage = shutil.disk_usage(folder)
    share = usage.free / usage.total
    text = f"{usage.free:,} bytes ({share:.0%}) are free."
    if usage.free < _LOW_BYTES and share < _LOW_SHARE:
        yield warning("disk", text, "Free some space on the disk of the data folder.")
    else:
        yield ok("disk", text)


def _existing(path: Path) -> Path:
    """The path, or its nearest parent that exists."""
    path = path.resolve()
    return next(one for one in (path, *path.parents) if one.exists())
