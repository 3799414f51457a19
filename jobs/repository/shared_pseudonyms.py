"""Projects of earlier versions, whose pseudonyms are made with the secret of the installation."""

from sqlalchemy import select

from jobs.repository.database import Database
from jobs.repository.schema.scan_tables import shared_pseudonyms


class SharedPseudonyms:
    """Which projects they are; a migration has listed them, and none is added."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def include(self, project: str) -> bool:
        """Whether the project is one of them: patients keep the pseudonyms that they have."""
        query = select(shared_pseudonyms.c.project).where(shared_pseudonyms.c.project == project)
        with self._database.read() as connection:
            return connection.execute(query).first() is not None
