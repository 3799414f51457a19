"""The U-Nets, and the arithmetic of their layers."""
