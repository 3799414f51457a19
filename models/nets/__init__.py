"""The networks themselves and the arithmetic of their layers."""
