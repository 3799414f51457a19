"""`tessera audit`: the audit trail is listed, exported and verified."""
