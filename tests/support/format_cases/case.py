"""One case: a kind of file, how it is written, and what other software makes of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from imaging.errors import SeveralScans, TesseraError
from imaging.formats import registry
from imaging.formats.incoming import ScanSelection, incoming_scans
from imaging.formats.limits import Limits
from imaging.formats.sniff import verify
from imaging.scan import Scan

Check = Callable[[Scan, Path], None]
"""Compares the scan with what the oracle reads of the file, or with values typed by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatCase:
    """A row of the page, or a part of a row: cases with the same `kind` and result share one."""

    format: str
    """Name of the scan format."""
    kind: str
    """What is special about the file."""
    variant: str = ""
    """What tells cases of one kind apart."""
    write: Callable[[Path], Path]
    """Writes the file into an empty folder; returns it, or a folder of files."""
    oracle: str
    """What the scan is compared with."""
    check: Check | None
    """None: the file is not read."""
    selection: ScanSelection = field(default_factory=ScanSelection)

    @property
    def title(self) -> str:
        """The title of its format."""
        (title,) = (one.title for one in registry.SCAN_FORMATS if one.name == self.format)
        return title

    def result(self, folder: Path) -> str:
        """What Tessera does with the file, in words; raises AssertionError if that is wrong."""
        sent, work = folder / "sent", folder / "work"
        sent.mkdir(parents=True)
        work.mkdir()
        path = self.write(sent)
        try:
            (one,), _ = incoming_scans([path], work, Limits(), self.selection)
            scan = verify(one.path)
        except TesseraError as error:
            if self.check is not None:
                raise
            choice = isinstance(error, SeveralScans)
            return f"{'choice' if choice else 'refused'}: {error.detail}"
        assert self.check is not None, "The file is read, and the case says that it is refused."
        assert scan.format == self.format
        self.check(scan, path)
        return " ".join(["read; warning:", *scan.warnings] if scan.warnings else ["read"])
