"""Networks on devices: which ones this machine has, and how a tile goes through."""
