"""Marks of a patient, planted wherever a DICOM image can hold one, and the search for them.

The search knows nothing of how Tessera de-identifies: it looks at every byte and at every bit plane
of a file, and of its frames as imagecodecs decodes them.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom._dicom_dict import DicomDictionary
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.filebase import DicomBytesIO
from pydicom.pixels.decoders.base import get_decoder
from pydicom.sequence import Sequence
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
    SecondaryCaptureImageStorage,
)

TEXT_VRS = ("AE", "AS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT")
BINARY_VRS = ("OB", "OW", "OB or OW", "UN")
TECHNICAL = frozenset(
    (
        *("Manufacturer", "ManufacturerModelName", "SoftwareVersions"),
        *("CodeValue", "LongCodeValue", "URNCodeValue", "CodeMeaning"),
        *("CodingSchemeDesignator", "CodingSchemeVersion", "MappingResourceName"),
        *("SequenceName", "PulseSequenceName", "ImagedNucleus", "StackID", "AcquisitionMode"),
        *("ReceiveCoilName", "TransmitCoilName", "MultiCoilElementName", "MultiCoilConfiguration"),
        *("ConvolutionKernel", "FilterType", "FilterMaterial", "ImageFilter", "PhosphorType"),
        *("CollimatorGridName", "ViewName", "OpticalPathIdentifier", "EnergyWindowName"),
        *("ReferencedOpticalPathIdentifier", "RescaleType", "ModalityLUTType"),
        *("Radiopharmaceutical", "RadiopharmaceuticalRoute", "ContrastBolusRoute"),
        *("AttenuationCorrectionMethod", "ScatterCorrectionMethod", "ReconstructionMethod"),
        *("CardiacFramingType", "TriggerSourceOrType", "TypeOfFilters", "TransducerData"),
        *("ProcessingFunction", "DigitalImageFormatAcquired", "VideoImageFormatAcquired"),
    )
)
"""What acquisition and coding say, which stays."""
NATIVE = (
    *(ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian),
    DeflatedExplicitVRLittleEndian,
)
Encode = Callable[[NDArray[Any]], bytes]


def _lossless(predictor: int) -> Encode:
    return lambda cells: bytes(
        imagecodecs.jpeg8_encode(cells, lossless=True, bitspersample=16, predictor=predictor)
    )


def _j2k(cells: NDArray[Any]) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(cells, codecformat="j2k", reversible=True))


ENCODERS: dict[UID, Encode] = {
    JPEGLossless: _lossless(4),
    JPEGLosslessSV1: _lossless(1),
    JPEGLSLossless: lambda cells: bytes(imagecodecs.jpegls_encode(cells)),
    JPEGLSNearLossless: lambda cells: bytes(imagecodecs.jpegls_encode(cells)),
    JPEG2000Lossless: _j2k,
    JPEG2000: _j2k,
    **dict.fromkeys(
        (HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K),
        lambda cells: bytes(imagecodecs.htj2k_encode(cells, reversible=True)),
    ),
}
"""Syntaxes whose streams hold all 16 bits of a cell."""
LOSSY = (JPEGBaseline8Bit, JPEGExtended12Bit)
"""Syntaxes whose streams hold 8 bits here, and no unused ones."""
SYNTAXES = (*NATIVE, RLELossless, *ENCODERS)


@dataclass
class Marks:
    """Marks that were planted: where, and what."""

    planted: dict[str, bytes]
    _numbers: Any

    @classmethod
    def none(cls) -> "Marks":
        return cls({}, itertools.count(1))

    def new(self, place: str) -> bytes:
        """A mark of ten letters and digits, which is nowhere by chance."""
        self.planted[place] = f"NORMA{next(self._numbers):05}".encode()
        return self.planted[place]

    def found(self, content: bytes) -> set[str]:
        """Places whose marks are in a DICOM file."""
        layers = list(_layers(content))
        bits = list(_bit_planes(content))
        return {
            place
            for place, mark in self.planted.items()
            if any(form in layer for form in _forms(mark) for layer in layers)
            or any(plane in layer for plane in _as_bits(mark) for layer in bits)
        }


def plant_texts(image: Dataset, marks: Marks, *, skip: frozenset[str] = frozenset()) -> None:
    """In every attribute of the dictionary with a text or a date, and in an item of a sequence."""
    item = Dataset()
    for tag, (vr, _, _, _, keyword) in DicomDictionary.items():
        if not keyword or keyword in skip or vr not in TEXT_VRS or tag >> 16 <= 6:
            continue
        if keyword in ("SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID"):
            continue
        image.add_new(tag, vr, marks.new(keyword).decode())
        item.add_new(tag, vr, marks.new(f"{keyword} in an item").decode())
    image.ContributingEquipmentSequence = Sequence([item])


def plant_objects(image: Dataset, marks: Marks) -> None:
    """In private attributes, overlays, curves, icons, binary values and the file's header."""
    for tag, (vr, _, _, _, keyword) in DicomDictionary.items():
        if vr in BINARY_VRS and tag >> 16 > 6 and keyword and "Pixel" not in keyword:
            image.add_new(tag, vr[:2], marks.new(keyword))
    image.private_block(0x0009, marks.new("creator").decode(), create=True).add_new(
        0x01, "LO", marks.new("private text").decode()
    )
    image.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(
        0x10, "OB", marks.new("private blob")
    )
    for group in (0x5000, 0x501E, 0x5020, 0x50FE):
        image.add_new((group, 0x2500), "LO", marks.new(f"curve label {group:x}").decode())
        image.add_new((group, 0x3000), "OW", marks.new(f"curve {group:x}"))
    for group in (0x6000, 0x601E, 0x6020, 0x60FE):
        image.add_new((group, 0x0010), "US", 8)
        image.add_new((group, 0x0011), "US", 10)
        image.add_new((group, 0x1500), "LO", marks.new(f"overlay label {group:x}").decode())
        image.add_new((group, 0x3000), "OW", marks.new(f"overlay {group:x}"))
    image.add_new(0x00280400, "LO", marks.new("retired repeater").decode())
    for keyword in ("IconImageSequence", "ContributingSourcesSequence"):
        icon = Dataset()
        icon.Rows, icon.Columns, icon.BitsAllocated = 2, 5, 8
        icon.add_new("PixelData", "OW", marks.new(f"pixels in {keyword}"))
        setattr(image, keyword, Sequence([icon]))
    lut = Dataset()
    lut.LUTDescriptor, lut.ModalityLUTType = [4, 0, 16], "US"
    lut.add_new("LUTData", "OW", bytes(8) + marks.new("behind a lookup table"))
    image.VOILUTSequence = Sequence([lut])
    image.file_meta.SourceApplicationEntityTitle = marks.new("source AE title").decode()
    image.file_meta.PrivateInformationCreatorUID = UID("1.2.3")
    image.file_meta.PrivateInformation = marks.new("private information")
    image.preamble = marks.new("preamble").ljust(128, b"\0")


