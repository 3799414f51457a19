"""`tessera retention` and `tessera erase`."""
