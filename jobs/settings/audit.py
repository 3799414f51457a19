"""Settings: the audit trail."""

from jobs.settings.secret import Secret
from jobs.settings.section import Section


class AuditSettings(Section):
    """Audit trail"""

    audit: bool = True
    """Whether gateways record who did what, when and from where. `off`: they record nothing."""
    audit_key: Secret = ""
    """Secret with which the end of the audit trail and its checkpoints are signed. Set it to the
    same value on all gateways, and keep it from those who can change the database. Empty: the file
    `audit.key` in the data folder, created at first use."""
