"""A scan of a batch: where its files are, and whether they have changed."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from cli.batch.dicom_folder import series_files
from cli.input_scans import InputScan, input_scans
from imaging.formats.joined_pair import data_file_of

_DIGITS = 32


@dataclass(frozen=True, slots=True)
class ScanPath:
    """Where a scan is. Its files are looked for when its turn comes, not before."""

    path: Path
    choice: Mapping[str, Any] = field(default_factory=dict)
    """Which of several scans is meant: values of `series`, `stack` and `volume`."""
    is_series: bool = False
    """Whether it is the DICOM files of a folder, without those in folders below it."""

    def scan(self) -> InputScan:
        """The scan with its files; raises BadRequest where there are none."""
        if self.is_series:
            return InputScan(self.path, tuple(series_files(self.path)), self.choice)
        (scan,) = input_scans([self.path])
        return replace(scan, choice=self.choice)

    def files(self) -> Iterable[Path]:
        """All files that the scan may be made of; raises OSError where there are none."""
        if self.is_series:
            return series_files(self.path)
        if self.path.is_dir():
            return sorted(path for path in self.path.rglob("*") if path.is_file())
        data = data_file_of(self.path)
        return [self.path] if data is None else [self.path, data]


@dataclass(frozen=True, slots=True)
class Entry:
    """The scans of one mask."""

    id: str
    """Unique in the batch."""
    channels: Mapping[str, ScanPath]
    """Channel -> scan. The mask is on the grid of the first; the key of a single scan is ''."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Further columns of the table that lists the scans, by name."""

    @property
    def grid(self) -> ScanPath:
        """The scan that the mask has the grid of."""
        return next(iter(self.channels.values()))

    def fingerprint(self) -> str:
        """A text that changes with the names, sizes or times of the files, and with the choice.

        Raises OSError where a file cannot be found.
        """
        facts = [
            [name, sorted(scan.choice.items()), [_facts(scan.path, file) for file in scan.files()]]
            for name, scan in self.channels.items()
        ]
        return sha256(json.dumps(facts).encode()).hexdigest()[:_DIGITS]


def _facts(path: Path, file: Path) -> tuple[str, int, int]:
    state = file.stat()
    inner = str(file.relative_to(path)) if file.is_relative_to(path) else file.name
    return inner, state.st_size, state.st_mtime_ns
