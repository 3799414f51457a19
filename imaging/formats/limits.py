"""How large a scan may be before it is refused."""

from dataclasses import dataclass

from imaging.errors import ScanTooLarge

RAISE_LIMIT = "Crop or downsample it, or raise the limit in the settings."


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits that a file's header is checked against before anything is decoded."""

    max_voxels: int = 2**31
    """Of a volume: the product of its axes."""
    max_pixels: int = 2**28
    """Of an image that must be decoded as a whole (PNG, JPEG): rows times columns. Other images are
    read by region, and only `max_bytes` limits them."""
    max_bytes: int = 16 * 2**30
    """Of the file, or of an image's pixels, once decompressed."""

    def check_volume(self, voxels: int, size: int) -> None:
        """Raises ScanTooLarge unless a volume of `voxels` voxels and `size` bytes is allowed."""
        if voxels > self.max_voxels:
            raise ScanTooLarge(
                f"The header states {voxels:,} voxels.",
                expected=f"At most {self.max_voxels:,} voxels.",
                hint=RAISE_LIMIT,
            )
        self.check_bytes(size)

    def check_image(self, rows: int, columns: int, size: int) -> None:
        """Raises ScanTooLarge unless an image of this many rows, columns and bytes is allowed."""
        if rows * columns > self.max_pixels:
            raise ScanTooLarge(
                f"The image has {rows:,} x {columns:,} pixels.",
                expected=f"At most {self.max_pixels:,} pixels.",
                hint=RAISE_LIMIT,
            )
        self.check_bytes(size)

    def check_chunk(self, pixels: int) -> None:
        """Raises ScanTooLarge unless a strip, tile or chunk of this many pixels is allowed."""
        if pixels > self.max_pixels:
            raise ScanTooLarge(
                f"A strip, tile or chunk of the scan holds {pixels:,} pixels.",
                expected=f"At most {self.max_pixels:,}: each must be decoded as a whole.",
                hint="Save it with smaller tiles or chunks, or raise the limit in the settings.",
            )

    def check_bytes(self, size: int) -> None:
        """Raises ScanTooLarge unless a scan of this many bytes is allowed."""
        if size > self.max_bytes:
            raise ScanTooLarge(
                f"The scan takes {size:,} bytes once decompressed.",
                expected=f"At most {self.max_bytes:,} bytes.",
                hint=RAISE_LIMIT,
            )


UNLIMITED = Limits(1 << 62, 1 << 62, 1 << 62)
"""For files that were accepted before, or written by Tessera."""
