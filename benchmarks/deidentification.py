"""Plants marks of a patient in images of every SOP class and transfer syntax, and looks for them.

    python -m benchmarks.deidentification [--classes 3] [--out marks.json]

Each image has more than 1,500 marks: in every text attribute of the dictionary, in private blobs,
overlays, curves, icons, unused bits and comments. After de-identification every byte and every bit
plane of the file is searched, and the attributes are compared with what dicomanonymizer removes.
Run it in the repository's root, because the marks are those of the tests.
"""

import argparse
import json
import tempfile
from io import BytesIO
from pathlib import Path
from time import perf_counter

import numpy as np
from dicomanonymizer import anonymize_dataset
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.uid import UID, UID_dictionary

from imaging.formats.dicom.deidentify import deidentify_file
from imaging.formats.dicom.instance import is_image
from tests.support.dicom.mr_series import series
from tests.support.dicom.planted_marks import (
    LOSSY,
    SYNTAXES,
    TECHNICAL,
    Marks,
    plant_objects,
    plant_pixels,
    plant_texts,
)


def main() -> None:
    """Prints a line for each transfer syntax, and the places that were found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classes", type=int, default=0, help="at most this many SOP classes")
    parser.add_argument("--out", type=Path, help="JSON file for the numbers")
    options = parser.parse_args()
    classes = sop_classes()[: options.classes or None]
    total, started = {"images": 0, "marks": 0, "found": 0}, perf_counter()
    for syntax in (*SYNTAXES, *LOSSY):
        marks = found = 0
        for sop_class in classes:
            planted, places = one(sop_class, syntax)
            marks, found = marks + planted, found + len(places)
            for place in sorted(places):
                print(f"found: {place}, {sop_class.name}, {syntax.name}")
        print(f"{syntax.name:55} {len(classes)} classes, {marks:6} marks, {found} found")
        total["images"] += len(classes)
        total["marks"] += marks
        total["found"] += found
    print(total, f"{perf_counter() - started:.0f} s")
    if options.out:
        options.out.write_text(json.dumps(total))


def sop_classes() -> list[UID]:
    """Every storage class of images that Tessera reads."""
    names = (uid for uid, entry in UID_dictionary.items() if entry[1] == "SOP Class")
    return [UID(uid) for uid in sorted(names) if is_image(uid) and "Storage" in UID(uid).name]


def one(sop_class: UID, syntax: UID) -> tuple[int, set[str]]:
    """Number of marks in an image, and the places where one was found afterwards."""
    image, marks = series(1, SOPClassUID=sop_class)[0], Marks.none()
    image.file_meta.MediaStorageSOPClassUID = sop_class
    plant_texts(image, marks, skip=TECHNICAL)
    plant_objects(image, marks)
    values = np.random.default_rng(1).integers(0, 4096, (16, 24)).astype(np.uint16)
    plant_pixels(image, values, syntax, marks)
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "before.dcm", Path(folder) / "after.dcm"
        dcmwrite(before, image, enforce_file_format=True)
        deidentify_file(before, after, b"secret")
        content = after.read_bytes()
    return len(marks.planted), marks.found(content) | kept_by_us_alone(image, content)


def kept_by_us_alone(image: Dataset, content: bytes) -> set[str]:
    """Attributes that dicomanonymizer removes or changes, and that are still as they were."""
    theirs = dcmread(BytesIO(_written(image)))
    anonymize_dataset(theirs, delete_private_tags=True)
    ours = dcmread(BytesIO(content))
    return {
        element.keyword or str(element.tag)
        for element in dcmread(BytesIO(_written(image)))
        if element.tag in ours
        and element.value
        and element.VR != "SQ"
        and ours[element.tag].value == element.value
        and (element.tag not in theirs or theirs[element.tag].value != element.value)
    }


def _written(image: Dataset) -> bytes:
    buffer = BytesIO()
    dcmwrite(buffer, image, enforce_file_format=True)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
