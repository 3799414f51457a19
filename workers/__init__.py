"""How a job is taken: claimed, run under a lease, and stored."""
