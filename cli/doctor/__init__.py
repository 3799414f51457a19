"""`tessera doctor`: checks of an installation, by subject."""
