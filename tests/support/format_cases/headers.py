"""Headers by their own grammar: unusual ones that are sound, and damaged ones."""

import gzip
import struct
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import tifffile
from nibabel.nifti2 import Nifti2Image
from numpy.typing import NDArray
from pydicom import Dataset, dcmwrite
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from imaging.scan import Scan
from tests.support import tiff_files
from tests.support.dicom.files import picture
from tests.support.format_cases.case import Check, FormatCase
from tests.support.format_cases.checks import image_of, volume_of
from tests.support.format_cases.readers import Volume, by_nibabel, by_pynrrd, by_simpleitk
from tests.support.placed_scans import TO_LPS, WRITERS, Writer, oblique

_SHAPE = (3, 4, 5)
_VOXELS = np.arange(60, dtype=np.uint8).reshape(_SHAPE)
_DATA = _VOXELS.tobytes("F")
_PIXELS = np.arange(24, dtype=np.uint8).reshape(4, 6)


def _file(name: str, data: bytes) -> Callable[[Path], Path]:
    def write_file(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return write_file


def _nifti(
    changes: Mapping[str, Any], *, version: int = 1, order: str = "<", rest: bytes = b""
) -> bytes:
    """A NIfTI by nibabel whose header fields are then overwritten."""
    kind = nib.Nifti1Image if version == 1 else Nifti2Image
    image = kind(_VOXELS, oblique())
    image.header.set_xyzt_units("mm")
    image.set_qform(oblique(), 1)
    data = bytes(image.to_bytes())
    header = type(image.header)(data[: image.header.sizeof_hdr], check=False)
    for name, value in changes.items():
        header[name] = value
    if order == ">":
        header = header.as_byteswapped(">")
    return header.binaryblock + data[image.header.sizeof_hdr :] + rest


_QFORM = {"sform_code": 0}
_NO_FORM = {"sform_code": 0, "qform_code": 0}
_NIFTI: Mapping[str, bytes] = {
    "gzip": gzip.compress(_nifti({})),
    "NIfTI-2": _nifti({}, version=2),
    "big-endian": _nifti({}, order=">"),
    "qform only": _nifti(_QFORM),
    "`pixdim[0]` 0": _nifti(_QFORM | {"pixdim": [0, 0.7, 1.3, 2.9, 0, 0, 0, 0]}),
    "no form": _nifti(_NO_FORM),
    "`pixdim` 0": _nifti(_NO_FORM | {"pixdim": [1, 0.7, 1.3, 0, 0, 0, 0, 0]}),
    "sform and qform that differ": _nifti({"qoffset_x": 3.0}),
    "dim[4] of 1": _nifti({"dim": [4, 3, 4, 5, 1, 1, 1, 1]}),
    "bytes after the voxels": _nifti({}, rest=b"trailing"),
}
_NIFTI_QFORM = {"singular sform, sound qform": _nifti({"srow_z": [0, 0, 0, 0]})}
_NIFTI_AS_WRITTEN: Mapping[str, bytes] = {
    "bytes after the gzip stream": gzip.compress(_nifti({})) + b"trailing",
}
_NIFTI_BAD: Mapping[str, bytes] = {
    "cut off": _nifti({})[:-1],
    "gzip, cut off": gzip.compress(_nifti({}))[:-9],
    "singular sform, no qform": _nifti({"srow_z": [0, 0, 0, 0], "qform_code": 0}),
    "a size of 0": _nifti({"dim": [3, 3, 0, 5, 1, 1, 1, 1]}),
    "magic of a pair without its `.img`": _nifti({"magic": b"ni1"})[:352],
}


def _nrrd(extra: str = "", data: bytes = _DATA, version: int = 5, **changes: str | None) -> bytes:
    fields: dict[str, str | None] = {
        "type": "uint8", "dimension": "3", "sizes": "3 4 5", "encoding": "raw",
        "space": "left-posterior-superior", "space directions": "(0.7,0,0) (0,1.3,0) (0,0,2.9)",
        "space origin": "(1,2,3)", "space units": '"mm" "mm" "mm"',
    }  # fmt: skip
    fields |= {name.replace("_", " "): value for name, value in changes.items()}
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    text = "\n".join([f"NRRD000{version}", *lines, *filter(None, [extra])])
    return text.encode() + b"\n\n" + data


_NRRD: Mapping[str, bytes] = {
    "NRRD0004": _nrrd(version=4),
    "CR LF": _nrrd(data=b"").replace(b"\n", b"\r\n") + _DATA,
    "comments": _nrrd("# a remark\n# another"),
    "key/value pairs": _nrrd("operator:=nobody"),
    "`space directions: none` left out, `spacings`": _nrrd(
        space=None, space_directions=None, space_origin=None, space_units=None,
        spacings="0.7 1.3 2.9", units='"mm" "mm" "mm"',
    ),
    "gzip": _nrrd(encoding="gzip", data=gzip.compress(_DATA)),
    "`line skip`": _nrrd("line skip: 1", data=b"one\n" + _DATA),
    "`byte skip` -1": _nrrd("byte skip: -1", data=b"anything" + _DATA),
}  # fmt: skip
_NRRD_AS_WRITTEN = {"bytes after the voxels": _nrrd(data=_DATA + b"trailing")}
_NRRD_BAD: Mapping[str, bytes] = {
    "cut off": _nrrd(data=_DATA[:-1]),
    "no `encoding`": _nrrd(encoding=None),
    "sizes that are no numbers": _nrrd(sizes="3 four 5"),
    "a detached file": _nrrd("data file: a.raw", data=b""),
    "bzip2": _nrrd(encoding="bzip2"),
}


def _metaimage(
    data: bytes = _DATA, *, end: str = "ElementDataFile = LOCAL", **changes: str | None
) -> bytes:
    fields: dict[str, str | None] = {
        "ObjectType": "Image", "NDims": "3", "BinaryData": "True", "CompressedData": "False",
        "TransformMatrix": "0 1 0 -1 0 0 0 0 1", "Offset": "7 8 9", "DimSize": "3 4 5",
        "ElementSpacing": "0.7 1.3 2.9", "ElementType": "MET_UCHAR",
    }  # fmt: skip
    lines = [f"{name} = {value}" for name, value in (fields | changes).items() if value is not None]
    return "\n".join([*lines, end]).encode() + b"\n" + data


_METAIMAGE: Mapping[str, bytes] = {
    "colons": _metaimage().replace(b" = ", b": "),
    "no blanks": _metaimage().replace(b" = ", b"="),
    "CR LF": _metaimage(b"").replace(b"\n", b"\r\n") + _DATA,
    "no ObjectType": _metaimage(ObjectType=None),
    "Position": _metaimage(Offset=None, Position="7 8 9"),
    "Rotation": _metaimage(TransformMatrix=None, Rotation="0 1 0 -1 0 0 0 0 1"),
    "ElementSize": _metaimage(ElementSpacing=None, ElementSize="0.7 1.3 2.9"),
    "no TransformMatrix": _metaimage(TransformMatrix=None),
    "HeaderSize -1": _metaimage(b"anything" + _DATA, HeaderSize="-1"),
}
_METAIMAGE_BAD: Mapping[str, bytes] = {
    "cut off": _metaimage(_DATA[:-1]),
    "no DimSize": _metaimage(DimSize=None),
    "a spacing of 0": _metaimage(ElementSpacing="0.7 0 2.9"),
    "voxels in another file": _metaimage(b"", end="ElementDataFile = a.raw"),
    "voxels as text": _metaimage(BinaryData="False"),
}


def _mgh(*, place: bool = True) -> bytes:
    data = bytearray(nib.MGHImage(_VOXELS, oblique()).to_bytes())
    if not place:
        struct.pack_into(">h", data, 28, 0)  # goodRASFlag
    return bytes(data)


_MGH: Mapping[str, bytes] = {
    "gzip": gzip.compress(_mgh()),
    "tags after the voxels": _mgh() + b"\0\0\0\3" + bytes(20),
}


_CORONAL = np.array([[-1, 0, 0, 1.5], [0, 0, 1, -2.5], [0, -1, 0, 2], [0, 0, 0, 1]])
"""FreeSurfer's directions of a volume without any: left, inferior and anterior, 1 mm, around 0."""


def _bare(syntax: str, prefix: bytes) -> bytes:
    """An image whose encoding no file meta information names."""
    image: Dataset = picture(_PIXELS)
    image.file_meta.clear()
    image.preamble = None
    buffer = BytesIO()
    dcmwrite(
        buffer, image, implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian=syntax != ExplicitVRBigEndian,
    )  # fmt: skip
    return prefix + buffer.getvalue()


_SYNTAXES = {
    "implicit little endian": ImplicitVRLittleEndian,
    "explicit little endian": ExplicitVRLittleEndian,
    "explicit big endian": ExplicitVRBigEndian,
}
_PREFIXES = {"no preamble": b"", "no file meta information": bytes(128) + b"DICM"}


def _tiff(**options: Any) -> Callable[[Path], Path]:
    def write_file(folder: Path) -> Path:
        tifffile.imwrite(folder / "a", _PIXELS, metadata=None, **options)
        return folder / "a"

    return write_file


def _without(*tags: int) -> bytes:
    fields, strips = tiff_files.page(_PIXELS, 8, 1)
    return tiff_files.tiff(({t: v for t, v in fields.items() if t not in tags}, strips))


def _analyze(folder: Path) -> Path:
    image = nib.AnalyzeImage(_VOXELS, None)
    image.header.set_zooms((0.7, 1.3, 2.9))
    image.header["vox_units"] = b"mm"
    nib.save(image, folder / "scan.img")
    return folder


def _two_files(
    name: str, variant: str, write: Writer, oracle: str, read: Callable[[Path], Volume], ending: str
) -> FormatCase:
    return FormatCase(
        format=name, kind="header and voxels in two files", variant=variant, oracle=oracle,
        write=lambda folder: write(folder, _VOXELS, oblique()),
        check=volume_of(lambda folder: read(folder / f"scan{ending}")),
    )  # fmt: skip


def _tables(
    name: str, kind: str, files: Mapping[str, bytes], oracle: str, check: Check | None
) -> list[FormatCase]:
    return [
        FormatCase(
            format=name, kind=kind, variant=variant, write=_file("a", data), oracle=oracle,
            check=check,
        )
        for variant, data in files.items()
    ]  # fmt: skip


def _unpacked(path: Path, ending: str) -> Path:
    """The same content, not compressed, under a name that other libraries accept."""
    data = path.read_bytes()
    named = path.with_name(f"named{ending}")
    named.write_bytes(gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data)
    return named


def _nibabel(ending: str) -> Check:
    def read(path: Path) -> Volume:
        voxels, affine = by_nibabel(_unpacked(path, ending))
        return voxels.reshape(_SHAPE, order="F"), affine

    return volume_of(read)


def _qform(scan: Scan, path: Path) -> None:
    """What nibabel makes of the qform alone."""
    image: Any = nib.load(_unpacked(path, ".nii"))
    volume_of(lambda _: (_VOXELS, image.header.get_qform()))(scan, path)


def _as_written(affine: NDArray[Any]) -> Check:
    return volume_of(lambda _: (_VOXELS, affine))


_LPS = TO_LPS @ np.array([[0.7, 0, 0, 1], [0, 1.3, 0, 2], [0, 0, 2.9, 3], [0, 0, 0, 1]])
_HAND = "the definition"
HEADERS = [
    _two_files("nifti", "NIfTI-1", WRITERS["nifti"]["pair"], "nibabel", by_nibabel, ".img"),
    _two_files(
        "nifti", "Analyze 7.5", lambda folder, *_: _analyze(folder), "nibabel", by_nibabel, ".img"
    ),
    _two_files("nrrd", "`.nhdr`", WRITERS["nrrd"]["detached"], "pynrrd", by_pynrrd, ".nhdr"),
    _two_files(
        "metaimage", "`.mhd`", WRITERS["metaimage"]["pair"], "SimpleITK", by_simpleitk, ".mhd"
    ),
    *_tables("nifti", "header", _NIFTI, "nibabel", _nibabel(".nii")),
    *_tables("nifti", "header", _NIFTI_QFORM, "nibabel", _qform),
    *_tables("nifti", "header", _NIFTI_AS_WRITTEN, _HAND, _as_written(oblique())),
    *_tables("nifti", "damaged", _NIFTI_BAD, "", None),
    *_tables("nrrd", "header", _NRRD, "pynrrd", volume_of(by_pynrrd)),
    *_tables("nrrd", "header", _NRRD_AS_WRITTEN, _HAND, _as_written(_LPS)),
    *_tables("nrrd", "damaged or not supported", _NRRD_BAD, "", None),
    *_tables(
        "metaimage", "header", _METAIMAGE, "SimpleITK",
        volume_of(lambda path: by_simpleitk(_unpacked(path, ".mha"))),
    ),
    *_tables("metaimage", "damaged or not supported", _METAIMAGE_BAD, "", None),
    *_tables("mgh", "header", _MGH, "nibabel", _nibabel(".mgh")),
    *_tables(
        "mgh", "header", {"`goodRASFlag` 0": _mgh(place=False)}, _HAND, _as_written(_CORONAL)
    ),
    *_tables("mgh", "damaged", {"cut off": _mgh()[:300]}, "", None),
    *(
        FormatCase(
            format="dicom", kind=kind, variant=variant, oracle="the stored values",
            write=_file("a", _bare(syntax, prefix)), check=image_of(lambda _: _PIXELS),
        )
        for kind, prefix in _PREFIXES.items()
        for variant, syntax in _SYNTAXES.items()
    ),
    *(
        FormatCase(
            format="tiff", kind="header", variant=variant, oracle="tifffile", write=writer,
            check=image_of(tifffile.imread),
        )
        for variant, writer in (
            ("big-endian", _tiff(byteorder=">")), ("BigTIFF", _tiff(bigtiff=True)),
            ("no RowsPerStrip", _file("a", _without(tiff_files.ROWS_PER_STRIP))),
            ("no PhotometricInterpretation", _file("a", _without(tiff_files.PHOTOMETRIC))),
            ("no SamplesPerPixel", _file("a", _without(tiff_files.SAMPLES))),
        )
    ),
    *_tables(
        "tiff", "damaged",
        {
            "cut off": tiff_files.tiff(tiff_files.page(_PIXELS, 8, 1))[:40],
            "no ImageWidth": _without(tiff_files.WIDTH),
            "no ImageLength": _without(tiff_files.LENGTH),
        },
        "", None,
    ),
]  # fmt: skip
