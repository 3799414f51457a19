"""Checks the directories of a TIFF before its parser follows them (TIFF 6.0, section 2; BigTIFF).

A file of a few hundred bytes can link its directories in a circle, or state tags of gigabytes; a
parser then runs forever, or fills the memory.
"""

from dataclasses import dataclass
from pathlib import Path
from struct import error, unpack
from typing import IO

from imaging.errors import TesseraError
from imaging.formats.raster import damaged, unsupported

_MOST_DIRECTORIES = 100_000
_MOST_TAGS = 4096
_VALUE_BYTES = (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8)
"""Bytes of one value, by the number of its type; 0 for numbers that are not in use."""
_SIGNED = frozenset((6, 8, 9, 17))
"""SBYTE, SSHORT, SLONG and SLONG8: a negative count would send the parser round in circles."""
_SUBIFDS, _NDPI = 330, 65420
_BIG = 43
_MOST_KINDS = 256
_KIND_TAGS = frozenset((256, 257, 259, 262, 277, 284, 317, 322, 323))
"""Size, compression, interpretation, samples, planes, predictor and tiles; no tag whose value may
lie elsewhere in the file."""


@dataclass(frozen=True, slots=True)
class _Grammar:
    """How numbers are stored: in classic TIFF, in BigTIFF, or by Hamamatsu."""

    order: str
    big: bool
    file_size: int

    def number(self, *, wide: bool) -> str:
        """The format of an offset or a count of values, `wide` if it has 8 bytes."""
        return f"{self.order}{'Q' if wide else 'I'}"

    @property
    def tag_bytes(self) -> int:
        return 20 if self.big else 12


@dataclass(frozen=True, slots=True)
class _Directory:
    numbers: frozenset[int]
    """Of its tags."""
    subifds: tuple[int, ...]
    layout_key: bytes
    """The entries of the tags that tell pages of different size or kind apart."""
    following: bytes
    """Up to 8 bytes behind the tags, in which the offset of the next directory is."""


@dataclass(frozen=True, slots=True)
class Structure:
    """What the directories of a file show without their values."""

    directories: int
    """Number of directories in the chain."""
    ndpi: bool
    """Whether they are those of an NDPI, which has offsets of 64 bits between them."""


def check_structure(path: Path) -> Structure:
    """Visits all directories of the TIFF at `path`.

    Raises UnreadableScan where they form a circle, or tags do not fit into the file;
    UnsupportedScan for more than 100,000 directories, or more than 256 kinds of pages.
    """
    with path.open("rb") as file:
        try:
            start = file.read(16)
            order = "<" if start[:2] == b"II" else ">"
            big = unpack(f"{order}H", start[2:4])[0] == _BIG
            grammar = _Grammar(order, big, path.stat().st_size)
            return _follow(file, grammar, start)
        except error as cause:
            raise damaged("The image ends inside a directory of its tags.") from cause


def _follow(file: IO[bytes], grammar: _Grammar, start: bytes) -> Structure:
    """Visits the chain of directories and all SubIFDs."""
    at = unpack(grammar.number(wide=grammar.big), start[8:16] if grammar.big else start[4:8])[0]
    wide_at = unpack("<Q", start[4:12])[0]
    ndpi = _is_ndpi(file, grammar, at, wide_at)
    if ndpi:
        at = wide_at
    chain: set[int] = set()
    kinds: set[bytes] = set()
    branches = 0
    while 0 < at < grammar.file_size:
        if at in chain:
            raise damaged("The directories of the image's tags form a circle.")
        chain.add(at)
        directory = _directory(file, grammar, at)
        branches += _branches(file, grammar, directory)
        kinds.add(directory.layout_key)
        if len(kinds) > _MOST_KINDS:
            raise unsupported(f"The file has more than {_MOST_KINDS} images of different kinds.")
        if len(chain) + branches > _MOST_DIRECTORIES:
            raise unsupported(f"The file has more than {_MOST_DIRECTORIES:,} directories of tags.")
        wide = grammar.big or ndpi
        width = 8 if wide else 4
        if len(directory.following) < width:
            break
        at = unpack(grammar.number(wide=wide), directory.following[:width])[0]
    return Structure(len(chain), ndpi)


def _is_ndpi(file: IO[bytes], grammar: _Grammar, at: int, wide_at: int) -> bool:
    """Whether the first directory is Hamamatsu's, whose offset has 64 bits.

    `at`: its lower 32 bits, which are the whole offset in any other classic TIFF. Only in a file
    above 4 GiB, bits above them can be a part of the offset.
    """
    if grammar.big or grammar.order == ">":
        return False
    if wide_at == at or not 0 < wide_at < grammar.file_size:
        return 0 < at < grammar.file_size and _has_ndpi_tag(file, grammar, at)
    try:
        return _has_ndpi_tag(file, grammar, wide_at)
    except (error, TesseraError):  # the four bytes are not a part of the offset
        return False


def _has_ndpi_tag(file: IO[bytes], grammar: _Grammar, at: int) -> bool:
    return _NDPI in _directory(file, grammar, at).numbers


def _branches(file: IO[bytes], grammar: _Grammar, directory: _Directory) -> int:
    """How many SubIFDs a directory names; checks each."""
    for at in directory.subifds:
        if 0 < at < grammar.file_size:
            _directory(file, grammar, at)
    return len(directory.subifds)


def _directory(file: IO[bytes], grammar: _Grammar, at: int) -> _Directory:
    file.seek(at)
    count = unpack(
        f"{grammar.order}{'Q' if grammar.big else 'H'}", file.read(8 if grammar.big else 2)
    )[0]
    if count > _MOST_TAGS:
        raise damaged("A directory of the image's tags has too many entries.")
    size = grammar.tag_bytes
    entries, following = file.read(count * size), file.read(8)
    numbers: set[int] = set()
    layout_key = b""
    subifds: tuple[int, ...] = ()
    for n in range(count):
        entry = entries[n * size : (n + 1) * size]
        layout = f"{grammar.order}HH{'Q' if grammar.big else 'I'}"
        number, kind, values = unpack(layout, entry[: 12 if grammar.big else 8])
        numbers.add(number)
        if number in _KIND_TAGS and kind in _SIGNED:
            raise damaged("A tag of the image has a type with a sign, which it cannot have.")
        if number in _KIND_TAGS:
            layout_key += entry
        bytes_each = _VALUE_BYTES[kind] if kind < len(_VALUE_BYTES) else 0
        if values * bytes_each > grammar.file_size:
            raise damaged("A tag of the image is larger than the file.")
        if number == _SUBIFDS and bytes_each in (4, 8):
            subifds = _offsets(file, grammar, entry, values, wide=bytes_each == 8)
    return _Directory(frozenset(numbers), subifds, layout_key, following)


def _offsets(
    file: IO[bytes], grammar: _Grammar, entry: bytes, values: int, *, wide: bool
) -> tuple[int, ...]:
    """The values of the tag SubIFDs."""
    if values > _MOST_DIRECTORIES:
        raise unsupported(f"The file has more than {_MOST_DIRECTORIES:,} directories of tags.")
    size = values * (8 if wide else 4)
    field = entry[12:] if grammar.big else entry[8:]
    if size > len(field):
        file.seek(unpack(grammar.number(wide=grammar.big), field)[0])
        field = file.read(size)
    return unpack(f"{grammar.order}{values}{'Q' if wide else 'I'}", field[:size])
