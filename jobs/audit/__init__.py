"""The audit trail: its events, how they are chained, and how a chain is verified."""
