"""Alembic's entry point: runs the migrations in the transaction of `Database.migrate`."""

from alembic import context

from jobs.repository.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
)
context.run_migrations()