def plant_padding(content: bytes, marks: Marks) -> bytes:
    """A file, explicit little endian, with Data Set Trailing Padding (PS3.10, 7.2)."""
    mark = marks.new("trailing padding")
    return content + b"\xfc\xff\xfc\xffOB\0\0" + len(mark).to_bytes(4, "little") + mark


def plant_pixels(
    image: Dataset, values: NDArray[np.uint16], syntax: UID, marks: Marks, *, high: int = 11
) -> None:
    """Stores (rows, columns) 12-bit values, with a mark in each unused bit and around the frame."""
    if syntax in LOSSY:
        _plant_lossy(image, values, syntax, marks)
        return
    cells = values.astype(np.uint16) << (high - 11)
    for bit in (*range(high - 11), *range(high + 1, 16)):
        drawn = np.unpackbits(np.frombuffer(marks.new(f"pixel bit {bit}"), np.uint8))
        cells.reshape(-1)[: drawn.size] |= drawn.astype(np.uint16) << bit
    image.Rows, image.Columns = values.shape
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, high
    image.PixelRepresentation = 0
    image.file_meta.TransferSyntaxUID = syntax
    if syntax in NATIVE:
        kind = "<u2" if syntax.is_little_endian else ">u2"
        content = cells.astype(kind).tobytes() + marks.new("behind the pixels")
        image.add_new("PixelData", "OW", content)
        return
    if syntax == RLELossless:
        stream = _rle(cells)
    else:
        stream = marked_stream(ENCODERS[syntax](cells), marks) + marks.new("behind the stream")
    image.PixelData = encapsulate([stream + b"\0" * (len(stream) % 2)])
    image["PixelData"].VR, image["PixelData"].is_undefined_length = "OB", True


