"""The command `tessera`; the one place that may import everything."""
