"""How jobs are run: claimed, computed while a lease is renewed, and stored."""
