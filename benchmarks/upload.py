"""Measures the upload of a DICOM series: seconds until the scan is stored, and header parses.

    python -P benchmarks/upload.py [FOLDER] [--runs 5]

FOLDER contains the files of one series; without it, a CT of 384 slices of 512 x 512 is created. The
output is: the seconds of the intake only (in this process, from files on the disk to the stored
blob), the number of header parses of each file during the intake, and the seconds of an upload to a
gateway over HTTP, as a zip and as a form of single files. Every run stores the series as new.
"""

import argparse
import contextlib
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import httpx
import numpy as np
from pydicom import Dataset, FileMetaDataset, filereader
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

sys.path.append(str(Path(__file__).resolve().parent))  # last: its jobs.py must not hide `jobs`

from gateway_process import free_port, running

SLICES = 384
SIDE = 512
_START = "from jobs.settings import Settings\nfrom service.serve import serve\nserve(Settings())\n"


def main() -> None:
    """Prints medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or ct_series(Path(scratch) / "series")
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        size = sum(path.stat().st_size for path in files)
        print(f"{len(files)} files, {size / 1e6:.0f} MB, median of {options.runs}:")
        print(f"  header parses of each file: {parses(files, Path(scratch)):.2f}")
        runs = [intake(files, Path(scratch)) for _ in range(options.runs)]
        print(f"  intake only:               {median(wall for wall, _ in runs):6.2f} s")
        print(f"  intake only, processor:    {median(cpu for _, cpu in runs):6.2f} s")
        for name, body in (("zip", zipped), ("single files", single)):
            seconds = [uploaded(files, Path(scratch), body) for _ in range(options.runs)]
            print(f"  HTTP upload, {name + ':':13} {median(seconds):6.2f} s")


def intake(files: list[Path], scratch: Path) -> tuple[float, float]:
    """Seconds, and seconds of processor time, from files on the disk to the blob of the scan."""
    from imaging.formats.incoming import incoming_scans
    from imaging.formats.limits import Limits
    from jobs.blobs.folder import FolderBlobs

    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        work = Path(folder) / "work"
        work.mkdir()
        blobs = FolderBlobs(Path(folder) / "blobs")
        began, cpu = time.perf_counter(), time.process_time()
        (scan,), _ = incoming_scans(files, work, Limits())
        blobs.put(scan.path, move=True, sha256=scan.sha256)
        return time.perf_counter() - began, time.process_time() - cpu


def parses(files: list[Path], scratch: Path) -> float:
    """How often pydicom parses the header of a file during one intake."""
    parse = filereader.read_partial
    with patch.object(filereader, "read_partial", side_effect=parse) as counted:
        intake(files, scratch)
    return counted.call_count / len(files)


def uploaded(files: list[Path], scratch: Path, body: Callable[[list[Path], Path], Any]) -> float:
    """Seconds of one POST to a gateway that has never seen the series."""
    with (
        tempfile.TemporaryDirectory(dir=scratch) as folder,
        gateway(Path(folder)) as client,
        contextlib.ExitStack() as stack,
    ):
        paths = body(files, Path(folder))
        form = [("files", (path.name, stack.enter_context(path.open("rb")))) for path in paths]
        began = time.perf_counter()
        client.post("/v1/scans", files=form).raise_for_status()
        return time.perf_counter() - began


def zipped(files: list[Path], folder: Path) -> list[Path]:
    """The files in one uncompressed zip."""
    path = folder / "series.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number, file in enumerate(files):
            archive.write(file, f"{number}.dcm")
    return [path]


def single(files: list[Path], _: Path) -> list[Path]:
    """The files themselves."""
    return files


def gateway(folder: Path) -> AbstractContextManager[httpx.Client]:
    """A client of a gateway with a data folder of its own."""
    port = free_port()
    settings = {"TESSERA_DATA": str(folder / "data"), "TESSERA_PORT": str(port)}
    return running([sys.executable, "-P", "-c", _START], port, settings)


def ct_series(folder: Path) -> Path:
    """Writes an axial CT of noise, one file a slice, with a header of ordinary length."""
    folder.mkdir()
    study, series, frame_of_reference = (generate_uid() for _ in range(3))
    noise = np.random.default_rng(0)
    for k in range(SLICES):
        image = Dataset()
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, generate_uid()
        image.StudyInstanceUID, image.SeriesInstanceUID = study, series
        image.FrameOfReferenceUID, image.Modality = frame_of_reference, "CT"
        image.SeriesNumber, image.InstanceNumber = 2, k + 1
        image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        image.ImagePositionPatient = [-180, -180, f"{0.7 * k:.1f}"]
        image.PixelSpacing, image.SliceThickness = [0.703, 0.703], 0.7
        image.RescaleSlope, image.RescaleIntercept = 1, -1024
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
        image.Rows = image.Columns = SIDE
        image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
        image.PixelRepresentation = 0
        image.PixelData = noise.integers(0, 4096, (SIDE, SIDE), np.uint16).tobytes()
        image.save_as(folder / f"{k:04}.dcm", enforce_file_format=True)
    return folder


if __name__ == "__main__":
    main()
