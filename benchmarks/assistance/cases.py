"""Scans with correct masks, for planting errors."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import highdicom
import nibabel
import nibabel.processing
import numpy as np
import SimpleITK
from numpy.typing import NDArray
from scipy import ndimage

TUNED = 10
"""The first hippocampi were used to choose the constants of the assistant."""
FIRST_REPORTED = 100
REPORTED = 20
STRUCTURES = {
    7: "thalamus", 8: "caudate", 9: "putamen", 13: "brain stem", 14: "hippocampus",
    3: "lateral ventricle", 6: "cerebellar cortex", 17: "ventral diencephalon", 10: "pallidum",
}  # fmt: skip
"""Labels of MeshNet; the largest connected part of each."""
_CENTRE = slice(40, 216)
_AROUND = 30


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A scan and the mask of one structure."""

    name: str
    values: NDArray[np.float32]
    truth: NDArray[np.bool_]
    spacing: NDArray[np.float64]


def hippocampi(data: Path) -> Iterator[Case]:
    """Of data/hippocampus, those after the ones that the constants were chosen with."""
    files = sorted((data / "hippocampus" / "images").glob("*.nii.gz"))
    for file in files[FIRST_REPORTED : FIRST_REPORTED + REPORTED]:
        image = nibabel.load(file)
        labels = np.asarray(nibabel.load(data / "hippocampus" / "labels" / file.name).dataobj)
        values = np.pad(np.asarray(image.dataobj).astype(np.float32), 6, mode="edge")
        spacing = np.array(image.header.get_zooms()[:3], np.float64)
        yield Case("hippocampus", values, np.pad(labels > 0, 6), spacing)


def structures(data: Path, meshnet: Path) -> Iterator[Case]:
    """Nine structures of data/dicom/mr_head_t1 as MeshNet segments them, and the liver of
    data/dicom/ct_with_seg."""
    values, labels = _head(data / "dicom" / "mr_head_t1", meshnet)
    for label, name in STRUCTURES.items():
        numbers, _ = ndimage.label(labels == label)
        truth = numbers == 1 + np.argmax(np.bincount(numbers.ravel())[1:])
        place = tuple(
            slice(max(0, at.min() - _AROUND), at.max() + _AROUND) for at in np.nonzero(truth)
        )
        yield Case(f"MR {name}", values[place], truth[place], np.ones(3))
    yield _liver(data / "dicom" / "ct_with_seg")


def _head(folder: Path, meshnet: Path) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """On a grid of 1 mm, of the middle of the head, with the labels of MeshNet."""
    import torch

    from benchmarks.dilated import torch_logits
    from models.importers.meshnet.tfjs import read_tfjs

    series = _series(folder)
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ _affine(series)
    stored = nibabel.Nifti1Image(SimpleITK.GetArrayFromImage(series).T.astype(np.float32), affine)
    head = nibabel.processing.conform(stored, (256,) * 3, (1,) * 3, order=1, orientation="LIA")
    values = np.asarray(head.dataobj).astype(np.float32)
    low, high = np.percentile(values, [0, 99.9])
    values = np.clip((values - low) / (high - low), 0, 1)[(_CENTRE,) * 3].astype(np.float32)
    network = meshnet / "model18cls"
    layers = read_tfjs(json.loads((network / "model.json").read_text()), network)
    with torch.no_grad():
        logits = torch_logits(layers, np.ascontiguousarray(values)[None, None])[0]
    return values, logits.argmax(0).astype(np.uint8)


def _liver(folder: Path) -> Case:
    series = _series(folder / "ct-3slice")
    segments = highdicom.seg.segread(folder / "liver.dcm").get_volume(combine_segments=True)
    values = SimpleITK.GetArrayFromImage(series).astype(np.float32)
    truth = np.asarray(segments.array) > 0
    heights = [series.TransformIndexToPhysicalPoint((0, 0, k))[2] for k in range(len(values))]
    slices = [segments.affine[2, 0] * k + segments.affine[2, 3] for k in range(len(truth))]
    order = [int(np.argmin(np.abs(np.array(slices) - height))) for height in heights]
    side = np.array(series.GetSpacing())[::-1]
    return Case("CT liver, 3 slices", values, truth[order], side)


def _series(folder: Path) -> SimpleITK.Image:
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


def _affine(image: SimpleITK.Image) -> NDArray[np.float64]:
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return affine
