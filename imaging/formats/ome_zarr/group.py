"""The images in an OME-Zarr file: one, or the series of a collection (bioformats2raw)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imaging.errors import TesseraError
from imaging.formats.archive import entries
from imaging.formats.ome_zarr.errors import invalid_metadata, unsupported
from imaging.formats.ome_zarr.metadata import ZarrImage, parsed_image
from imaging.formats.scan_part import check_part_count

ROOT_FILES = ("zarr.json", ".zgroup")
"""Files of which the folder of a group has one, in Zarr 3 and in Zarr 2."""
_LAYOUT = "bioformats2raw.layout"
"""Attribute of a group whose members are images (NGFF 0.4, 3.2)."""


def root_folder(path: Path) -> str | None:
    """The folder of the outermost group in a zip, '' for the zip itself; None without a group."""
    parts = (name.rpartition("/") for name in entries(path))
    folders = [folder for folder, _, name in parts if name in ROOT_FILES]
    return min(folders, key=lambda folder: (folder.count("/") + bool(folder), folder), default=None)


@dataclass(frozen=True, slots=True, eq=False)
class ImageGroup:
    """An opened OME-Zarr; its images share one store, whose checks are those of the last image."""

    store: Any
    group: Any
    names: tuple[str, ...]
    """Paths of the images in the group; '' for the group itself."""

    @classmethod
    def open(cls, path: Path) -> "ImageGroup":
        """Raises UnsupportedScan, and whatever zarr raises."""
        import zarr  # lazily: it takes a quarter of a second

        from imaging.formats.ome_zarr.store import checked_store

        store = checked_store(path)
        within = "" if path.is_dir() else root_folder(path) or ""
        group = zarr.open_group(store, path=within, mode="r")
        return cls(store, group, _names(group))

    def image(self, number: int) -> ZarrImage:
        """Image `number`, from 0; from then on, the store checks that image's chunks."""
        from imaging.formats.ome_zarr.store import chunk_checks

        self.store.checks = None
        name = self.names[number]
        try:
            group = self.group[name] if name else self.group
            image = parsed_image(group, _attributes(group))
        except (TesseraError, MemoryError):
            raise
        except Exception as error:
            raise invalid_metadata() from error
        self.store.checks = chunk_checks(image.array)
        if self.store.checks is None:
            raise unsupported(
                "The compression of the image's chunks is not supported.",
                expected="Chunks compressed with Blosc, Zstandard, gzip or zlib, without filters.",
                hint="Save the image again with one of these.",
            )
        return image


def _attributes(group: Any) -> Mapping[str, Any]:
    """The NGFF metadata: those of 0.5 are under `ome`."""
    attributes: Mapping[str, Any] = dict(group.attrs)
    nested: Mapping[str, Any] = attributes.get("ome", attributes)
    return nested


def _names(group: Any) -> tuple[str, ...]:
    attributes = _attributes(group)
    if "plate" in attributes or "well" in attributes:
        raise unsupported(
            "This is a plate of wells, which holds many fields of view.",
            expected="One image: a field of view of a well.",
            hint="Send the folder of one field, such as A/1/0, or a zip of it.",
        )
    if "multiscales" in attributes or _LAYOUT not in attributes:
        return ("",)
    stated = _attributes(group["OME"]).get("series") if "OME" in group else None
    names = tuple(map(str, stated)) if stated else _numbered(group)
    check_part_count(len(names))
    if not names:
        raise unsupported("The collection holds no image.")
    return names


def _numbered(group: Any) -> tuple[str, ...]:
    """0, 1, 2 ... as far as there are such members."""
    count = 0
    while str(count) in group:
        count += 1
        check_part_count(count)
    return tuple(map(str, range(count)))
