"""Projects that files name, and whether they exist."""

from collections.abc import Collection

from jobs.server_database import has_database, server_database
from jobs.settings import Settings


def unknown_projects(settings: Settings, names: Collection[str]) -> list[str]:
    """Those of the names that no project of the database has, sorted; without a database, all."""
    known: set[str] = set()
    if has_database(settings):
        with server_database(settings) as repository:
            known = {project.name for project in repository.accounts.projects()}
    return sorted(set(names) - known)
