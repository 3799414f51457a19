"""How large a scan may be before it is refused."""

from dataclasses import dataclass

from imaging.errors import ScanTooLarge

RAISE_LIMIT = "Cut or down-sample it, or raise the limit in the settings."


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that are checked against a file's header, before anything is decoded."""

    max_voxels: int = 2**31
    """Of a volume, all axes together."""
    max_pixels: int = 2**28
    """Of a picture that must be decoded whole (PNG, JPEG): rows times columns. Others are read by
    region, and bounded by `max_bytes` alone."""
    max_bytes: int = 16 * 2**30
    """Of the file, or a picture's pixels, once decompressed."""

    def check_volume(self, voxels: int, size: int) -> None:
        """Raises ScanTooLarge where a volume of `voxels` voxels and `size` bytes is refused."""
        if voxels > self.max_voxels:
            raise ScanTooLarge(
                f"The header promises {voxels:,} voxels.",
                expected=f"At most {self.max_voxels:,}.",
                hint=RAISE_LIMIT,
            )
        self.check_bytes(size)

    def check_picture(self, rows: int, columns: int, size: int) -> None:
        """Raises ScanTooLarge where a picture of these rows and columns is refused."""
        if rows * columns > self.max_pixels:
            raise ScanTooLarge(
                f"The picture has {rows:,} x {columns:,} pixels.",
                expected=f"At most {self.max_pixels:,} pixels.",
                hint=RAISE_LIMIT,
            )
        self.check_bytes(size)

    def check_piece(self, pixels: int) -> None:
        """Raises ScanTooLarge where a strip, tile or chunk, which must be decoded whole, is."""
        if pixels > self.max_pixels:
            raise ScanTooLarge(
                f"A strip, tile or chunk of the scan holds {pixels:,} pixels.",
                expected=f"At most {self.max_pixels:,}: each must be decoded whole.",
                hint="Save it with smaller tiles or chunks, or raise the limit in the settings.",
            )

    def check_bytes(self, size: int) -> None:
        """Raises ScanTooLarge where a scan of so many bytes is refused."""
        if size > self.max_bytes:
            raise ScanTooLarge(
                f"The scan takes {size:,} bytes once decompressed.",
                expected=f"At most {self.max_bytes:,}.",
                hint=RAISE_LIMIT,
            )
