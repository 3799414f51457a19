"""What nnU-Net's own trainers change about inference. Torch-free.

A trainer is a class. Most change only how weights are found (epochs, loss, optimizer,
augmentation); some build another network. Mirroring at inference is in the checkpoint.
"""

import re

from imaging.errors import BadRequest

_PLAIN = re.compile(
    r"nnUNetTrainer"
    r"(_\d+epochs?|Benchmark_5epochs(_noDataLoading)?)?"
    r"(_?NoMirroring|_onlyMirror01(_1500ep)?)?"
    r"(_?DA5(ord0|Segord0|_10epochs)?|NoDA|_?DASegOrd0(_NoMirroring)?|_noDummy2DDA)?"
    r"(CELoss(_5epochs)?|DiceLoss|DiceCELoss_noSmooth|DiceTopK10Loss|Topk10Loss(LS01)?)?"
    r"(_warmup|CosAnneal|NoDeepSupervision|_probabilisticOversampling(_\d+)?)?"
    r"((Vanilla)?Ada(m|n)(\d+en\d+|CosAnneal)?)?"
)
_BATCH_NORM = "nnUNetTrainerBN"


def uses_batch_norm(trainer: str) -> bool:
    """Whether the trainer replaces the plans' instance norm by batch norm."""
    return trainer == _BATCH_NORM


def check_trainer(trainer: str) -> None:
    """Raises BadRequest unless the trainer is known to build the plans' network."""
    if _PLAIN.fullmatch(trainer) or trainer == _BATCH_NORM:
        return
    raise BadRequest(
        f"The network was trained with the trainer {trainer}, which may build another network or "
        "prepare scans in another way.",
        expected="A trainer of nnU-Net that builds the network of the plans.",
        hint="If it changes neither, such as one with another loss or number of epochs, add "
        "--trainer nnUNetTrainer.",
    )
