"""Retention: how long data is kept, what may not go, and reports of what went."""
