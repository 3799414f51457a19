"""The models that projects may use, where an administrator has limited them."""

from collections.abc import Collection

from sqlalchemy import delete, insert, select

from jobs.repository.database import Database
from jobs.repository.schema.account_tables import project_models


class ProjectModels:
    """The names of models by project. A model's later versions have its name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> dict[str, frozenset[str]]:
        """Project -> names, for each project that may not use all models."""
        query = select(project_models.c.project, project_models.c.models)
        with self._database.read() as connection:
            return {project: frozenset(names) for project, names in connection.execute(query)}

    def set(self, project: str, names: Collection[str] | None) -> None:
        """Replaces the models that a project may use; None: all, also those that are added later.

        Jobs that are stored keep their model.
        """
        own = project_models.c.project == project
        with self._database.write() as connection:
            self._database.lock(connection, f"models {project}")
            connection.execute(delete(project_models).where(own))
            if names is not None:
                row = {"project": project, "models": sorted(set(names))}
                connection.execute(insert(project_models).values(row))
