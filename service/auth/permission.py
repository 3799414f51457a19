"""The permissions. Every route, DICOM operation and background task names exactly one."""

from enum import StrEnum


class Permission(StrEnum):
    """What a principal may do in its project; the value is its name in settings and logs."""

    PUBLIC = "public"
    """Needs no sign-in: health checks, the review page, the API description, the list of formats,
    C-ECHO."""

    SCANS_READ = "scans:read"
    """List scans and download them."""
    SCANS_WRITE = "scans:write"
    """Upload scans, send them by C-STORE, name them."""
    SCANS_DELETE = "scans:delete"
    """Delete scans with their jobs, masks and reviews."""

    JOBS_READ = "jobs:read"
    """List jobs and batches and follow them."""
    JOBS_CREATE = "jobs:create"
    """Start jobs and batches, and retry jobs."""
    JOBS_CANCEL = "jobs:cancel"
    """Cancel jobs and batches."""
    JOBS_ASSIGN = "jobs:assign"
    """Assign jobs to readers, and to nobody."""

    RESULTS_READ = "results:read"
    """Download masks, reports and previews."""
    REVIEWS_READ = "reviews:read"
    """Read reviews and download corrected masks."""
    REVIEWS_WRITE = "reviews:write"
    """Accept, correct and reject masks; delete corrected masks."""

    READINGS_MANAGE = "readings:manage"
    """Put jobs up for a second reading, and cancel it."""
    READINGS_UNBLIND = "readings:unblind"
    """Look at the readings of a job before all were given, which is recorded."""

    MODELS_READ = "models:read"
    """List models and read their cards."""

    TRAININGS_MANAGE = "trainings:manage"
    """Train models with accepted and corrected masks, follow trainings, and publish the new models
    for all projects. For administrators."""

    ARCHIVES_SEARCH = "archives:search"
    """List the DICOM peers and search them for series."""
    ARCHIVES_PULL = "archives:pull"
    """Fetch series from a DICOM peer."""
    DELIVERIES_READ = "deliveries:read"
    """See which results were sent to which peer."""
    DELIVERIES_WRITE = "deliveries:write"
    """Send results to a DICOM peer."""

    WEBHOOKS_READ = "webhooks:read"
    """List webhooks and their messages."""
    WEBHOOKS_WRITE = "webhooks:write"
    """Send webhook messages, again or as a test."""

    KEYS_MANAGE = "keys:manage"
    """Create, list and revoke the project's API keys."""
    ACCOUNTS_MANAGE = "accounts:manage"
    """List the project's users, add and remove them, and change their roles."""

    SERVICE_METRICS = "service:metrics"
    """Read the service's counters, of all projects together."""
    SERVICE_LOGS = "service:logs"
    """Read the access log, of all projects together."""

    AUDIT_READ = "audit:read"
    """Read the audit trail of the project. For administrators."""

    RETENTION_MANAGE = "retention:manage"
    """See retention rules and reports of the project, and list, set and lift legal holds. For
    administrators."""
