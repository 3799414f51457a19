"""Names by which clients of the MONAI Label API find a scan."""

import math
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, insert, or_, select
from sqlalchemy.exc import IntegrityError

from imaging.errors import Conflict
from jobs.image_name import ImageName, is_uid
from jobs.repository.database import Database
from jobs.repository.rows import scan_of
from jobs.repository.scans import no_scan
from jobs.repository.schema.scan_tables import image_names, scans
from jobs.stored_scan import StoredScan


class ImageNames:
    """The names of scans; a session is a name that expires (`Sessions`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: ImageName) -> None:
        """Stores the name; raises Conflict if it is already the name of another scan."""
        try:
            with self._database.write() as connection:
                connection.execute(insert(image_names).values(asdict(name)))
        except IntegrityError as error:
            with self._database.read() as connection:
                query = _scan_named(name.project, name.name)
                if connection.execute(query).scalars().first() == name.scan:
                    return
            raise Conflict(
                "Another image already has this name.",
                expected="An unused name, or the same image again.",
                hint="Rename the volume and send it again, or delete the other image first.",
            ) from error

    def delete(self, project: str, name: str) -> None:
        """Deletes the name; the scan stays."""
        with self._database.write() as connection:
            mine = (image_names.c.project == project) & (image_names.c.name == name)
            connection.execute(delete(image_names).where(mine))

    def find(self, project: str, name: str) -> StoredScan:
        """The project's scan with this id, SeriesInstanceUID, stored name or file name.

        Nobody decides by a name what a UID shows: the series goes before a name that looks like
        its UID, and no file name counts as a UID. Raises NotFound, or Conflict if several scans
        have this file name.
        """
        with self._database.read() as connection:
            mine = select(scans).where(scans.c.project == project)
            for exact in (
                mine.where(scans.c.id == name),
                mine.where(scans.c.series == name),
                mine.where(scans.c.id.in_(_scan_named(project, name))),
            ):
                rows = connection.execute(exact.order_by(scans.c.seq)).mappings()
                if found := [scan_of(row) for row in rows]:
                    return _of_series(found)
            if is_uid(name):
                raise no_scan()
            return _find_by_file_name(connection, mine, name)

    def of_scans(self, scan_ids: Collection[str]) -> dict[str, str]:
        """Scan id -> its first stored name, for scans that the caller is known to have access to.

        Names of sessions are left out.
        """
        query = select(image_names.c.scan, image_names.c.name).where(
            image_names.c.scan.in_(scan_ids), image_names.c.expiry_s.is_(None)
        )
        query = query.order_by(image_names.c.created_at.desc())
        with self._database.read() as connection:
            return {row.scan: row.name for row in connection.execute(query)}


def not_expired() -> ColumnElement[bool]:
    """Matches sessions that have not expired; never a name without an expiry."""
    return image_names.c.used_at + image_names.c.expiry_s >= time.time()


def _of_series(found: Sequence[StoredScan]) -> StoredScan:
    """The scan that counts for a series, of all that are stored of it, oldest first.

    It is the one with most voxels (a localizer, or a part of the series, is never meant), and the
    oldest of equally large ones: a later copy does not replace it.
    """
    return max(found, key=lambda one: math.prod(one.shape))


def _scan_named(project: str, name: str) -> "Select[Any]":
    """The id of the scan with this name; an expired session names nothing."""
    mine = (image_names.c.project == project) & (image_names.c.name == name)
    valid = or_(image_names.c.expiry_s.is_(None), not_expired())
    return select(image_names.c.scan).where(mine, valid)


def _find_by_file_name(connection: Connection, mine: "Select[Any]", name: str) -> StoredScan:
    """The scan with this file name, with or without its ending."""
    same = or_(scans.c.name == name, scans.c.name.startswith(f"{name}.", autoescape=True))
    rows = connection.execute(mine.where(same).limit(2)).mappings().all() if name else []
    if not rows:
        raise no_scan()
    if len(rows) > 1:
        raise Conflict(
            "Several images have this file name.",
            expected="An id, or a name that only one image has.",
            hint="Use the image's id, which the list of the datastore contains.",
        )
    return scan_of(rows[0])
