"""Options of a MONAI bundle. Torch-free."""

from models.importers.options import TrustOption


class MonaiOptions(TrustOption):
    """A bundle states everything else itself."""
