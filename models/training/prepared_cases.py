"""Cases of a data set on the network's grid, in files, so that they may be larger than memory.

Scans are prepared as in inference: canonical axes, normalised, on the grid of the first channel,
and at the card's spacing. A label at another spacing is where it covers the most of a voxel.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box, blocks
from imaging.errors import BadInput
from imaging.formats.atomic import raising_storage_full
from imaging.formats.sniff import open_scan
from imaging.geometry import onto_grid
from imaging.intensity import normalisation
from imaging.large_arrays import reserve
from imaging.orientation import canonical
from imaging.resample import at_spacing
from imaging.same_grid import label_view
from imaging.scan import Scan
from models.card_parts import Channel
from models.data_set.manifest import DataSetCase
from models.training.config import TrainingConfig
from models.training.data import Case, components, mapped, unsuitable

_BLOCK_VOXELS = 1 << 20
_SAME_SPACING = 1e-4
"""Relative; headers are rounded."""


def prepared_cases(
    cases: Sequence[DataSetCase],
    data: Path,
    folder: Path,
    config: TrainingConfig,
    on_case: Callable[[int], None],
) -> list[Case]:
    """The cases, whose arrays are files in `folder`; those that exist are not written again.

    `on_case` is called with the number of cases that are done. Raises BadRequest where a case does
    not fit the card, StorageFull where the disk is full.
    """
    prepared = []
    with raising_storage_full():
        folder.mkdir(parents=True, exist_ok=True)
        for number, case in enumerate(cases):
            on_case(number)
            prepared.append(_prepared(case, data, folder, config))
    on_case(len(cases))
    return prepared


def _prepared(case: DataSetCase, data: Path, folder: Path, config: TrainingConfig) -> Case:
    image, label = (folder / f"{case.name}.{kind}.npy" for kind in ("image", "label"))
    if not (image.is_file() and label.is_file()):
        try:
            scans = [open_scan(data / path) for path in case.images]
            mask = label_view(open_scan(data / case.label), scans[0])
            views, truth = _on_network_grid(scans, mask, config)
            _store(image, views, np.dtype(np.float32))
            _store(label, truth, np.dtype(np.min_scalar_type(_highest(truth))))
        except BadInput as error:
            raise unsuitable(f"{case.name} cannot be used: {error}") from error
    # "c": torch needs arrays that are writable, though nobody writes
    return Case(case.name, np.load(image, mmap_mode="c"), np.load(label, mmap_mode="c")[0])


def _on_network_grid(
    scans: Sequence[Scan], mask: Scan, config: TrainingConfig
) -> tuple[Scan, Scan]:
    """The network's input, and the classes on the same grid."""
    card, first = config.card, canonical(scans[0]).scan
    if first.dimension != config.network.dimension or len(scans) != len(card.channels):
        raise unsuitable("A case has other channels, or another dimension, than the model.")
    views = [
        onto_grid(_normalised(scan, channel, config), first.grid, first.affine)
        for scan, channel in zip(scans, card.channels, strict=True)
    ]
    truth = canonical(mask).scan
    wanted, own = card.spacing_mm, first.spacing_mm
    if wanted and own and not np.allclose(own, wanted, rtol=_SAME_SPACING):
        views = [at_spacing(view, wanted) for view in views]
        truth = _labels_at(replace(truth, spacing_mm=own, affine=first.affine), wanted)

    def read(box: Box) -> NDArray[np.float32]:
        return np.concatenate([view.read(box) for view in views])

    shape = (sum(view.shape[0] for view in views), *views[0].grid)
    classes = config.data.classes

    def read_classes(box: Box) -> NDArray[np.int32]:
        return mapped(truth.read(box).astype(np.int32), classes)

    return replace(views[0], shape=shape, reader=read), replace(truth, reader=read_classes)


def _normalised(scan: Scan, channel: Channel, config: TrainingConfig) -> Scan:
    turned = canonical(scan).scan
    if turned.shape[0] not in (1, channel.components):
        raise unsuitable(f"A scan has {turned.shape[0]} components, not {channel.components}.")
    measured = normalisation(turned, config.card.value_rule)

    def read(box: Box) -> NDArray[np.float32]:
        return components(measured.apply(turned.read(box)), channel.components)

    return replace(
        turned,
        shape=(channel.components, *turned.grid),
        dtype=np.dtype(np.float32),
        reader=read,
        padding=None,
    )


def _labels_at(mask: Scan, spacing_mm: Sequence[float]) -> Scan:
    """The label map at another spacing: the value that covers the most of each voxel."""
    values = [0, *sorted(_values(mask) - {0})]
    views = [at_spacing(_is(mask, value), spacing_mm) for value in values]

    def read(box: Box) -> NDArray[np.int32]:
        best = np.zeros((1, *box.shape), np.int32)
        most = views[0].read(box)
        for value, view in zip(values[1:], views[1:], strict=True):
            cover = view.read(box)
            best[cover > most] = value
            most = np.maximum(most, cover)
        return best

    return replace(views[0], dtype=np.dtype(np.int32), reader=read)


def _is(mask: Scan, value: int) -> Scan:
    def read(box: Box) -> NDArray[np.float32]:
        return np.asarray(mask.read(box) == value, np.float32)

    return replace(mask, dtype=np.dtype(np.float32), reader=read)


def _values(mask: Scan) -> set[int]:
    values: set[int] = set()
    for box in blocks(mask.grid, _BLOCK_VOXELS):
        values |= set(np.unique(mask.read(box)).tolist())
    return values


def _highest(mask: Scan) -> int:
    return max(int(mask.read(box).max()) for box in blocks(mask.grid, _BLOCK_VOXELS))


def _store(path: Path, scan: Scan, dtype: np.dtype[Any]) -> None:
    """Writes the values of a scan, (c, *spatial), block by block, complete or not at all."""
    part = path.with_suffix(".part")
    with part.open("w+b") as file:
        np.lib.format.write_array_header_2_0(
            file, {"descr": dtype.str, "fortran_order": False, "shape": scan.shape}
        )
        start, size = file.tell(), prod(scan.shape) * dtype.itemsize
        reserve(file, start + size)
        array = np.memmap(file, dtype, "r+", start, scan.shape)
    for box in blocks(scan.grid, _BLOCK_VOXELS):
        array[(slice(None), *box.slices)] = scan.read(box)
    array.flush()
    del array
    part.replace(path)
