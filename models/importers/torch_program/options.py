"""Options of TorchScript files and exported programs. Torch-free."""

from typing import Annotated

from pydantic import Field

from models.importers.stated_card import StatedOptions


class TorchProgramOptions(StatedOptions):
    """Also states on what size the network is tried."""

    probe_size: Annotated[int, Field(ge=8, le=512)] = 64
    """Voxels per axis of the noise on which the network is tried and compared. By default 64."""
