"""Time and memory to write a DICOM SEG with many labels; one process for each kind of SEG.

    python benchmarks/dicom_seg.py [--labels 100] [--shape 300,512,512] [--everywhere]

`--everywhere`: each label has voxels in every slice, which gives the most frames; otherwise in a
third of the slices.
"""

import argparse
import multiprocessing
import resource
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from imaging.formats.dicom.object_header import ObjectHeader
from imaging.formats.dicom.planes import Planes
from imaging.formats.dicom.seg import Kind, write_seg
from imaging.formats.dicom.uids import uid
from imaging.mask_description import Code, MaskDescription, Segment


def main() -> None:
    """Measures both kinds and prints a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--shape", default="300,512,512")
    parser.add_argument("--everywhere", action="store_true")
    options = parser.parse_args()
    shape = tuple(int(n) for n in options.shape.split(","))
    spawn = multiprocessing.get_context("spawn")
    for kind in ("BINARY", "LABELMAP"):
        process = spawn.Process(target=one, args=(kind, shape, options.labels, options.everywhere))
        process.start()
        process.join()


def one(kind: Kind, shape: tuple[int, ...], labels: int, everywhere: bool) -> None:
    """Writes one SEG and prints seconds, peak memory and size."""
    mask, planes, description = bricks(shape, labels, everywhere), series(shape), named(labels)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mask.seg.dcm"
        started = perf_counter()
        write_seg(path, mask, planes, description, kind, ObjectHeader(uid(kind), 0.0, 1))
        seconds = perf_counter() - started
        size = path.stat().st_size / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{kind:8}  {seconds:6.1f} s  {peak:6.0f} MiB peak  {size:6.0f} MB file")


def bricks(shape: tuple[int, ...], labels: int, everywhere: bool) -> NDArray[np.uint16]:
    """(planes, rows, columns): one block per label, in a third of the planes or in all."""
    mask = np.zeros(shape, np.uint16 if labels > 255 else np.uint8)
    side = int(np.ceil(np.sqrt(labels)))
    height, width = shape[1] // side, shape[2] // side
    for label in range(labels):
        first = 0 if everywhere else label * (shape[0] * 2 // 3) // labels
        stop = shape[0] if everywhere else first + shape[0] // 3
        row, column = label // side * height, label % side * width
        mask[first:stop, row : row + height - 2, column : column + width - 2] = label + 1
    return mask


def series(shape: tuple[int, ...]) -> Planes:
    """Headers of a CT series with one plane per slice."""
    headers = []
    for plane in range(shape[0]):
        header = Dataset()
        header.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        header.SOPInstanceUID = uid("benchmark", str(plane))
        header.StudyInstanceUID, header.SeriesInstanceUID = uid("study"), uid("series")
        header.FrameOfReferenceUID = uid("frame of reference")
        header.Rows, header.Columns = shape[1:]
        header.ImagePositionPatient = [0, 0, plane]
        header.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        header.PixelSpacing, header.SliceThickness = [0.7, 0.7], 1
        headers.append(header)
    return Planes(tuple(headers), tuple((plane, 0) for plane in range(shape[0])))


def named(labels: int) -> MaskDescription:
    """Labels with private codes."""
    structure = Code("123037004", "SCT", "Anatomical Structure")
    return MaskDescription(
        tuple(
            Segment(n, f"label {n}", "#e6550d", structure, Code(f"label-{n}", "99TESSERA", "label"))
            for n in range(1, labels + 1)
        ),
        "benchmark",
        "1",
    )


if __name__ == "__main__":
    main()
