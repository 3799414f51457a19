"""Sessions of the MONAI Label API: names of scans that expire when they are not used."""

import time

from sqlalchemy import select, update

from imaging.errors import NotFound
from jobs.image_name import ImageName
from jobs.repository.database import Database
from jobs.repository.image_names import not_expired
from jobs.repository.reader_work import has_reader_work
from jobs.repository.schema.scan_tables import image_names


class Sessions:
    """The sessions of all projects; `ImageNames` adds and deletes them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def use(self, project: str, name: str) -> ImageName:
        """The project's session, whose expiry starts again; raises NotFound if it has expired."""
        mine = (image_names.c.project == project) & (image_names.c.name == name) & not_expired()
        with self._database.write() as connection:
            query = update(image_names).where(mine).values(used_at=time.time())
            row = connection.execute(query.returning(*image_names.c)).mappings().one_or_none()
        if row is None:
            raise NotFound("There is no such session.", hint="Create a session with PUT /session/.")
        return ImageName(**row)

    def has_reader_work(self, session: ImageName) -> bool:
        """Whether readers made something on the session's scan, which must outlive it."""
        with self._database.read() as connection:
            return has_reader_work(connection, session.scan)

    def expired(self) -> list[ImageName]:
        """All projects' sessions that were not used within their expiry."""
        query = select(image_names).where(image_names.c.expiry_s.is_not(None), ~not_expired())
        with self._database.read() as connection:
            return [ImageName(**row) for row in connection.execute(query).mappings()]

    def hand_over(self, session: ImageName) -> bool:
        """Makes the other sessions on the same scan its owners; False if there are none."""
        others = (
            (image_names.c.project == session.project)
            & (image_names.c.scan == session.scan)
            & (image_names.c.name != session.name)
            & not_expired()
        )
        with self._database.write() as connection:
            query = update(image_names).where(others).values(owns_scan=True)
            return connection.execute(query).rowcount > 0