def _plant_lossy(image: Dataset, values: NDArray[np.uint16], syntax: UID, marks: Marks) -> None:
    image.Rows, image.Columns = values.shape
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated = image.BitsStored = 8
    image.HighBit, image.PixelRepresentation = 7, 0
    image.file_meta.TransferSyntaxUID = syntax
    encoded = bytes(imagecodecs.jpeg8_encode((values >> 4).astype(np.uint8)))
    stream = marked_stream(encoded, marks) + marks.new("behind the stream")
    image.PixelData = encapsulate([stream + b"\0" * (len(stream) % 2)])
    image["PixelData"].VR, image["PixelData"].is_undefined_length = "OB", True


def marked_stream(stream: bytes, marks: Marks) -> bytes:
    """A JPEG, JPEG-LS or JPEG 2000 stream with marks in comments, and in application data."""
    if stream.startswith(b"\xff\x4f"):  # JPEG 2000: COM before the first tile-part
        at = stream.index(b"\xff\x90")
        text = b"\0\1" + marks.new("comment")
        return stream[:at] + _segment(0x64, text) + stream[at:]
    exif = _segment(0xE1, b"Exif\0\0" + marks.new("application data"))
    return stream[:2] + exif + _segment(0xFE, marks.new("comment")) + stream[2:]


def _segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content


def _rle(cells: NDArray[Any]) -> bytes:
    image = Dataset()
    image.Rows, image.Columns = cells.shape
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.PixelRepresentation = 15, 0
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID, image.SOPInstanceUID = SecondaryCaptureImageStorage, UID("1.2.3")
    image.PixelData = cells.tobytes()
    image.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    return next(generate_frames(image.PixelData, number_of_frames=1))


def _layers(content: bytes) -> Iterator[bytes]:
    """The file, its data set where it is deflated, and its bytes in swapped pairs."""
    image = dcmread(DicomBytesIO(content))
    plain = content
    if image.file_meta.TransferSyntaxUID.is_deflated:
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        buffer = DicomBytesIO()
        image.save_as(buffer, enforce_file_format=True)
        plain = buffer.getvalue()
    for layer in (content, plain):
        yield layer
        yield b"".join(layer[n + 1 : n + 2] + layer[n : n + 1] for n in range(0, len(layer), 2))


def _bit_planes(content: bytes) -> Iterator[bytes]:
    """Each bit of every byte, every second and every fourth byte of the pixels; a byte per bit."""
    image = dcmread(DicomBytesIO(content))
    stored = np.frombuffer(image.get("PixelData") or b"", np.uint8)
    syntax = image.file_meta.TransferSyntaxUID
    cells = [stored]
    if syntax.is_encapsulated:
        cells += [np.frombuffer(frame.tobytes(), np.uint8) for frame in _decoded(image)]
    for one in cells:
        for step in (1, 2, 4):
            for start in range(step):
                for bit in range(8):
                    yield (one[start::step] >> bit & 1).tobytes()


def _decoded(image: Dataset) -> list[NDArray[Any]]:
    """Frames with all bits of their streams."""
    syntax = image.file_meta.TransferSyntaxUID
    if syntax == RLELossless:
        decoder = get_decoder(syntax)
        frames = decoder.iter_array(
            image, raw=True, decoding_plugin="pydicom", correct_unused_bits=False
        )
        return [frame for frame, _ in frames]
    count = int(image.get("NumberOfFrames", 1))
    streams = generate_frames(image.PixelData, number_of_frames=count)
    return [np.ascontiguousarray(imagecodecs.imread(stream)) for stream in streams]


def _forms(mark: bytes) -> tuple[bytes, ...]:
    text = mark.decode()
    return mark, text.encode("utf-16-le"), text.encode("utf-16-be"), mark[::-1]


def _as_bits(mark: bytes) -> Iterator[bytes]:
    values = np.frombuffer(mark, np.uint8)
    yield np.unpackbits(values).tobytes()
    yield np.unpackbits(values, bitorder="little").tobytes()
