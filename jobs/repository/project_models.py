"""The models that projects may use: where an administrator has limited them, and versions that one
project trained."""

from collections.abc import Collection

from sqlalchemy import delete, insert, select, update

from jobs.repository.database import Database
from jobs.repository.schema.account_tables import project_models
from jobs.repository.schema.worker_tables import trainings


class ProjectModels:
    """The names of models by project. A model's later versions have its name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> dict[str, frozenset[str]]:
        """Project -> names, for each project that may not use all models."""
        query = select(project_models.c.project, project_models.c.models)
        with self._database.read() as connection:
            return {project: frozenset(names) for project, names in connection.execute(query)}

    def trained(self) -> dict[str, str]:
        """Checksum of the network -> project, for each model that only the project that trained it
        may use."""
        own = (trainings.c.model_blob.is_not(None), ~trainings.c.shared)
        query = select(trainings.c.result, trainings.c.project).where(*own)
        with self._database.read() as connection:
            return {result["sha256"]: project for result, project in connection.execute(query)}

    def share(self, checksum: str) -> None:
        """All projects may use the model with this network from now on. One that was not trained
        here is for all already."""
        with self._database.write() as connection:
            query = select(trainings.c.id, trainings.c.result)
            query = query.where(trainings.c.model_blob.is_not(None))
            ids = [id_ for id_, made in connection.execute(query) if made["sha256"] == checksum]
            change = update(trainings).where(trainings.c.id.in_(ids))
            connection.execute(change.values(shared=True))

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
