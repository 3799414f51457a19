"""The scans of a card's sample: the same on every machine."""

from collections.abc import Mapping
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import scipy  # loads its parts at their first use

from imaging.box import Box
from imaging.crop import cropped
from imaging.errors import BadModel, Unavailable
from imaging.formats.sniff import open_scan
from imaging.hashes import sha256_of
from imaging.orientation import stored_axes
from imaging.scan import Scan, in_memory
from inference.reference_case import reference_scans
from models.card import ModelCard
from models.card_parts import Channel, Sample
from models.registry import Model

_IMAGES = {
    "nilearn:mni152-t1": "datasets/data/mni_icbm152_t1_*.nii.gz",
    "skimage:immunohistochemistry": "data/ihc.png",
}
"""Package and image -> pattern of its file, relative to the package's folder."""
_SMOOTH = 1.5
"""Standard deviation of the noise's blur, in voxels."""


def sample_scans(model: Model) -> dict[str, Scan]:
    """A scan for each channel of the model.

    Those of the reference case, where the card has no other sample. Raises Unavailable where the
    image's package is not installed, and BadModel where the card has no sample, or one that is
    missing or unknown.
    """
    card, sample = model.card, model.card.sample
    if sample is None:
        return _scans_of_reference(model)
    if sample.kind == "file":
        paths = zip(card.channels, sample.files, strict=True)
        return {channel.name: open_scan(_file(model.folder / name)) for channel, name in paths}
    if sample.kind == "package":
        scan = _part(open_scan(_packaged(sample)), sample)
        return {channel.name: scan for channel in card.channels}
    return {
        channel.name: _noise_of(channel, sample, card, sample.seed + n)
        for n, channel in enumerate(card.channels)
    }


def sample_sha256(scans: Mapping[str, Scan]) -> str:
    """SHA-256 of the scans' names, voxels and voxel sizes."""
    whole = sha256()
    for name, scan in sorted(scans.items()):
        values = np.ascontiguousarray(scan.read(Box.whole(scan.grid)), np.float32)
        whole.update(f"{name} {values.shape} {scan.spacing_mm}".encode())
        whole.update(values.tobytes())
    return whole.hexdigest()


def sample_file_hashes(model: Model) -> tuple[str, ...]:
    """SHA-256 of each file of the sample, empty for one that is missing; () for other samples. For
    a reference case, its checksum."""
    card = model.card
    if card.sample is None:
        return (card.reference.sha256,) if card.reference else ()
    names = card.sample.files
    paths = [model.folder / name for name in names]
    return tuple(sha256_of(path) if path.is_file() else "" for path in paths)


def _scans_of_reference(model: Model) -> dict[str, Scan]:
    card = model.card
    if card.reference is None or len(card.requested_channels) < len(card.channels):
        raise BadModel(
            f"{card.name} has no sample, on which a lower precision than fp32 would be checked.",
            expected="A scan for each of its channels.",
            hint="Import or add the model again, with --sample SCAN or --reference SCAN MASK.",
        )
    return reference_scans(model)


def _file(path: Path) -> Path:
    if not path.is_file():
        raise BadModel(
            f"The model's folder contains no {path.name}, which is the sample of its card.",
            expected="The file beside card.json.",
            hint="Add the model again, from a folder with that file.",
        )
    return path


def _noise_of(channel: Channel, sample: Sample, card: ModelCard, seed: int) -> Scan:
    """Noise; for a channel that is a label map, label numbers in smooth regions."""
    scan = _noise((channel.components, *sample.shape), card, seed)
    if not channel.label_values:
        return scan
    values = scan.read(Box.whole(scan.grid))
    edges = np.quantile(values, np.linspace(0, 1, len(channel.label_values) + 2)[1:-1])
    numbers = np.array([0, *channel.label_values], np.uint16)
    return in_memory(numbers[np.searchsorted(edges, values)], scan.spacing_mm)


def _packaged(sample: Sample) -> Path:
    package = sample.image.partition(":")[0]
    if sample.image not in _IMAGES:
        raise BadModel(
            f"The sample '{sample.image}' is unknown.",
            expected=f"One of: {', '.join(_IMAGES)}; or noise.",
            hint="Use another sample in the card.",
        )
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise Unavailable(
            f"The sample {sample.image} is not installed.",
            expected=f"The package {package}.",
            hint="Install it from Tessera's source folder with: pip install '.[demo]'",
        )
    (path,) = Path(spec.origin).parent.glob(_IMAGES[sample.image])
    return path


def _part(scan: Scan, sample: Sample) -> Scan:
    if not sample.start:
        return scan
    stop = tuple(a + n for a, n in zip(sample.start, sample.shape, strict=True))
    return cropped(scan, Box(sample.start, stop))


def _noise(shape: tuple[int, ...], card: ModelCard, seed: int) -> Scan:
    """Seeded smooth noise, stored along RAS+, on the network's own spacing."""
    rough = np.random.default_rng(seed).standard_normal(shape)
    values = scipy.ndimage.gaussian_filter(rough, (0, *(_SMOOTH for _ in shape[1:]))).astype(
        np.float32
    )
    return in_memory(values, _stored_spacing(card))


def _stored_spacing(card: ModelCard) -> tuple[float, ...] | None:
    """The spacing of a scan stored along RAS+ that has the network's spacing when it is turned."""
    if card.network_spacing_mm is None:
        return (1.0,) * 3 if card.dimension == 3 else None
    order = stored_axes(card.orientation, card.dimension)
    return tuple(card.network_spacing_mm[axis] or 1.0 for axis in np.argsort(order))
