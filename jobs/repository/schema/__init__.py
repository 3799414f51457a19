"""The tables, as the newest migration leaves them: one module for each subject."""

from jobs.repository.schema import (  # noqa: F401 - each adds its tables to the metadata
    account_tables,
    audit_tables,
    count_tables,
    delivery_tables,
    job_tables,
    reading_tables,
    retention_tables,
    review_tables,
    scan_tables,
    sign_in_tables,
    support_table,
    webhook_tables,
    worker_tables,
    worklist_tables,
)
from jobs.repository.schema.table_parts import metadata

__all__ = ["metadata"]
