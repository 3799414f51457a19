"""AE titles that may send by C-STORE where there are accounts, each with a project and a role."""

import re
from dataclasses import asdict

from sqlalchemy import Connection, delete, insert, select

from imaging.errors import BadRequest, Conflict, NotFound
from jobs.account import DicomSender, ProjectRole
from jobs.repository.account_rows import check_project
from jobs.repository.database import Database
from jobs.repository.schema.account_tables import dicom_senders
from jobs.settings import AE_TITLE


class DicomSenders:
    """The AE titles of all projects; each belongs to one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, ae_title: str, project: str, role: ProjectRole) -> DicomSender:
        """Adds an AE title; raises BadRequest, NotFound for an unknown project, and Conflict."""
        if not re.fullmatch(AE_TITLE, ae_title):
            raise BadRequest(
                "This is not an AE title.",
                expected="1 to 16 printable characters without a backslash (PS3.5, 6.2).",
                hint="Write it as the sender is configured.",
            )

        def transaction(connection: Connection) -> DicomSender:
            check_project(connection, project)
            mine = dicom_senders.c.ae_title == ae_title
            if connection.execute(select(dicom_senders).where(mine)).first():
                raise Conflict(
                    "This AE title belongs to a project already.",
                    expected="An AE title that `tessera dicom-callers list` does not show.",
                    hint="Remove it first.",
                )
            sender = DicomSender(ae_title, project, role, self._database.clock(connection))
            connection.execute(insert(dicom_senders).values(asdict(sender)))
            return sender

        return self._database.repeat_after_race(transaction)

    def all(self) -> list[DicomSender]:
        """All AE titles, sorted."""
        with self._database.read() as connection:
            query = select(dicom_senders).order_by(dicom_senders.c.ae_title)
            return [
                DicomSender(**row | {"role": ProjectRole(row["role"])})
                for row in map(dict, connection.execute(query).mappings())
            ]

    def remove(self, ae_title: str) -> None:
        """Removes an AE title; raises NotFound."""
        with self._database.write() as connection:
            mine = dicom_senders.c.ae_title == ae_title
            if not connection.execute(delete(dicom_senders).where(mine)).rowcount:
                raise NotFound(
                    "No project has this AE title.",
                    hint="List the AE titles with `tessera dicom-callers list`.",
                )
